# SPDX-License-Identifier: MIT
"""Building cases: random weights and inputs, layers in one call, and a check of what happened."""
from collections import Counter

import numpy as np

from . import packing
from . import program as pg
from .container import Case

UNUSED = (pg.Tensor(),) * pg.OPERANDS


class Builder:
    """A program under construction with its weights, and then its jobs."""

    def __init__(self, name, max_steps=16, tile_steps=4):
        self.name = name
        self.rng = np.random.default_rng(list(name.encode()))
        self.program = pg.Program(max_steps, tile_steps)
        self.fixed = {}                  # region -> bytes of weights
        self.inputs = []                 # (tensor, density)
        self.seen = Counter()
        self.case = None

    # --- tensors and layers ------------------------------------------------------------------
    def input(self, planes, height, width, channels, fmt=pg.UNSIGNED, density=0.3, bound=0):
        t = self.program.tensor(pg.INPUT, fmt, planes, height, width, channels, bound)
        self.inputs.append((t, density))
        return t

    def out(self, role, planes, height, width, channels, fmt=pg.UNSIGNED, bound=0):
        return self.program.tensor(role, fmt, planes, height, width, channels, bound)

    def table(self, values):
        return self.program.add_table(np.atleast_1d(values))

    def neuron(self, theta=None, bias=None, mult=None, model=pg.LIF, **more):
        """A neuron descriptor; THETA, BIAS, MULT are numbers or one for each channel."""
        n = pg.Neuron(model=pg.NO_NEURON if theta is None else model, **more)
        if theta is not None:
            n.threshold_index, n.threshold_count = self.table(theta)
        if bias is not None:
            n.bias_index, n.bias_count = self.table(bias)
        if mult is not None:
            n.mult_index, n.mult_count = self.table(mult)
        return n

    def layer(self, op, ins, out, neuron=None, weights=None, **more):
        """Add a layer; WEIGHTS is (scheme, bits), (scheme, bits, codes[row][weight]) or
        (scheme, bits, bytes)."""
        layer = pg.Layer(op=op, ins=[*ins, *UNUSED[len(ins):]], out=out,
                         neuron=neuron or pg.Neuron(), **more)
        if weights:
            self._place_weights(layer, *weights)
        return self.program.add_layer(layer)

    def _place_weights(self, layer, scheme, bits, codes=None, offset=0):
        if codes is None:
            codes = self._random_codes(scheme, bits, layer.weight_rows)
        layer.quant = pg.Quant(offset, 0, scheme, bits)
        if not isinstance(codes, bytes):
            codes = packing.pack_codes(scheme, bits, codes)
        data = bytes(offset) + codes
        layer.quant.region = self.program.add_region(pg.WEIGHTS, len(data))
        self.fixed[layer.quant.region] = data + bytes(-len(data) % 8)

    def _random_codes(self, scheme, bits, shape):
        codes = self.rng.integers(0, packing.code_count(scheme, bits), shape)
        if scheme == pg.UNIFORM and bits > 1:      # the lowest code, no level, is rare
            again = self.rng.integers(0, 1 << bits, shape)
            lowest = (codes == 1 << bits - 1) & (self.rng.random(shape) < 0.9)
            codes = np.where(lowest, again & ~(1 << bits - 1), codes)
        return codes

    def conv(self, x, channels, weights, neuron, role=pg.OUTPUT, kernel=(3, 3), stride=(1, 1),
             pad=(0, 0), dilation=(1, 1), groups=1, far=(0, 0), planes=1, fmt=pg.UNSIGNED, bound=0,
             **more):
        """PAD on each side, FAR more of it on the lower and the right one."""
        g = pg.Geometry(*kernel, *stride, *pad, *dilation, groups, *far)
        out = self.out(role, planes, *g.out_size(x.height, x.width), channels, fmt, bound)
        self.layer(pg.OP_CONV2D, [x], out, neuron, weights, geometry=g, **more)
        return out

    def linear(self, x, channels, weights, neuron, role=pg.OUTPUT, planes=1, fmt=pg.UNSIGNED,
               bound=0, **more):
        out = self.out(role, planes, x.height, x.width, channels, fmt, bound)
        self.layer(pg.OP_LINEAR, [x], out, neuron, weights, **more)
        return out

    def pool(self, op, x, kernel, stride, pad=(0, 0), dilation=(1, 1), role=pg.OUTPUT,
             far=(0, 0), planes=1, fmt=pg.UNSIGNED, neuron=None, bound=None, **more):
        g = pg.Geometry(*kernel, *stride, *pad, *dilation, 1, *far)
        if bound is None:
            bound = x.bound if op == pg.OP_POOL_MAX and x.format != pg.INT32 else 0
        out = self.out(role, planes, *g.out_size(x.height, x.width), x.channels, fmt, bound)
        self.layer(op, [x], out, neuron, geometry=g, **more)
        return out

    def add(self, a, b, planes, fmt=pg.UNSIGNED, role=pg.OUTPUT, bound=0):
        out = self.out(role, planes, a.height, a.width, a.channels, fmt, bound)
        self.layer(pg.OP_ELEMENTWISE, [a, b], out)
        return out

    def scale(self, mult=None, shift=0):
        """What an operand is brought to: MULT is a number or one for each channel."""
        return pg.Scale(*(self.table(mult) if mult is not None else (0, 0)), shift)

    def two(self, mode, a, b, planes=1, fmt=pg.UNSIGNED, neuron=None, scales=(), role=pg.OUTPUT,
            bound=0):
        """ELEMENTWISE; an operand is repeated where the other one is larger."""
        shape = [max(n) for n in zip(a.shape, b.shape)]
        out = self.out(role, planes, *shape, fmt, bound)
        self.layer(pg.OP_ELEMENTWISE, [a, b], out, neuron, mode=mode, scales=self._scales(scales))
        return out

    @staticmethod
    def _scales(given):
        return [*given, *[pg.Scale()] * (pg.OPERANDS - len(given))]

    def reduce(self, mode, x, axes, groups=0, planes=1, fmt=pg.UNSIGNED, neuron=None,
               role=pg.OUTPUT, bound=0):
        shape = (1 if axes & pg.AXIS_HEIGHT else x.height, 1 if axes & pg.AXIS_WIDTH else x.width,
                 groups or x.channels)
        out = self.out(role, planes, *shape, fmt, bound)
        self.layer(pg.OP_REDUCE, [x], out, neuron, mode=mode, axes=axes,
                   geometry=pg.Geometry(groups=groups))
        return out

    def upsample(self, x, stride, role=pg.OUTPUT):
        out = self.out(role, x.planes, x.height * stride[0], x.width * stride[1], x.channels,
                       x.format, x.bound)
        self.layer(pg.OP_UPSAMPLE, [x], out, geometry=pg.Geometry(1, 1, *stride, 0, 0, 1, 1, 1))
        return out

    def concat(self, ins, axis, planes, fmt=pg.UNSIGNED, scales=(), role=pg.OUTPUT, bound=0):
        shape = list(ins[0].shape)
        shape[axis] = sum(t.shape[axis] for t in ins)
        out = self.out(role, planes, *shape, fmt, bound)
        self.layer(pg.OP_CONCAT, ins, out, axes=1 << axis, scales=self._scales(scales))
        return out

    def turn(self, x, mode, planes, fmt=pg.UNSIGNED, scale=pg.Scale(), role=pg.OUTPUT, bound=0):
        """COPY, axes in another order."""
        out = self.out(role, planes, *(x.shape[i] for i in pg.COPY_AXES[mode]), fmt, bound)
        self.layer(pg.OP_COPY, [x], out, mode=mode, scales=self._scales([scale]))
        return out

    def copy(self, x):
        """X, which lies in scratch, in an output region: a maximum over windows of one."""
        return self.pool(pg.OP_POOL_MAX, x, (1, 1), (1, 1), planes=x.planes, fmt=x.format)

    def attention(self, q, k, v, heads, neuron, role=pg.OUTPUT, planes=1, fmt=pg.UNSIGNED,
                  mode=pg.QK_FIRST):
        out = self.out(role, planes, v.height, v.width, v.channels, fmt)
        self.layer(pg.OP_ATTENTION, [q, k, v], out, neuron, param=heads, mode=mode)
        return out

    def gate(self, ins, heads, mode, role=pg.OUTPUT):
        out = self.out(role, 1, *ins[0].shape)
        self.layer(pg.OP_ATTENTION, ins, out, param=heads, mode=mode)
        return out

    def matmul(self, ins, heads, mode, neuron, role=pg.OUTPUT, planes=1, fmt=pg.UNSIGNED, bound=0):
        """Products of two or three operands, in the shape 1, rows, channels."""
        sides = []
        for tensor, flag in zip(ins, pg.TRANSPOSE):
            side = [tensor.height * tensor.width, tensor.channels // heads]
            sides.append(side[::-1] if mode & flag else side)
        out = self.out(role, planes, 1, sides[0][0], heads * sides[-1][1], fmt, bound)
        self.layer(pg.OP_MATMUL, ins, out, neuron, param=heads, mode=mode)
        return out

    def readout(self, x, kind, channels=0):
        out = self.program.tensor(pg.READOUT, pg.INT32, 0, 1, 1, channels or x.channels)
        self.layer(pg.OP_READOUT, [x], out, param=kind)
        return out

    def events(self, planes, height, width, channels, room, role=pg.OUTPUT, offset=0, bound=0):
        """An EVENTS layer with a list of at least ROOM bytes; returns list and result."""
        region = self.program.add_region(pg.EVENTS, room)
        source = pg.Tensor(offset, region, pg.EVENT_LIST, 0, height, width, channels)
        out = self.out(role, planes, height, width, channels, bound=bound)
        self.layer(pg.OP_EVENTS, [source], out)
        return source, out

    # --- jobs --------------------------------------------------------------------------------
    def random_values(self, tensor, density):
        """Mostly zero; else anything that the format holds."""
        low, high = packing.format_limits(tensor)
        if tensor.format == pg.INT32 and tensor.bound:        # now and then beyond it
            low, high = -tensor.bound * 9 // 8, tensor.bound * 9 // 8
        values = self.rng.integers(low, high + 1, tensor.shape)
        return np.where(self.rng.random(tensor.shape) < density, values if tensor.planes != 1 else 1, 0)

    def random_inputs(self, steps, dirty=False):
        """Bytes of each input region; DIRTY sets the bits that readers must ignore."""
        regions = {}
        for tensor, density in self.inputs:
            data = b''
            for _ in range(steps):
                step = packing.pack_tensor(tensor, self.random_values(tensor, density))
                data += (self._dirty(tensor, step) if dirty else step) + bytes(-len(step) % 8)
            regions[tensor.region] = data
        return regions

    def _dirty(self, tensor, step):
        top = -1 if tensor.format == pg.SIGNED else packing.format_limits(tensor)[1]
        ones = packing.pack_tensor(tensor, np.full(tensor.shape, top))
        mask = np.frombuffer(ones, np.uint8)
        noise = self.rng.integers(0, 256, len(step)).astype(np.uint8)
        return (np.frombuffer(step, np.uint8) | (noise & ~mask)).tobytes()

    def run(self, steps, reset=False, inputs=None, dirty=False):
        """Add a job; INPUTS replaces the random content of some regions."""
        if self.case is None:
            self.case = Case(self.name, self.program)
        regions = {**self.fixed, **self.random_inputs(steps, dirty), **(inputs or {})}
        outcome = self.case.job(steps, regions, reset)
        self.seen += outcome.seen
        for stats in outcome.stats:
            self.seen['out'] += stats['output_spikes']
        return outcome

    def done(self, jobs=(5, 1, 3), needs=('out',), again=2):
        """The usual jobs: a reset, some that go on, a reset again; check NEEDS."""
        if self.case is None:
            for i, steps in enumerate(jobs):
                self.run(steps, reset=i == 0)
            if again:
                self.run(again, reset=True)
        missing = [n for n in needs if not self.seen[n]]
        if missing:
            raise SystemExit(f'{self.name}: nothing there of {missing}: {dict(self.seen)}')
        return self.case
