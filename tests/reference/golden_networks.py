# SPDX-License-Identifier: MIT
"""Golden cases of several layers: how operands, scratch, state and tiles work together."""
from golden_cases import event_list, pack_events
from snnqref import program as pg
from snnqref.build import Builder

LIF = dict(leak=pg.DIVN, leak_param=2)
LOIHI = dict(model=pg.CUBA, current_leak=pg.TZ12, current_leak_param=1024, leak=pg.TZ12,
             leak_param=128, compare=pg.GT, delay=1)


def mlp(tile_steps):
    """The shape of the SLAYER networks: first step skipped, current-based, a delay per layer."""
    b = Builder(f'mlp-tiles-{tile_steps}', max_steps=40, tile_steps=tile_steps)
    x = b.input(1, 1, 1, 100, density=0.1)
    h = b.linear(x, 30, (pg.UNIFORM, 5), b.neuron(60 * 64, shift=6, **LOIHI), role=None,
                 flags=pg.SKIP_FIRST)
    o = b.linear(h, 10, (pg.UNIFORM, 4), b.neuron(20 * 64, shift=6, **LOIHI), role=None,
                 flags=pg.SKIP_FIRST)
    b.copy(o)
    b.readout(o, pg.READOUT_SUM)
    return b.done(jobs=(20, 1, 7), again=6, needs=('fire', 'skip', 'negative'))


def cnn():
    """Pools with weights and neurons, convolutions, and a linear layer over all positions."""
    b = Builder('cnn', tile_steps=3)
    x = b.input(1, 12, 12, 2, density=0.2)
    p = b.pool(pg.OP_POOL_SUM, x, (2, 2), (2, 2), role=None, param=28,
               neuron=b.neuron(80, **LOIHI))
    c = b.conv(p, 16, (pg.UNIFORM, 2), b.neuron(5, **LIF), role=None, pad=(1, 1))
    m = b.pool(pg.OP_POOL_MAX, c, (2, 2), (2, 2), role=None)
    d = b.conv(m, 32, (pg.POT, 3), b.neuron(8, **LIF), role=None, kernel=(3, 3))
    b.copy(d)
    b.linear(d, 11, (pg.ODD, 4), b.neuron(9, reset=pg.SOFT, **LIF))
    return b.done(jobs=(6, 1, 3), needs=('fire', 'negative'))


def encoder_block(b, x, channels, heads, planes):
    """Spiking self-attention and MLP with residual counts, as in Spikformer."""
    def lin(t, out, weights, theta):
        return b.linear(t, out, weights, b.neuron(theta, **LIF), role=None)
    q = lin(x, channels, (pg.UNIFORM, 3), 3)
    k = lin(x, channels, (pg.POT, 3), 3)
    v = lin(x, channels, (pg.UNIFORM, 2), 2)
    a = b.attention(q, k, v, heads, b.neuron(8, **LIF), role=None)
    x = b.add(x, lin(a, channels, (pg.POT, 4), 3), planes, role=None)
    h = lin(x, channels * 2, (pg.UNIFORM, 4), 12)
    return b.add(x, lin(h, channels, (pg.ODD, 2), 6), planes, role=None)


def spikformer(tile_steps):
    dims, channels = (8, 8, 2), 24
    b = Builder(f'spikformer-tiles-{tile_steps}', tile_steps=tile_steps)
    source, x = b.events(1, *dims, 8, role=None)
    x = b.conv(x, 12, (pg.UNIFORM, 4), b.neuron(6, **LIF), role=None, pad=(1, 1))
    x = b.pool(pg.OP_POOL_MAX, x, (3, 3), (2, 2), (1, 1), role=None)
    x = b.conv(x, channels, (pg.POT, 3), b.neuron(4, **LIF), role=None, stride=(2, 2), pad=(1, 1))
    for planes in (2, 3):
        x = encoder_block(b, x, channels, 3, planes)
    y = b.linear(x, 10, (pg.UNIFORM, 8), b.neuron(None, list(range(-5, 5)), 3, requant_shift=1),
                 role=None, planes=0, fmt=pg.INT32)
    b.readout(y, pg.READOUT_SUM)
    b.readout(x, pg.READOUT_LAST)
    for i, steps in enumerate((3, 1, 4)):
        events = event_list(b.rng, steps, *dims, 25 * steps)
        b.run(steps, i == 0, {source.region: pack_events(events)})
    return b.done(needs=('fire', 'negative', 'out'))


