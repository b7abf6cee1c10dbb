# SPDX-License-Identifier: MIT
"""Executes a program on the bytes of its regions, one time step and one layer after the other."""
import math
import struct
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from . import packing
from . import program as pg
from .neurons import INT32_MAX, INT32_MIN, NeuronStage

EXACT_MASK = sum(1 << i for i, f in enumerate(pg.STATS_FIELDS) if f != 'reserved')
# The core that Documentation/cycle-model.md models.
LANES, PORT_BYTES = 64, 16
INT16_MAX = 2**15 - 1


@dataclass
class Outcome:
    status: int = pg.OK
    layer: int = pg.NO_LAYER
    region: int = pg.NO_REGION
    offset: int = 0
    state: bytes = b''
    stats: list = field(default_factory=list)
    seen: Counter = field(default_factory=Counter)


class BadEvent(Exception):
    pass


# --- operations ------------------------------------------------------------------------------
def window_slices(size, out, stride, pad, dilation, k):
    """For tap K of a window: the outputs whose input lies inside, and those inputs."""
    outs = [o for o in range(out) if 0 <= o * stride + k * dilation - pad < size]
    return outs, [o * stride + k * dilation - pad for o in outs]


def taps(layer):
    """(ky, kx, output rows, output columns, input rows, input columns) of a window."""
    g, i, o = layer.geometry, layer.ins[0], layer.out
    for ky in range(g.kernel_h):
        oy, iy = window_slices(i.height, o.height, g.stride_h, g.pad_h, g.dilation_h, ky)
        for kx in range(g.kernel_w):
            ox, ix = window_slices(i.width, o.width, g.stride_w, g.pad_w, g.dilation_w, kx)
            if oy and ox:
                yield ky, kx, np.ix_(oy, ox), np.ix_(iy, ix)


def conv2d(layer, weights, x):
    """WEIGHTS [group][ky][kx][ci][co]."""
    groups = layer.geometry.groups
    ci, co = layer.ins[0].channels // groups, layer.out.channels // groups
    acc = np.zeros(layer.out.shape, dtype=np.int64)
    for ky, kx, outs, ins in taps(layer):
        for g in range(groups):
            part = x[ins][:, :, g * ci:(g + 1) * ci] @ weights[g, ky, kx]
            acc[outs + (slice(g * co, (g + 1) * co),)] += part
    return acc


def pool_sum(layer, x):
    acc = np.zeros(layer.out.shape, dtype=np.int64)
    for _, _, outs, ins in taps(layer):
        acc[outs] += x[ins]
    return layer.param * acc


def pool_max(layer, x):
    out = np.full(layer.out.shape, np.iinfo(np.int64).min, dtype=np.int64)
    for _, _, outs, ins in taps(layer):
        out[outs] = np.maximum(out[outs], x[ins])
    return out


def elementwise(layer, a, b):
    a, b = np.broadcast_arrays(a, b)
    if layer.mode == pg.ADD:
        return a + b
    if layer.mode == pg.MULTIPLY:
        return a * b
    return {pg.AND: a & b, pg.ANDN: a & ~b, pg.OR: a | b}[layer.mode]


def reduced_axes(layer):
    return tuple(i for i in range(2) if layer.axes & 1 << i)


def reduce(layer, x):
    if layer.axes & pg.AXIS_CHANNELS:
        x = x.reshape(*x.shape[:2], layer.geometry.groups, -1)
    else:
        x = x[..., None]
    axes = reduced_axes(layer) + (3,)
    out = x.sum(axis=axes) if layer.mode == pg.REDUCE_SUM else x.max(axis=axes)
    return out.reshape(layer.out.shape)


def gate(layer, q, k, v):
    """TOKEN: spikes of K where a channel of the head spikes in Q; CHANNEL: those of Q where K
    and V spike together in any token."""
    if layer.mode == pg.CHANNEL:
        return q & (k & v).any(axis=(0, 1))
    heads = q.reshape(*q.shape[:2], layer.param, -1)
    return k & np.repeat(heads.any(axis=3), heads.shape[3], axis=2)


def coverage(layer):
    """How many windows contain each input position."""
    count = np.zeros(layer.ins[0].shape[:2], dtype=np.int64)
    for _, _, _, ins in taps(layer):
        count[ins] += 1
    return count


def attention(layer, q, k, v):
    """The accumulator, and the synaptic operations of the order that the layer states."""
    heads, channels = layer.param, layer.out.channels
    tokens = layer.ins[0].height * layer.ins[0].width
    bits = [packing.set_bits(tensor, t).reshape(tokens, heads, -1).transpose(1, 0, 2)
            for tensor, t in zip(layer.ins, (q, k, v))]
    # [head][token][channel of the head]
    q, k, v = (t.reshape(tokens, heads, -1).transpose(1, 0, 2) for t in (q, k, v))
    if layer.mode == pg.KV_FIRST:
        acc = q @ (k.transpose(0, 2, 1) @ v)
        q, k, v = bits
        synops = (k.sum(2) * v.sum(2)).sum() + q.sum() * (channels // heads)
    else:
        acc = (q @ k.transpose(0, 2, 1)) @ v
        q, k, v = bits
        coincidences = (q.sum(1) * k.sum(1)).sum()
        synops = coincidences + (q.any(2).sum(1) * v.sum((1, 2))).sum()
    return acc.transpose(1, 0, 2).reshape(layer.out.shape), int(synops)


def product(a, b):
    """A product of matrices [head][row][column], each with the set bits of its elements, and
    its synaptic operations: at each inner index every bit of the left with every of the right."""
    (x, bits), (y, others) = a, b
    result = x @ y
    return [(result, np.ones_like(result))], int((bits.sum(1) * others.sum(2)).sum())


def matmul(layer, ins):
    """The accumulator, and the synaptic operations."""
    operands = []
    for k, x in enumerate(ins):
        tensor, both = layer.ins[k], []
        for values in (x, packing.set_bits(tensor, x)):
            values = values.reshape(-1, layer.param, tensor.channels // layer.param)
            both.append(values.transpose((1, 2, 0) if layer.mode & pg.TRANSPOSE[k] else (1, 0, 2)))
        operands.append(both)
    synops = 0
    while len(operands) > 1:
        at = len(operands) - 2 if layer.mode & pg.RIGHT_FIRST else 0
        operands[at:at + 2], more = product(*operands[at:at + 2])
        synops += more
    return operands[0][0].transpose(1, 0, 2).reshape(layer.out.shape), synops


def view(tensor, whole):
    """A box of what was written, or all of it in another shape."""
    if tensor.flags == pg.SLICE:
        y, x, c = tensor.first_y, tensor.first_x, tensor.first_channel
        return whole[y:y + tensor.height, x:x + tensor.width, c:c + tensor.channels]
    return whole.reshape(tensor.shape)


def unpack_weights(layer, data):
    rows, row = layer.weight_rows
    start = layer.quant.offset
    scheme, bits = layer.quant.scheme, layer.quant.bits
    data = data[start:start + layer.weight_bytes]
    codes = packing.unpack_codes(scheme, bits, data, rows, row)
    weights = packing.levels(scheme, bits)[codes]
    if layer.op == pg.OP_LINEAR:
        return weights
    g = layer.geometry
    return weights.reshape(g.groups, g.kernel_h, g.kernel_w, -1, row)


def has_stage(layer):
    """Whether its results are accumulators, which go through a neuron stage."""
    if layer.op == pg.OP_POOL_MAX:
        return layer.ins[0].format == pg.INT32
    if layer.op == pg.OP_ATTENTION:
        return layer.mode in (pg.QK_FIRST, pg.KV_FIRST)
    if layer.op == pg.OP_REDUCE:
        return layer.mode == pg.REDUCE_SUM
    return layer.op in (pg.OP_CONV2D, pg.OP_LINEAR, pg.OP_POOL_SUM, pg.OP_ELEMENTWISE,
                        pg.OP_MATMUL)


# --- layers ----------------------------------------------------------------------------------
class LayerRun:
    """One layer in one job."""

    def __init__(self, job, layer):
        self.job, self.layer = job, layer
        self.stats = dict.fromkeys(pg.STATS_FIELDS, 0)
        self.stage = None
        self.spikes = 0                            # set bits of all operands of a step
        self.kept = {id(tensor): bytes(tensor.bytes) for tensor in layer.kept}
        self.total = None                          # READOUT: int64 per channel
        if has_stage(layer):
            self.stage = NeuronStage(layer, job.program.table, job.seen)
        if layer.op in (pg.OP_CONV2D, pg.OP_LINEAR):
            self.weights = unpack_weights(layer, job.memory[layer.quant.region])
        if layer.op in (pg.OP_CONV2D, pg.OP_POOL_SUM, pg.OP_POOL_MAX):
            self.coverage = coverage(layer)
        if layer.op == pg.OP_READOUT:
            self.total = [0] * layer.out.channels
        if layer.op == pg.OP_EVENTS:
            events, self.records = job.read_events(layer)
            self.event_count = len(events)
            self.events = {}
            for step, *where in events:
                self.events.setdefault(step, []).append(where)

    # State of the layer as bytes.
    def load(self, data):
        own = self.layer.own_state_bytes
        if own and data:
            if self.stage:
                self.stage.load(data[:own])
            else:
                self.total = list(struct.unpack(f'<{self.layer.out.channels}q', data[:own]))
        for tensor in self.layer.kept if data else ():
            self.kept[id(tensor)] = data[own:own + tensor.bytes]
            own += (tensor.bytes + 7) // 8 * 8

    def save(self):
        data = b''
        if self.layer.own_state_bytes:
            data = (self.stage.save() if self.stage
                    else struct.pack(f'<{self.layer.out.channels}q', *self.total))
        for tensor in self.layer.kept:
            data += self.kept[id(tensor)] + bytes(-tensor.bytes % 8)
        return data

    def keep(self, t):
        """At the end of a round."""
        for tensor in self.layer.kept:
            self.kept[id(tensor)] = bytes(self.job.raw(tensor, t))

    def step(self, t, number, again):
        layer = self.layer
        if layer.op == pg.OP_EVENTS:
            out = self._events(t)
        else:
            ins = [self._read(tensor, t) for tensor in layer.operands]
            self._count_inputs(ins)
            if layer.op == pg.OP_POOL_MAX:
                self._count_windows(ins[0], 1)
            ins = [self._scale(k, x) for k, x in enumerate(ins)]
            if layer.op == pg.OP_READOUT:
                return self._readout(ins[0])
            out = self._compute(ins)
            if self.stage:
                out = self.stage.step(out, number, again)
        self._write(out, t)
        return None

    def _read(self, tensor, t):
        """An operand; one that others wrote is clamped to its bound."""
        if tensor.flags & pg.PREVIOUS:
            return packing.unpack_tensor(tensor, self.kept[id(tensor)])
        values = view(tensor, self.job.read(tensor.whole, t))
        if tensor.bound and tensor.region != pg.SCRATCH:
            values = self._clamp(values, *packing.limits(tensor))
        return values

    def _scale(self, k, x):
        scale = self.layer.scales[k]
        if scale == pg.Scale():
            return x
        mult = self.job.program.table[scale.mult_index:scale.mult_index + scale.mult_count]
        x = x * np.array(mult or 1, dtype=np.int64)
        return (x + (1 << (scale.shift - 1))) >> scale.shift if scale.shift else x

    def _compute(self, ins):
        layer, x = self.layer, ins[0]
        if layer.op == pg.OP_CONV2D:
            self._count_windows(x, layer.out.channels // layer.geometry.groups)
            return self._see_int16(conv2d(layer, self.weights, x))
        if layer.op == pg.OP_LINEAR:
            self.stats['synops'] += int(self._bits(x).sum()) * layer.out.channels
            return self._see_int16(x @ self.weights)
        if layer.op == pg.OP_POOL_SUM:
            self._count_windows(x, 1)
            return pool_sum(layer, x)
        if layer.op == pg.OP_POOL_MAX:
            return pool_max(layer, x)
        if layer.op == pg.OP_ATTENTION and layer.mode in (pg.TOKEN, pg.CHANNEL):
            self.stats['synops'] += self.spikes
            return gate(layer, *ins, *[None] * (3 - len(ins)))
        if layer.op == pg.OP_ATTENTION:
            acc, synops = attention(layer, *ins)
            self.stats['synops'] += synops
            return acc
        if layer.op == pg.OP_MATMUL:
            acc, synops = matmul(layer, ins)
            self.stats['synops'] += synops
            return acc
        if layer.op == pg.OP_ELEMENTWISE:
            self.stats['synops'] += self.spikes
            return elementwise(layer, *ins)
        if layer.op == pg.OP_REDUCE:
            self.stats['synops'] += self.spikes
            return reduce(layer, x)
        if layer.op == pg.OP_UPSAMPLE:
            return x.repeat(layer.geometry.stride_h, 0).repeat(layer.geometry.stride_w, 1)
        if layer.op == pg.OP_CONCAT:
            axis = {pg.AXIS_HEIGHT: 0, pg.AXIS_WIDTH: 1, pg.AXIS_CHANNELS: 2}[layer.axes]
            return self._clamp(np.concatenate(ins, axis), *packing.limits(layer.out))
        if layer.op == pg.OP_COPY:
            return self._clamp(x.transpose(pg.COPY_AXES[layer.mode]), *packing.limits(layer.out))
        raise ValueError(f'operation {layer.op}')

    def _see_int16(self, acc):
        self.job.seen['int16 limit'] += int(np.count_nonzero(np.abs(acc) > INT16_MAX + 1))
        return acc

    def _events(self, t):
        out = np.zeros(self.layer.out.shape, dtype=np.int64)
        for y, x, c in self.events.get(t, ()):
            out[y, x, c] += 1
        top = packing.limits(self.layer.out)[1]
        if self.layer.out.planes > 1:
            lost = int(np.maximum(out - top, 0).sum())
            self.stats['saturations'] += lost
            self.job.seen['lost event'] += lost
        self.job.seen['repeated event'] += int(np.maximum(out - 1, 0).sum())
        return np.minimum(out, top)

    def _readout(self, x):
        sums = [int(v) for v in x.sum(axis=(0, 1)).reshape(len(self.total), -1).sum(1)]
        self.stats['synops'] += self.spikes
        if self.layer.param == pg.READOUT_LAST:
            self.total = sums
        elif self.layer.param == pg.READOUT_MAX:
            self.total = [max(a, b - INT32_MIN) for a, b in zip(self.total, sums)]
        else:
            self.total = [a + b for a, b in zip(self.total, sums)]

    def _clamp(self, values, low, high):
        clamped = np.clip(values, low, high)
        lost = int(np.count_nonzero(clamped != values))
        self.stats['saturations'] += lost
        self.job.seen['clamp'] += lost
        return clamped

    # Counters.
    def _bits(self, x):
        return packing.set_bits(self.layer.ins[0], x)

    def _count_windows(self, x, outputs):
        bits = self._bits(x).sum(axis=2)
        self.stats['synops'] += int((bits * self.coverage).sum()) * outputs

    def _count_inputs(self, ins):
        self.spikes = 0
        for tensor, values in zip(self.layer.operands, ins):
            planes = tensor.planes or 1
            self.spikes += int(packing.set_bits(tensor, values).sum())
            self.stats['input_possible'] += tensor.elements * planes
            self.stats['input_bytes'] += tensor.bytes
        self.stats['input_spikes'] += self.spikes

    def _write(self, out, t):
        tensor = self.layer.out
        self.job.write(tensor, t, packing.pack_tensor(tensor, out))
        self.stats['output_spikes'] += int(packing.set_bits(tensor, out).sum())
        self.stats['output_bytes'] += tensor.bytes

    def finish(self):
        """What is done once in a job."""
        layer, stats, steps = self.layer, self.stats, self.job.steps
        if layer.op == pg.OP_READOUT:
            total = self.total                         # MAX keeps it with 2^31 added
            if layer.param == pg.READOUT_MAX:
                total = [v + INT32_MIN for v in total]
            out = np.array([min(max(v, INT32_MIN), INT32_MAX) for v in total])
            lost = sum(int(a) != b for a, b in zip(out, total))
            stats['saturations'] += lost
            self.job.seen['clamp'] += lost
            self._write(out, 0)
        if layer.op == pg.OP_EVENTS:
            stats['input_spikes'] = stats['synops'] = self.event_count
            stats['input_possible'] = layer.ins[0].elements * steps
            stats['input_bytes'] = 8 * self.records
        if self.stage:
            stats['neuron_updates'] = self.stage.updates
            stats['saturations'] += self.stage.saturations
        tiles = -(-steps // self.job.program.tile_steps)
        stats['weight_bytes'] = layer.weight_bytes * tiles
        stats['state_bytes'] = 2 * layer.state_bytes * tiles
        stats['steps'] = steps
        words = 0 if layer.op == pg.OP_EVENTS else math.ceil(Fraction(stats['input_bytes'], 8))
        self._model_cycles(stats, layer.quant.bits, words, self._vector, layer.out.channels)

    @property
    def _vector(self):
        """Channels that one synaptic operation after the other goes through the lanes with."""
        layer, x = self.layer, self.layer.ins[0]
        if layer.op == pg.OP_EVENTS:
            return 1
        if layer.op in (pg.OP_ATTENTION, pg.OP_MATMUL):
            return layer.out.channels // layer.param
        if layer.op == pg.OP_LINEAR:
            return layer.out.channels
        if layer.op == pg.OP_CONV2D and x.channels > layer.geometry.groups:
            return layer.out.channels // layer.geometry.groups
        return layer.out.channels if layer.op == pg.OP_CONV2D else x.channels

    @staticmethod
    def _model_cycles(stats, bits, words, vector, neurons):
        """What follows from the other counters; whole cycles and bytes, rounded up.

        WORDS are looked at, synaptic operations go by VECTOR channels, updates by NEURONS."""
        synops, updates = stats['synops'], stats['neuron_updates']
        host = sum(stats[f] for f in ('weight_bytes', 'input_bytes', 'output_bytes', 'state_bytes'))
        stats['sram_bytes'] = host + math.ceil(Fraction(synops * bits, 8)) + 8 * (synops + updates)
        compute = words + sum(math.ceil(Fraction(n, channels)) * math.ceil(Fraction(channels, LANES))
                              for n, channels in ((synops, vector), (updates, neurons)))
        memory = math.ceil(Fraction(host, PORT_BYTES))
        stats['compute_cycles'], stats['memory_cycles'] = compute, memory
        stats['stall_cycles'] = max(compute, memory) - compute


class Job:
    """Memory of one job: regions by number, and one step slot of scratch."""

    def __init__(self, program, regions, steps):
        self.program, self.steps, self.seen = program, steps, Counter()
        self.memory = {pg.USER + i: r for i, r in enumerate(regions)}
        self.memory[pg.SCRATCH] = bytearray(program.scratch_step_bytes)

    def _start(self, tensor, t):
        if tensor.region == pg.SCRATCH:
            return tensor.offset
        return t * self.program.regions[tensor.region - pg.USER].step_bytes + tensor.offset

    def raw(self, tensor, t):
        start = self._start(tensor, t)
        return self.memory[tensor.region][start:start + tensor.bytes]

    def read(self, tensor, t):
        return packing.unpack_tensor(tensor, bytes(self.raw(tensor, t)))

    def write(self, tensor, t, data):
        start = self._start(tensor, t)
        region = self.memory[tensor.region]
        if start + len(data) > len(region):
            raise ValueError('tensor does not fit its region')
        region[start:start + len(data)] = data

    def read_events(self, layer):
        """The checked events of a list, and the number of records read (with the end mark)."""
        tensor = layer.ins[0]
        data, offset, last, events = self.memory[tensor.region], tensor.offset, 0, []
        while len(data) - offset >= 8:
            event = packing.unpack_event(data, offset)
            if event is None:
                return events, len(events) + 1
            step, y, x, c = event
            if (step < last or step >= self.steps or y >= tensor.height or x >= tensor.width
                    or c >= tensor.channels):
                raise BadEvent(tensor.region, offset)
            last = step
            events.append(event)
            offset += 8
        return events, len(events)


def groups(runs):
    """Layers that loop together; each of the others alone."""
    result = []
    for run in runs:
        if result and run.layer.loop and run.layer.loop == result[-1][0].layer.loop:
            result[-1].append(run)
        else:
            result.append([run])
    return result


def run_job(program, regions, steps, state, reset, seq):
    """Run STEPS steps. REGIONS: bytes of inputs, bytearrays of outputs, by user region.

    STATE is read unless RESET; the new state, if all went well, is in the outcome.
    """
    found, number = (seq, 0) if reset else struct.unpack_from('<2Q', state)
    if found != seq:
        return Outcome(pg.BAD_STATE)
    job = Job(program, regions, steps)
    runs = []
    for index, layer in enumerate(program.layers):
        try:
            runs.append(LayerRun(job, layer))
        except BadEvent as e:
            return Outcome(pg.BAD_EVENT, index, *e.args)
        if not reset:
            at = layer.state_offset
            runs[-1].load(bytes(state[at:at + layer.state_bytes]) if at else b'')
    for t in range(steps):
        for group in groups(runs):
            for again in range(group[0].layer.rounds):
                for run in group:
                    run.step(t, number + t, again)
                for run in group:
                    run.keep(t)
    new = bytearray(program.state_bytes)
    struct.pack_into('<2Q', new, 0, seq + 1, number + steps)
    for run in runs:
        run.finish()
        at = run.layer.state_offset
        new[at:at + run.layer.state_bytes] = run.save() if at else b''
    return Outcome(state=bytes(new), stats=[r.stats for r in runs], seen=job.seen)