def shared_weights():
    """Two layers use one weight region at different offsets; outputs leave gaps in their slots."""
    b = Builder('shared-weights')
    x = b.input(1, 1, 2, 10)
    b.linear(x, 12, (pg.UNIFORM, 3), b.neuron(3, **LIF))
    first = b.program.layers[0]
    data = b.rng.bytes(203)
    b.fixed[first.quant.region] = data + bytes(5)
    b.program.regions[first.quant.region - pg.USER].bytes = 208
    out = b.program.tensor(pg.OUTPUT, pg.UNSIGNED, 1, 1, 2, 7)
    b.program.regions[out.region - pg.USER].step_bytes += 40
    out.offset = 16
    second = b.layer(pg.OP_LINEAR, [x], out, b.neuron(5, **LIF))
    second.quant = pg.Quant(61, first.quant.region, pg.ODD, 2)
    odd = b.program.tensor(pg.OUTPUT, pg.INT32, 0, 1, 1, 3)
    y = b.input(2, 1, 1, 9)
    b.layer(pg.OP_LINEAR, [y], odd, weights=(pg.UNIFORM, 3, None, 5))
    return b.done(jobs=(3, 2), needs=('fire', 'negative', 'out'))


def one_by_one():
    """A fresh stream without any reset, one step per job: all-zero memory is its state."""
    b = Builder('one-by-one', tile_steps=1)
    x = b.input(1, 2, 2, 8)
    h = b.conv(x, 8, (pg.UNIFORM, 4), b.neuron(5, delay=3, refractory=2, **LIF), role=None,
               kernel=(2, 2), flags=pg.SKIP_FIRST)
    b.linear(h, 8, (pg.POT, 4), b.neuron(3, compare=pg.GT, flags=pg.STICKY, **LIF))
    b.readout(h, pg.READOUT_SUM)
    for _ in range(14):
        b.run(1)
    return b.done(needs=('fire', 'skip', 'held', 'negative'))


def recurrent(kind, tile_steps):
    """Neurons that see their own spikes of the step before, through weights."""
    b = Builder(f'recurrent-{kind}-{tile_steps}', tile_steps=tile_steps)
    width = 20
    x = b.input(1, 1, 1, 30, density=0.2)
    a = b.linear(x, width, (pg.UNIFORM, 4), b.neuron(), role=None, planes=0, fmt=pg.INT32, bound=240)
    spikes = b.out(None, 1, 1, 1, width)
    loop = dict(loop=3, loop_count=1)
    back = b.linear(spikes.previous, width, (pg.ODD, 2), b.neuron(), role=None, planes=0,
                    fmt=pg.INT32, bound=60, **loop)
    n = dict(LOIHI, leak_param=400, delay=1) if kind == 'cuba' else dict(LIF, reset=pg.SOFT)
    b.layer(pg.OP_ELEMENTWISE, [a, back], spikes, b.neuron(8, [c % 4 - 1 for c in range(width)], **n),
            **loop)
    b.copy(spikes)
    b.readout(spikes, pg.READOUT_SUM)
    return b.done(jobs=(6, 1, 9), needs=('fire', 'negative'))


def loops(tile_steps):
    """Several rounds a step: delays, held neurons, the first round, readouts of each round, and
    operands that a layer behind, or the layer itself, wrote a round before."""
    b = Builder(f'loops-{tile_steps}', tile_steps=tile_steps)
    x = b.input(2, 1, 3, 9, density=0.4)
    h = b.linear(x, 12, (pg.UNIFORM, 3), b.neuron(2, **LIF), role=None)
    loop = dict(loop=9, loop_count=3)
    sums = b.out(None, 0, 1, 3, 12, pg.INT32, bound=300)
    far = b.out(None, 3, 1, 3, 12)
    b.layer(pg.OP_ELEMENTWISE, [h, sums.previous], sums, b.neuron(None, [c - 5 for c in range(12)]),
            scales=[pg.Scale(), b.scale(3, 1), pg.Scale(), pg.Scale()], **loop)
    s = b.out(None, 1, 1, 3, 12)
    b.layer(pg.OP_ELEMENTWISE, [sums, far.previous], s,
            b.neuron(9, reset=pg.SOFT, delay=2, refractory=1, **LIF), flags=pg.SKIP_FIRST, **loop)
    b.layer(pg.OP_ELEMENTWISE, [s, h], far, **loop)
    readout = b.program.tensor(pg.READOUT, pg.INT32, 0, 1, 1, 12)
    b.layer(pg.OP_READOUT, [far], readout, param=pg.READOUT_SUM, **loop)
    last = b.program.tensor(pg.READOUT, pg.INT32, 0, 1, 1, 12)
    b.layer(pg.OP_READOUT, [sums], last, param=pg.READOUT_LAST, **loop)
    b.copy(far)
    b.linear(s, 5, (pg.POT, 3), b.neuron(2, **LIF))
    return b.done(jobs=(5, 1, 4), needs=('fire', 'skip', 'held', 'clamp', 'negative'))


def all_cases():
    return [*(mlp(t) for t in (1, 5, 16, 64)), cnn(), *(spikformer(t) for t in (1, 8)),
            shared_weights(), one_by_one(),
            *(recurrent(kind, t) for kind in ('lif', 'cuba') for t in (1, 6)),
            *(loops(t) for t in (1, 4))]
