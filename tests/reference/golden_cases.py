# SPDX-License-Identifier: MIT
"""Golden cases of single operations: schemes, neurons, windows, formats, counters, errors."""
import itertools
import struct

import numpy as np

from snnqref import packing
from snnqref import program as pg
from snnqref.build import Builder

SCHEMES = {'uniform': (pg.UNIFORM, range(1, 9)), 'odd': (pg.ODD, range(1, 9)),
           'pot': (pg.POT, range(2, 6)), 'apot': (pg.APOT, range(3, 6)),
           'ternary': (pg.TERNARY, (2,))}
LEAKS = {'none': (pg.NO_LEAK, 0), 'div2': (pg.DIVN, 2), 'div3': (pg.DIVN, 3),
         'q16': (pg.Q16, 58982), 'tz12': (pg.TZ12, 128)}
EITHER_WAY = [(-1) ** c * 2**30 for c in range(9)]
COMPARES = {'ge': pg.GE, 'gt': pg.GT}
RESETS = {'hard': pg.HARD, 'soft': pg.SOFT, 'keep': pg.NO_RESET}


def spread(scheme, bits, inputs):
    """A threshold that a sum of INPUTS random levels passes now and then."""
    return max(1, int(np.sqrt((packing.levels(scheme, bits) ** 2.0).mean() * inputs)))


# --- every operation with weights x scheme x bits --------------------------------------------
def scheme_cases():
    for (name, (scheme, widths)), op in itertools.product(SCHEMES.items(), ('linear', 'conv2d')):
        for bits in widths:
            b = Builder(f'{op}-{name}-{bits}')
            n = dict(leak=pg.DIVN, leak_param=2, reset=bits % 2, compare=bits // 2 % 2)
            if op == 'linear':
                x = b.input(1, 1, 2, 70)
                theta = spread(scheme, bits, 20)
                b.linear(x, 67, (scheme, bits), b.neuron(theta, **n))
                b.linear(x, 67, (scheme, bits), b.neuron(), planes=0, fmt=pg.INT32)
            else:
                x = b.input(1, 4, 5, 9)
                theta = spread(scheme, bits, 25)
                b.conv(x, 11, (scheme, bits), b.neuron(theta, **n), pad=(1, 1))
                b.conv(x, 11, (scheme, bits), b.neuron(), planes=0, fmt=pg.INT32)
            yield b.done(jobs=(3, 1), again=0, needs=('fire', 'negative'))


def code_cases():
    """Each code of each width as the weight of one input: the level itself comes out."""
    for name, (scheme, widths) in SCHEMES.items():
        for bits in widths:
            b = Builder(f'codes-{name}-{bits}')
            x = b.input(1, 1, 1, 1, density=1)
            codes = np.arange(packing.code_count(scheme, bits))[None, :]
            b.linear(x, codes.size, (scheme, bits, codes), b.neuron(), planes=0, fmt=pg.INT32)
            yield b.done(jobs=(1,), again=0)


def ternary_cases():
    """Every byte, also those that no encoder writes; rows that end within a byte."""
    b = Builder('ternary-bytes')
    x = b.input(1, 1, 1, 1, density=1)
    b.linear(x, 5 * 256, (pg.TERNARY, 2, bytes(range(256))), b.neuron(), planes=0, fmt=pg.INT32)
    yield b.done(jobs=(1,), again=0)
    for outputs in (1, 4, 5, 6, 64, 83):
        b = Builder(f'ternary-row-{outputs}')
        x = b.input(2, 1, 2, 20)
        raw = b.rng.integers(0, 256, 20 * -(-outputs // 5)).astype(np.uint8).tobytes()
        b.linear(x, outputs, (pg.TERNARY, 2, raw), b.neuron(), planes=0, fmt=pg.INT32)
        yield b.done(jobs=(2, 1), again=0)
    b = Builder('ternary-groups')
    x = b.input(1, 5, 4, 12)
    for groups, outputs in ((12, 12), (12, 24), (3, 12), (2, 18)):
        b.conv(x, outputs, (pg.TERNARY, 2), b.neuron(2), pad=(1, 1), groups=groups)
    yield b.done(jobs=(3, 1), again=0, needs=('fire', 'negative'))


def multibit_cases():
    """Inputs of several planes, unsigned and signed."""
    formats = [(pg.UNSIGNED, p) for p in (2, 3, 4, 8, 16)] + [(pg.SIGNED, p) for p in (2, 3, 5, 16)]
    for fmt, planes in formats:
        sign = 'signed' if fmt == pg.SIGNED else 'unsigned'
        b = Builder(f'multibit-{sign}-{planes}')
        theta = (1 << planes) * 6
        n = dict(leak=pg.TZ12, leak_param=1024)
        x = b.input(planes, 3, 3, 66, fmt, 0.4)
        b.conv(x, 7, (pg.UNIFORM, 4), b.neuron(theta, **n), pad=(1, 1))
        b.conv(x, 6, (pg.POT, 3), b.neuron(), planes=0, fmt=pg.INT32, groups=3)
        b.linear(x, 5, (pg.ODD, 2), b.neuron(theta, **n))
        b.pool(pg.OP_POOL_SUM, x, (2, 2), (1, 1), neuron=b.neuron(theta, **n), param=3)
        yield b.done(jobs=(2, 1), again=0, needs=('fire', 'negative') if fmt == pg.SIGNED
                     else ('fire',))


# --- neurons ---------------------------------------------------------------------------------
def small_net(name, weights=(pg.UNIFORM, 3), theta=4, bias=None, layer_flags=0, theta_seed=None,
              density=0.3, **neuron):
    """A linear layer with few levels and a low threshold, so that ties are common."""
    b = Builder(name)
    x = b.input(1, 1, 2, 6, density=density)
    if theta_seed:
        theta = b.rng.integers(1, theta_seed, 9)
    b.linear(x, 9, weights, b.neuron(theta, bias, **neuron), flags=layer_flags)
    return b


def lif_cases():
    for (lname, (leak, param)), (cname, compare), (rname, reset) in itertools.product(
            LEAKS.items(), COMPARES.items(), RESETS.items()):
        b = small_net(f'lif-{lname}-{cname}-{rname}', leak=leak, leak_param=param,
                      compare=compare, reset=reset)
        yield b.done(jobs=(12, 1, 7), needs=('fire', 'tie', 'negative'))


def cuba_cases():
    names = list(LEAKS)
    for i, (cur, mem) in enumerate(itertools.product(names, names)):
        (cl, cp), (ml, mp) = LEAKS[cur], LEAKS[mem]
        old = i % 2
        b = small_net(f'cuba-{cur}-{mem}' + '-old' * old, model=pg.CUBA, current_leak=cl,
                      current_leak_param=cp, leak=ml, leak_param=mp, theta_seed=9,
                      compare=i // 2 % 2, reset=i % 3, flags=pg.OLD_CURRENT * old,
                      bias=[(-1) ** c * (c % 3) for c in range(9)])
        yield b.done(jobs=(7, 1, 4), again=1, needs=('fire', 'negative'))


def sticky_cases():
    for n, (rname, reset) in itertools.product((2, 3, 7, 65536), RESETS.items()):
        b = small_net(f'sticky-div{n}-{rname}', leak=pg.DIVN, leak_param=n, compare=pg.GT,
                      reset=reset, flags=pg.STICKY, theta=3, density=0.5)
        yield b.done(jobs=(16, 1, 15), needs=('fire', 'tie', 'sticky', 'negative'))


def form_cases():
    """Delay, refractory time, first step, reset value, shift, and all of them together."""
    skip = dict(layer_flags=pg.SKIP_FIRST)
    lif = dict(leak=pg.DIVN, leak_param=2)
    cuba = dict(model=pg.CUBA, current_leak=pg.TZ12, current_leak_param=1024, leak=pg.TZ12,
                leak_param=128, compare=pg.GT)
    forms = {
        'refractory-1': dict(lif, refractory=1), 'refractory-3': dict(lif, refractory=3),
        'refractory-long': dict(lif, refractory=65535),
        'refractory-value': dict(lif, refractory=2, reset_value=-3),
        'refractory-soft': dict(lif, refractory=2, reset=pg.SOFT, reset_value=1),
        'refractory-keep': dict(lif, refractory=2, reset=pg.NO_RESET),
        'refractory-sticky': dict(lif, refractory=2, compare=pg.GT, flags=pg.STICKY),
        'refractory-sticky-soft': dict(leak=pg.DIVN, leak_param=3, refractory=1, compare=pg.GT,
                                       reset=pg.SOFT, flags=pg.STICKY, reset_value=1),
        'refractory-cuba': dict(cuba, refractory=2, theta=9),
        'delay-1': dict(lif, delay=1), 'delay-4': dict(lif, delay=4),
        'delay-63': dict(lif, delay=63),
        'delay-cuba': dict(cuba, delay=2, theta=9),
        'skip': dict(lif, **skip), 'skip-cuba': dict(cuba, theta=9, **skip),
        'skip-delay-refractory': dict(lif, delay=2, refractory=1, **skip),
        'value-negative': dict(lif, reset_value=-20), 'value-above': dict(lif, reset_value=50),
        'value-least': dict(reset_value=-2**31),
        'shift-6': dict(lif, shift=6, theta=256), 'shift-16': dict(lif, shift=16, theta=2**18),
        'shift-cuba': dict(cuba, shift=6, theta=5 * 64, bias=-64),
        'bias-only': dict(lif, bias=[3 * c - 9 for c in range(9)], theta_seed=9, density=0.05),
        'channel-thresholds': dict(lif, theta_seed=12),
        'q16-zero': dict(leak=pg.Q16, leak_param=0), 'q16-one': dict(leak=pg.Q16, leak_param=65536),
        'tz12-all': dict(leak=pg.TZ12, leak_param=4096), 'div1': dict(leak=pg.DIVN, leak_param=1),
        'div65536': dict(leak=pg.DIVN, leak_param=65536),
        'all': dict(cuba, theta=9, delay=3, refractory=2, reset_value=-7, bias=2, shift=1,
                    flags=pg.OLD_CURRENT, **skip),
    }
    for name, form in forms.items():
        needs = ['fire', 'negative' if form.get('compare') != pg.GT else 'fire']
        needs += ['held'] * ('refractory' in name) + ['skip'] * ('skip' in name)
        jobs = (16, 16, 16, 16, 3) if name == 'delay-63' else (7, 1, 1, 9)
        yield small_net('form-' + name, **form).done(jobs=jobs, needs=needs)


def any_net(name, planes=1, fmt=pg.UNSIGNED, bound=0, theta=4, bias=None, mult=None, density=0.4,
            weights=(pg.UNIFORM, 4), outputs=9, positions=(1, 2), layer_flags=0, tables=None, **neuron):
    """A linear layer whose neurons have everything; TABLES: values by name of the field."""
    b = Builder(name, tile_steps=5)
    x = b.input(1, *positions, 8, density=density)
    n = b.neuron(theta, bias, mult, **neuron) if theta is not None else b.neuron(
        None, bias, mult, **neuron)
    if theta is None:
        n.model = neuron.get('model', pg.LIF)
    for field, values in (tables or {}).items():
        index, count = b.table(values)
        setattr(n, field + '_index', index)
        setattr(n, field + '_count', count)
    b.linear(x, outputs, weights, n, planes=planes, fmt=fmt, bound=bound, flags=layer_flags)
    return b


def level_cases():
    """Several spikes in a step: levels, ties, resets by count."""
    div2, div4 = dict(leak=pg.DIVN, leak_param=2), dict(leak=pg.DIVN, leak_param=4)
    counts = dict(output=pg.COUNTS, planes=3, bound=4, levels=4)
    even = dict(compare=pg.GT, tie=pg.TIE_EVEN)
    half = dict(flags=pg.HALF_LEVELS)
    forms = {
        'ge-hard': dict(counts, **div2), 'gt-hard': dict(counts, compare=pg.GT, **div2),
        'ge-soft': dict(counts, reset=pg.SOFT), 'keep': dict(counts, reset=pg.NO_RESET, **div2),
        'even-soft': dict(counts, reset=pg.SOFT, **even),
        'half-up': dict(counts, reset=pg.SOFT, theta=6, **half),
        'half-even': dict(counts, reset=pg.SOFT, theta=6, **{**even, **half}),
        'half-even-sticky': dict(counts, reset=pg.SOFT, theta=6, flags=pg.HALF_LEVELS | pg.STICKY,
                                 **even, **div4),
        'spikes': dict(levels=3, reset=pg.SOFT, **div2),
        'many': dict(output=pg.COUNTS, planes=15, levels=32767, theta=1, reset=pg.SOFT, shift=9),
        'table': dict(counts, flags=pg.LEVEL_THRESHOLDS, reset=pg.SOFT, theta=[2, 5, 6, 11]),
        'tables': dict(counts, flags=pg.LEVEL_THRESHOLDS, reset=pg.SOFT,
                       theta=[c + d * (1 + c % 3) for c in range(1, 10) for d in (0, 1, 3, 4)]),
        'delay': dict(counts, reset=pg.SOFT, delay=3, refractory=1),
        'cuba': dict(counts, model=pg.CUBA, current_leak=pg.TZ12, current_leak_param=1000,
                     leak=pg.Q16, leak_param=60000, reset=pg.SOFT, theta=9),
    }
    for name, form in forms.items():
        needs = ['fire', 'several' if form.get('output') else 'fire']
        needs += ['even tie'] * ('even' in name) + ['sticky'] * ('sticky' in name)
        needs += ['tie'] * (name in ('ge-hard', 'gt-hard', 'ge-soft', 'half-up', 'table'))
        yield any_net('levels-' + name, **form).done(jobs=(9, 1, 6), needs=needs)


def output_cases():
    """Potentials that are seen, always or where a neuron fires."""
    div2 = dict(leak=pg.DIVN, leak_param=2)
    leaky = dict(theta=None, reset=pg.NO_RESET, output=pg.POTENTIAL, **div2)
    forms = {
        'leaky-int32': dict(leaky, planes=0, fmt=pg.INT32),
        'leaky-int32-bound': dict(leaky, planes=0, fmt=pg.INT32, bound=11, mult=3),
        'leaky-signed': dict(leaky, planes=4, fmt=pg.SIGNED, mult=list(range(-4, 5)), requant_shift=1),
        'leaky-unsigned': dict(leaky, planes=3, bias=2),
        'leaky-cuba': dict(leaky, model=pg.CUBA, current_leak=pg.TZ12, current_leak_param=900,
                           planes=0, fmt=pg.INT32),
        'leaky-delay': dict(leaky, planes=0, fmt=pg.INT32, delay=3),
        'leaky-delay-odd': dict(leaky, planes=0, fmt=pg.INT32, delay=2, outputs=7, positions=(1, 1)),
        'potential': dict(output=pg.POTENTIAL, planes=6, fmt=pg.SIGNED, refractory=2, reset_value=-3,
                          **div2),
        'potential-skip': dict(output=pg.POTENTIAL, planes=0, fmt=pg.INT32, reset=pg.SOFT,
                               layer_flags=pg.SKIP_FIRST, **div2),
        'graded': dict(output=pg.GRADED, planes=4, mult=5, requant_shift=2, **div2),
        'graded-soft': dict(output=pg.GRADED, planes=0, fmt=pg.INT32, reset=pg.SOFT, refractory=1,
                            levels=3, **div2),
    }
    for name, form in forms.items():
        needs = ['out', 'negative'] + ['fire'] * ('leaky' not in name)
        needs += ['clamp'] * (form.get('planes') in (3, 4) or 'bound' in name)
        yield any_net('output-' + name, **form).done(jobs=(7, 1, 5), needs=needs)


def table_cases():
    """Leaks, reset values and delays by channel; all tables by element."""
    cuba = dict(model=pg.CUBA, current_leak=pg.TZ12, leak=pg.DIVN)
    channels, elements = range(9), range(18)
    leaks = {'div': (pg.DIVN, [1 + c * c for c in elements]), 'q16': (pg.Q16, [3855 * c for c in elements]),
             'tz12': (pg.TZ12, [240 * c for c in elements])}
    for name, (kind, values) in leaks.items():
        for where, count in (('channel', 9), ('element', 18)):
            yield any_net(f'table-leak-{name}-{where}', leak=kind, reset=pg.SOFT,
                          tables={'leak': values[:count]}).done(jobs=(9, 1, 6),
                                                                needs=('fire', 'negative'))
    yield any_net('table-currents', theta=12, **cuba, tables={
        'leak': [2 + c for c in channels], 'current_leak': [400 * c for c in channels]}).done(
            jobs=(9, 1, 6), needs=('fire', 'negative'))
    yield any_net('table-resets', refractory=2, leak=pg.DIVN, leak_param=2, tables={
        'reset': [c - 4 for c in channels]}).done(jobs=(9, 1, 6), needs=('fire', 'held', 'negative'))
    yield any_net('table-sticky', leak=pg.DIVN, compare=pg.GT, flags=pg.STICKY, theta=2, tables={
        'leak': [2 + c % 4 for c in channels]}).done(jobs=(16, 1, 9), needs=('fire', 'sticky'))
    for planes, fmt, more in ((1, pg.UNSIGNED, {}), (4, pg.UNSIGNED, dict(levels=9, output=pg.COUNTS)),
                              (0, pg.INT32, dict(output=pg.POTENTIAL))):
        for where, delays in (('channel', [c % 6 for c in channels]),
                              ('element', [(c * 7) % 6 for c in elements])):
            yield any_net(f'table-delay-{where}-{planes}', planes=planes, fmt=fmt, delay=5,
                          leak=pg.DIVN, leak_param=2, tables={'delay': delays}, **more).done(
                              jobs=(9, 1, 6, 2), needs=('fire', 'out'))
    yield any_net('table-elements', theta=[2 + c for c in elements], bias=[c - 9 for c in elements],
                  leak=pg.DIVN, leak_param=3).done(jobs=(9, 1), needs=('fire', 'negative'))
    b = any_net('table-requant', theta=None, bias=[c - 9 for c in elements],
                mult=[3 * c - 20 for c in elements], requant_shift=2, planes=0, fmt=pg.INT32)
    b.program.layers[0].neuron.model = pg.NO_NEURON
    b.program.state_bytes, b.program.layers[0].state_offset = pg.STATE_HEADER_BYTES, 0
    yield b.done(jobs=(3, 1), needs=('out',))


def reset_cases():
    """Clamps from below, resets a step later, resets of everything now and then."""
    div2 = dict(leak=pg.DIVN, leak_param=2)
    late = dict(reset=pg.SOFT, flags=pg.DELAYED_RESET)
    forms = {
        'low': dict(flags=pg.CLAMP_LOW, low=-2, reset=pg.SOFT),
        'low-above': dict(flags=pg.CLAMP_LOW, low=1, **div2),
        'low-levels': dict(flags=pg.CLAMP_LOW, low=0, reset=pg.SOFT, levels=3, output=pg.COUNTS, planes=2),
        'late': dict(late, **div2), 'late-refractory': dict(late, refractory=2, **div2),
        'late-levels': dict(late, levels=5, output=pg.COUNTS, planes=3, **div2),
        'late-table': dict(reset=pg.SOFT, levels=3, theta=[2, 5, 9], output=pg.COUNTS, planes=2,
                           flags=pg.DELAYED_RESET | pg.LEVEL_THRESHOLDS),
        'late-cuba': dict(late, model=pg.CUBA, current_leak=pg.Q16, current_leak_param=40000, **div2),
        'late-sticky': dict(reset=pg.SOFT, flags=pg.DELAYED_RESET | pg.STICKY, compare=pg.GT, **div2),
        'period': dict(reset_period=4, reset_offset=2, reset=pg.SOFT),
        'period-first': dict(reset_period=3, theta=90, **div2),
        'period-all': dict(reset_period=5, reset_offset=4, model=pg.CUBA, current_leak=pg.TZ12,
                           current_leak_param=100, refractory=3, delay=2, theta=9, **div2),
        'period-late': dict(late, reset_period=1, **div2),
    }
    for name, form in forms.items():
        needs = ['low'] * ('low' in name)
        needs += ['delayed'] * ('late' in name and 'period' not in name and 'refractory' not in name)
        needs += ['restart'] * ('period' in name) + ['fire'] * (form.get('theta') != 90)
        yield any_net('reset-' + name, **form).done(jobs=(9, 1, 7), needs=needs)


def extreme_cases():
    """Membranes and currents at the ends of int32, and the greatest threshold."""
    top = 2**31 - 1
    big = dict(weights=(pg.POT, 5), shift=16)
    yield small_net('extreme-lif-ge', theta=top, **big).done((6, 2), ('fire', 'clamp', 'tie'))
    yield small_net('extreme-lif-gt', theta=top, compare=pg.GT, bias=2**29, **big).done(
        (6, 2), ('clamp', 'tie'))
    for leak, (kind, param) in LEAKS.items():
        yield small_net(f'extreme-low-{leak}', theta=1, bias=-2**31, leak=kind, leak_param=param,
                        reset=pg.SOFT, **big).done((6, 2), ('clamp', 'negative'))
        yield small_net(f'extreme-cuba-{leak}', theta=2**30, bias=EITHER_WAY, leak=kind,
                        leak_param=param, current_leak=kind, current_leak_param=param,
                        model=pg.CUBA, reset=pg.SOFT, weights=(pg.POT, 5), shift=16).done(
                            (6, 2), ('clamp', 'negative', 'fire'))
    b = small_net('extreme-soft', theta=top, reset=pg.SOFT, bias=top, weights=(pg.ODD, 1),
                  refractory=1, reset_value=-2**31)
    yield b.done((6, 2), ('fire', 'negative'))


def largest(scheme, bits, shape, negative):
    """Codes of the largest level of one sign."""
    levels = packing.levels(scheme, bits)
    return np.full(shape, int(np.argmin(levels) if negative else np.argmax(levels)))


def shift_cases():
    """Accumulators that the shift alone drives out of int32, in one step of plain LIF."""
    for leak, (kind, param) in LEAKS.items():
        b = Builder(f'shift-overflow-{leak}')
        x = b.input(1, 1, 2, 6, density=0.8)
        codes = np.hstack([largest(pg.POT, 5, (6, 5), False), largest(pg.POT, 5, (6, 4), True)])
        b.linear(x, 9, (pg.POT, 5, codes), b.neuron(2**31 - 1, leak=kind, leak_param=param,
                                                    shift=16, reset=pg.SOFT))
        yield b.done((4, 1), ('shift overflow', 'clamp', 'fire', 'negative'))


def bound_cases():
    """The largest accumulator of an operation, and a bias with which it is one too much for int32."""
    top = 2**31 - 1
    ones = dict(density=1)
    for sign in (1, -1):
        name = 'above' if sign > 0 else 'below'
        for groups in (1, 2):
            b = Builder(f'bound-conv-{groups}-{name}')
            x = b.input(1, 2, 2, 6, **ones)
            level = 4 if sign > 0 else -4
            codes = largest(pg.POT, 3, (4 * 6, 4 // groups), sign < 0)
            acc = abs(level) * 4 * 6 // groups << 3
            b.conv(x, 4, (pg.POT, 3, codes), b.neuron(top, sign * (top - acc + 1) - (sign < 0), shift=3),
                   kernel=(2, 2), groups=groups)
            yield b.done((1, 2), ('input overflow', 'fire' if sign > 0 else 'negative'))
        b = Builder(f'bound-linear-{name}')
        x = b.input(3, 1, 1, 20, pg.SIGNED, 1)
        codes = largest(pg.UNIFORM, 4, (20, 17), sign > 0)       # times inputs of -4
        acc = 20 * 4 * (8 if sign > 0 else 7) << 2
        b.linear(x, 17, (pg.UNIFORM, 4, codes),
                 b.neuron(top, sign * (top - acc + 1) - (sign < 0), shift=2))
        low = packing.pack_tensor(x, np.full(x.shape, -4))
        for steps in (1, 2):
            b.run(steps, steps == 1, {x.region: low * steps})
        yield b.done((), ('input overflow', 'fire' if sign > 0 else 'negative'))
    b = Builder('bound-pool')
    x = b.input(1, 4, 4, 3, **ones)
    b.pool(pg.OP_POOL_SUM, x, (2, 2), (2, 2), param=11,
           neuron=b.neuron(top, top - (44 << 4) + 1, shift=4))
    yield b.done((1, 2), ('input overflow', 'fire'))
    b = Builder('bound-attention')
    x = b.input(1, 2, 3, 10, **ones)
    b.attention(x, x, x, 2, b.neuron(top, top - (30 << 5) + 1, shift=5))
    yield b.done((1, 2), ('input overflow', 'fire'))
    yield small_net('bound-bias', theta=top, bias=[-2**31 + c for c in range(9)]).done(
        (4, 1), ('input overflow', 'clamp', 'negative'))


def int16_cases():
    """More rows of largest weights and inputs than 16-bit sums hold."""
    forms = [(pg.ODD, 8, 1, 150), (pg.ODD, 8, 2, 150), (pg.UNIFORM, 4, 4, 300), (pg.POT, 3, 5, 280),
             (pg.APOT, 5, 1, 700), (pg.UNIFORM, 8, 1, 300), (pg.TERNARY, 2, 9, 70), (pg.ODD, 1, 8, 140)]
    for scheme, bits, planes, inputs in forms:
        name = next(n for n, (s, _) in SCHEMES.items() if s == scheme)
        b = Builder(f'int16-{name}-{bits}-{planes}')
        x = b.input(planes, 1, 1, inputs)
        codes = np.hstack([largest(scheme, bits, (inputs, 64), False),
                           largest(scheme, bits, (inputs, 17), True)])
        b.linear(x, 81, (scheme, bits, codes), b.neuron(), planes=0, fmt=pg.INT32)
        b.run(1, True, {x.region: packing.pack_tensor(x, np.full(x.shape, 2**planes - 1))})
        yield b.done((), ('int16 limit',), again=0)
    b = Builder('int16-windows')                     # sums go on from tap to tap
    x = b.input(1, 2, 2, 50, density=1)
    b.conv(x, 16, (pg.ODD, 8, largest(pg.ODD, 8, (4 * 50, 16), False)), b.neuron(), planes=0,
           fmt=pg.INT32, kernel=(2, 2))
    yield b.done((1,), ('int16 limit',), again=0)


# --- layers without a neuron -----------------------------------------------------------------
def requantize_cases():
    outs = {'unsigned1': (pg.UNSIGNED, 1), 'unsigned3': (pg.UNSIGNED, 3),
            'unsigned16': (pg.UNSIGNED, 16), 'signed2': (pg.SIGNED, 2), 'signed8': (pg.SIGNED, 8),
            'int32': (pg.INT32, 0)}
    for i, (name, (fmt, planes)) in enumerate(outs.items()):
        for shift, mult in ((0, None), (1, 1), (5, 'channel'), (31, 'huge')):
            b = Builder(f'requant-{name}-{shift}')
            if mult == 'channel':
                mult = b.rng.integers(-40, 60, 10)
            elif mult == 'huge':
                mult = b.rng.integers(-2**31, 2**31, 10)
            bias = b.rng.integers(-9, 10, 10) << shift // 2 if i % 2 == 0 or shift == 5 else None
            x = b.input(2, 1, 3, 20)
            n = b.neuron(None, bias, mult, requant_shift=shift)
            b.linear(x, 10, (pg.UNIFORM, 4), n, planes=planes, fmt=fmt)
            n = b.neuron(None, bias, mult, requant_shift=shift)
            b.conv(x, 10, (pg.ODD, 3), n, planes=planes, fmt=fmt, kernel=(1, 2), groups=2)
            small = fmt != pg.INT32 and planes < 8
            yield b.done(jobs=(2, 1), again=0, needs=('out', 'clamp') if small else ('out',))
    b = Builder('requant-int32-clamp')
    x = b.input(8, 1, 1, 20)
    b.linear(x, 10, (pg.POT, 5), b.neuron(None, 2**31 - 1, 2**31 - 1), planes=0, fmt=pg.INT32)
    yield b.done(jobs=(2,), again=0, needs=('clamp',))


def add_cases():
    u, s = pg.UNSIGNED, pg.SIGNED
    forms = [((u, 1), (u, 1), (u, 2)), ((u, 1), (u, 1), (u, 1)), ((u, 2), (u, 1), (u, 2)),
             ((u, 3), (u, 3), (u, 3)), ((s, 3), (s, 4), (s, 5)), ((s, 3), (s, 3), (s, 3)),
             ((u, 4), (s, 4), (u, 4)), ((u, 4), (u, 4), (s, 4)), ((u, 16), (u, 16), (u, 16)),
             ((s, 16), (s, 16), (s, 16)), ((s, 2), (u, 1), (s, 2))]
    for i, (a, c, out) in enumerate(forms):
        b = Builder(f'add-{i}')
        height, width, channels = ((1, 3, 65), (2, 2, 64), (3, 1, 5))[i % 3]
        x = b.input(a[1], height, width, channels, a[0], 0.6)
        y = b.input(c[1], height, width, channels, c[0], 0.6)
        b.add(x, y, out[1], out[0])
        exact = i in (0, 4)
        yield b.done(jobs=(2, 1), again=0, needs=('out',) if exact else ('out', 'clamp'))


def elementwise_cases():
    """Modes, formats, scales, operands that are repeated, with and without a neuron."""
    u, s, i32 = pg.UNSIGNED, pg.SIGNED, pg.INT32
    lif = dict(leak=pg.DIVN, leak_param=2)
    for name, mode in (('and', pg.AND), ('andn', pg.ANDN), ('or', pg.OR)):
        for channels in (5, 64, 130):
            b = Builder(f'elementwise-{name}-{channels}')
            x, y = (b.input(1, 1, 3, channels, density=0.5) for _ in range(2))
            one = b.input(1, 1, 1, channels, density=0.5)
            map_ = b.input(1, 1, 3, 1, density=0.5)
            b.two(mode, x, y)
            b.two(mode, x, y, 3, neuron=b.neuron(None, 1, 2))
            b.two(mode, x, y, neuron=b.neuron(2, reset=pg.SOFT))
            b.two(mode, x, one)
            b.two(mode, map_, x)
            b.two(mode, one, map_)
            yield b.done(jobs=(4, 1, 3), needs=('fire', 'out'))
    forms = [((u, 3), (u, 3)), ((u, 4), (s, 3)), ((i32, 0), (u, 2)), ((i32, 0), (i32, 0)),
             ((s, 16), (u, 1))]
    for i, (a, c) in enumerate(forms):
        for name, mode in (('add', pg.ADD), ('multiply', pg.MULTIPLY)):
            b = Builder(f'elementwise-{name}-{i}')
            channels = (65, 64, 3, 130, 17)[i]
            x = b.input(a[1], 1, 2, channels, a[0], 0.7, bound=900 * (a[0] == i32))
            y = b.input(c[1], 1, 2, channels, c[0], 0.7, bound=1200 * (c[0] == i32))
            one = b.input(c[1], 1, 1, channels, c[0], 0.7, bound=100 * (c[0] == i32))
            map_ = b.input(c[1], 1, 2, 1, c[0], 0.7, bound=100 * (c[0] == i32))
            m = b.rng.integers(-9, 10, channels)
            b.two(mode, x, y, 0, i32, bound=20)
            b.two(mode, x, y, 5, s, scales=[b.scale(3, 1)])
            b.two(mode, x, y, neuron=b.neuron(6, [n % 5 for n in range(channels)], **lif),
                  scales=[b.scale(m, 2), b.scale(-5, 3)])
            b.two(mode, x, one, 0, i32, scales=[b.scale(None, 1), b.scale(m)])
            b.two(mode, map_, x, 4, u, neuron=b.neuron(None, None, 3, requant_shift=2),
                  scales=[b.scale(7, 2), b.scale(m, 4)])
            yield b.done(jobs=(3, 1), again=0, needs=('fire', 'clamp', 'out', 'negative'))
    b = Builder('elementwise-wide')                   # sums of the largest bounds
    x = b.input(0, 1, 2, 70, i32, 0.9, bound=2**30)
    y = b.input(0, 1, 2, 70, i32, 0.9, bound=2**30 - 1)
    b.two(pg.ADD, x, y, 0, i32, bound=2**31 - 1)
    b.two(pg.ADD, x, y, neuron=b.neuron(2**30, shift=3, **lif))
    b.two(pg.MULTIPLY, x, y, neuron=b.neuron(5, **lif), scales=[b.scale(1, 20), b.scale(1, 20)])
    yield b.done(jobs=(3, 1), needs=('fire', 'clamp', 'shift overflow', 'negative'))


def residual_cases():
    """Membranes that are added up, each branch in its own scale, and neurons that look at them."""
    lif = dict(leak=pg.DIVN, leak_param=2)
    one = dict(kernel=(1, 1), stride=(1, 1))
    for channels in (16, 70):
        b = Builder(f'residual-{channels}')
        x = b.input(2, 3, 4, 9, density=0.4)
        m = b.conv(x, channels, (pg.UNIFORM, 4), b.neuron(), role=None, planes=0, fmt=pg.INT32,
                   pad=(1, 1), bound=1500)
        for _ in range(2):
            s = b.pool(pg.OP_POOL_MAX, m, role=None, neuron=b.neuron(20, **lif), **one)
            h = b.linear(s, channels, (pg.ODD, 3), b.neuron(), role=None, planes=0, fmt=pg.INT32,
                         bound=7 * channels)
            m = b.two(pg.ADD, m, h, 0, pg.INT32, role=None, bound=4000,
                      scales=[b.scale(), b.scale(b.rng.integers(40, 90, channels), 6)])
        b.reduce(pg.REDUCE_SUM, m, pg.AXIS_HEIGHT | pg.AXIS_WIDTH, neuron=b.neuron(50, **lif))
        b.readout(m, pg.READOUT_SUM)
        yield b.done(jobs=(4, 1, 3), needs=('fire', 'negative', 'out'))


def integer_pool_cases():
    """Max pooling between accumulators and neurons."""
    for i, (name, window) in enumerate(WINDOWS.items()):
        window = {'kernel': (3, 3), 'stride': (1, 1), **window}
        if name == 'big-pad':
            window['pad'] = (2, 2)
        if name in ('mixed', 'tall'):
            window.update(pad=(1, 0), dilation=(2, 2))
        b = Builder(f'pool-integers-{name}')
        channels = (3, 17, 66 if i < 4 else 5)[i % 3]
        x = b.input(0, 7, 6, channels, pg.INT32, 0.8, bound=500)
        m = b.rng.integers(0, 90, channels)
        pool = dict(window, scales=[b.scale(m, 5), *[pg.Scale()] * 3])
        b.pool(pg.OP_POOL_MAX, x, neuron=b.neuron(300, leak=pg.DIVN, leak_param=2), bound=0, **window)
        b.pool(pg.OP_POOL_MAX, x, planes=0, fmt=pg.INT32, neuron=b.neuron(None, -9), bound=0, **pool)
        b.pool(pg.OP_POOL_MAX, x, planes=7, fmt=pg.SIGNED, bound=0,
               neuron=b.neuron(None, None, -1, requant_shift=2), **window)
        yield b.done(jobs=(2, 1), again=0, needs=('fire', 'clamp', 'out'))


def reduce_cases():
    u, s, i32 = pg.UNSIGNED, pg.SIGNED, pg.INT32
    for axes in range(1, 8):
        for i, (fmt, planes) in enumerate(((u, 1), (u, 4), (s, 5), (i32, 0))):
            b = Builder(f'reduce-{axes}-{i}')
            channels = (66, 12, 26, 6)[i]
            groups = (3, 12, 13, 1)[i] if axes & pg.AXIS_CHANNELS else 0
            x = b.input(planes, 2, 3, channels, fmt, 0.3, bound=1000 * (fmt == i32))
            b.reduce(pg.REDUCE_SUM, x, axes, groups, 0, i32, b.neuron())
            b.reduce(pg.REDUCE_SUM, x, axes, groups, neuron=b.neuron(3, leak=pg.DIVN, leak_param=2))
            b.reduce(pg.REDUCE_MAX, x, axes, groups, planes, fmt, bound=x.bound)
            if planes == 1:
                b.reduce(pg.REDUCE_OR, x, axes, groups)
            yield b.done(jobs=(6, 1), again=0, needs=('fire', 'out'))


def move_cases():
    u, s, i32 = pg.UNSIGNED, pg.SIGNED, pg.INT32
    for i, (fmt, planes, channels) in enumerate(((u, 1, 65), (u, 3, 5), (s, 4, 64), (i32, 0, 7))):
        bound = 300 if fmt == i32 else 0
        b = Builder(f'upsample-{i}')
        x = b.input(planes, 3, 2, channels, fmt, 0.5, bound=bound)
        b.upsample(x, (2, 3))
        b.upsample(x, (1, 1))
        b.upsample(b.upsample(x, (1, 2), role=None), (5, 1))
        yield b.done(jobs=(2, 1), again=0)
        b = Builder(f'copy-{i}')
        x = b.input(planes, 2, 3, channels, fmt, 0.5, bound=bound)
        for mode in range(6):
            b.turn(x, mode, planes, fmt, bound=bound)
            b.turn(x, mode, 3, s, b.scale(-11, 1))
            b.turn(x, mode, 0, i32, b.scale(b.rng.integers(-99, 99, channels), 2))
        yield b.done(jobs=(1,), again=0, needs=('out', 'clamp'))
    for axis in range(3):
        for count in (2, 3, 4):
            b = Builder(f'concat-{axis}-{count}')
            kinds = ((u, 2), (s, 3), (i32, 0), (u, 1))
            ins = []
            for k in range(count):
                shape = [1, 2, 40]
                shape[axis] += 29 * k if axis == 2 else k
                fmt, planes = kinds[k]
                ins.append(b.input(planes, *shape, fmt, 0.6, bound=200 * (fmt == i32)))
            b.concat(ins, axis, 3, u)
            b.concat(ins, axis, 0, i32, [b.scale(-7, 1), b.scale(b.rng.integers(1, 9, ins[1].channels))])
            b.concat([ins[0], ins[0]], axis, 2, u, bound=2)
            yield b.done(jobs=(2, 1), again=0, needs=('out', 'clamp'))


def view_cases():
    """Boxes and other shapes of inputs and of what layers wrote, read by all kinds of layers."""
    u, s, i32 = pg.UNSIGNED, pg.SIGNED, pg.INT32
    for i, (fmt, planes, channels) in enumerate(((u, 1, 130), (u, 3, 70), (s, 4, 64), (i32, 0, 66))):
        bound = 700 if fmt == i32 else 5 if planes == 3 else 0
        for place in ('input', 'scratch'):
            b = Builder(f'view-{place}-{i}')
            t = b.input(planes, 3, 4, channels, fmt, 0.4, bound=bound)
            if place == 'scratch':
                t = b.turn(t, 0, planes, fmt, role=None, bound=bound)
            box = t.sliced(1, 2, 3, 2, 2, channels - 5)
            other = t.reshaped(channels // 2, 6, 4)
            for v in (box, other, t.reshaped(1, 1, 12 * channels), t.sliced(0, 3, 63, 3, 1, 1),
                      t.sliced(0, 0, 0, 3, 4, 64)):
                b.turn(v, 0, planes, fmt, bound=bound)
                b.readout(v, pg.READOUT_SUM)
            if fmt != i32:
                b.linear(box, 9, (pg.UNIFORM, 3), b.neuron(4, leak=pg.DIVN, leak_param=2))
                b.conv(t.sliced(0, 1, 2, 3, 3, 3), 5, (pg.ODD, 4), b.neuron(), planes=0, fmt=i32,
                       pad=(1, 1))
                b.conv(other, 6, (pg.POT, 3), b.neuron(9), stride=(7, 1))
            b.two(pg.ADD, box, t.sliced(0, 1, 0, 2, 2, channels - 5), 0, i32)
            for steps in (2, 1):
                b.run(steps, steps == 2, dirty=planes > 0)
            yield b.done(needs=('fire', 'out') if fmt != i32 else ('out',))


def value_bound_cases():
    """Results clamp to a declared bound, and so do operands that come from outside."""
    for planes, bound in ((3, 4), (2, 1), (2, 2), (8, 200), (16, 40000), (1, 1), (4, 15)):
        b = Builder(f'value-bound-{planes}-{bound}')
        x = b.input(planes, 3, 4, 66, density=0.5, bound=bound)
        y = b.input(planes, 3, 4, 66, density=0.5)
        b.linear(x, 70, (pg.UNIFORM, 4), b.neuron(2 * bound, leak=pg.DIVN, leak_param=2))
        b.linear(x, 9, (pg.ODD, 3), b.neuron(None, None, 3, requant_shift=2), planes=planes,
                 bound=bound)
        b.conv(x, 7, (pg.POT, 3), b.neuron(), planes=0, fmt=pg.INT32, pad=(1, 1))
        b.conv(x, 132, (pg.UNIFORM, 2), b.neuron(bound), pad=(1, 0), groups=66)
        b.pool(pg.OP_POOL_SUM, x, (2, 2), (1, 2), neuron=b.neuron(), planes=0, fmt=pg.INT32, param=3)
        b.pool(pg.OP_POOL_MAX, x, (2, 3), (1, 1), planes=planes)
        z = b.add(x, y, planes, bound=bound, role=None)
        b.add(z, x, planes, bound=max(1, bound - 1))
        b.copy(z)
        b.readout(x, pg.READOUT_SUM)
        needs = ('out',) if bound == 2**planes - 1 else ('out', 'clamp')
        for i, steps in enumerate((2, 1)):
            b.run(steps, reset=i == 0, dirty=True)
        yield b.done(needs=needs)
    b = Builder('value-bound-events')
    source, counts = b.events(3, 2, 2, 3, 8, role=None, bound=4)
    b.copy(counts)
    for steps in (2, 3):
        b.run(steps, False, {source.region: pack_events(event_list(b.rng, steps, 2, 2, 3, 60))})
    yield b.done(needs=('out', 'lost event'))


def descriptor_cases():
    """Header and descriptors longer than today's."""
    for name, sizes in (('header', (8, 0, 0)), ('all', (24, 16, 8)), ('most', (4000, 4064, 3552))):
        b = Builder(f'longer-{name}')
        b.program.sizes = tuple(a + n for a, n in zip(b.program.sizes, sizes))
        x = b.input(2, 2, 2, 20)
        y = b.linear(x, 9, (pg.UNIFORM, 3), b.neuron([3 + c for c in range(9)]), role=None)
        b.readout(y, pg.READOUT_SUM)
        yield b.done(jobs=(3, 1), again=0, needs=('fire',))


# --- windows ---------------------------------------------------------------------------------
WINDOWS = {
    'plain': dict(), 'pad': dict(pad=(1, 1)), 'stride': dict(stride=(2, 2), pad=(1, 1)),
    'wide': dict(kernel=(1, 5), pad=(0, 2)), 'tall': dict(kernel=(4, 2), pad=(3, 1)),
    'dilation': dict(dilation=(2, 2), pad=(2, 2)),
    'mixed': dict(kernel=(2, 3), stride=(3, 2), pad=(1, 4), dilation=(2, 3)),
    'whole': dict(kernel=(7, 6)), 'pointwise': dict(kernel=(1, 1)),
    'skip': dict(kernel=(1, 1), stride=(3, 4)), 'big-pad': dict(kernel=(5, 5), pad=(4, 4), stride=(2, 1)),
}


def window_cases():
    for i, (name, window) in enumerate(WINDOWS.items()):
        for kind, cin, cout, groups in (('dense', 3, 65 if i == 2 else 7, 1), ('groups', 6, 8, 2),
                                        ('depthwise', 5, 10, 5)):
            b = Builder(f'conv-{name}-{kind}')
            x = b.input(1 + i % 2, 7, 6, cin)
            n = dict(leak=pg.DIVN, leak_param=2, reset=pg.SOFT)
            theta = min(8, np.prod(window.get('kernel', (3, 3))) * cin // groups)
            b.conv(x, cout, (pg.UNIFORM, 4), b.neuron(theta, **n), groups=groups, **window)
            b.conv(x, cout, (pg.POT, 4), b.neuron(None, None, 3, requant_shift=2), groups=groups,
                   planes=4, fmt=pg.SIGNED, **window)
            yield b.done(jobs=(2, 1), again=0, needs=('fire', 'negative', 'out'))


def padding_cases():
    """Sides with padding of their own, also none on the upper and left."""
    sides = {'even': dict(kernel=(2, 4), pad=(0, 1), far=(1, 1)),
             'one': dict(kernel=(3, 3), pad=(0, 0), far=(2, 1), stride=(2, 1)),
             'less': dict(kernel=(4, 3), pad=(2, 2), far=(-2, -1)),
             'wide': dict(kernel=(2, 2), pad=(1, 0), far=(1, 3), dilation=(2, 3))}
    for i, (name, window) in enumerate(sides.items()):
        b = Builder(f'padding-{name}')
        few, many = b.input(1 + i % 3, 7, 6, 2), b.input(1, 7, 6, 66)
        b.conv(few, 40, (pg.UNIFORM, 4), b.neuron(9, leak=pg.DIVN, leak_param=2), **window)
        b.conv(many, 33, (pg.ODD, 2), b.neuron(15, leak=pg.DIVN, leak_param=2), **window)
        b.conv(many, 22, (pg.POT, 4), b.neuron(None, None, 3, requant_shift=2), planes=4,
               fmt=pg.SIGNED, groups=11, **window)
        b.pool(pg.OP_POOL_SUM, many, neuron=b.neuron(), planes=0, fmt=pg.INT32, param=3,
               **{'stride': (1, 1), **window})
        if name != 'wide':                  # where a window lies in the padding alone
            b.pool(pg.OP_POOL_MAX, few, planes=few.planes, **{'stride': (2, 2), **window})
        yield b.done(jobs=(2,), again=0, needs=('fire', 'out'))


def pool_cases():
    for i, (name, window) in enumerate(WINDOWS.items()):
        window = {'kernel': (3, 3), 'stride': (1, 1), **window}
        b = Builder(f'pool-sum-{name}')
        x = b.input(1, 7, 6, 66 if i == 2 else 3)
        b.pool(pg.OP_POOL_SUM, x, neuron=b.neuron(40, model=pg.CUBA, current_leak=pg.TZ12,
                                                  current_leak_param=1024, delay=1), param=28,
               **window)
        b.pool(pg.OP_POOL_SUM, x, neuron=b.neuron(), planes=0, fmt=pg.INT32, param=1, **window)
        yield b.done(jobs=(3, 1), again=0, needs=('fire', 'out'))
        if name == 'big-pad':
            window['pad'] = (2, 2)
        if name in ('mixed', 'tall'):       # as they are, some windows hold no position
            window.update(pad=(1, 0), dilation=(2, 2))
        b = Builder(f'pool-max-{name}')
        x, y = b.input(1, 7, 6, 65, density=0.1), b.input(3, 7, 6, 5, density=0.2)
        b.pool(pg.OP_POOL_MAX, x, **window)
        b.pool(pg.OP_POOL_MAX, y, planes=3, **window)
        if name == 'pad':
            z = b.input(4, 7, 6, 5, pg.SIGNED)
            b.pool(pg.OP_POOL_MAX, z, planes=4, fmt=pg.SIGNED, **window)
        yield b.done(jobs=(2, 1), again=0)


def shape_cases():
    """Channel counts around the word size, and operands with noise in their pad bits."""
    for cin, cout in ((1, 1), (63, 64), (64, 63), (65, 128), (128, 65), (200, 3), (3, 200)):
        b = Builder(f'shape-{cin}-{cout}')
        x = b.input(1, 1, 3, cin)
        b.linear(x, cout, (pg.UNIFORM, 2), b.neuron(1 + cin // 20, leak=pg.DIVN, leak_param=2))
        b.conv(x, cout, (pg.ODD, 1), b.neuron(1 + cin // 20, delay=1), kernel=(1, 2))
        y = b.input(2, 1, 3, cin)
        b.add(x, y, 2)
        b.pool(pg.OP_POOL_MAX, y, (1, 2), (1, 1), planes=2)
        b.attention(x, x, x, 1, b.neuron(3))
        for i in range(2):
            b.run(3, reset=i == 0, dirty=True)
        yield b.done(needs=('fire',))


def block_cases():
    """Channels, and channels of a group, around the sizes that kernels work in."""
    lif = dict(leak=pg.DIVN, leak_param=2)
    cuba = dict(model=pg.CUBA, current_leak=pg.TZ12, current_leak_param=1024, leak=pg.TZ12,
                leak_param=128, refractory=1)
    for size, other in ((15, 257), (17, 33), (63, 255), (64, 256), (65, 64), (127, 129), (255, 17),
                        (256, 65), (257, 63)):
        b = Builder(f'block-{size}-{other}')
        x = b.input(1, 1, 2, size, density=0.2)
        theta = max(2, size // 12)
        b.linear(x, other, (pg.UNIFORM, 4), b.neuron(theta * 2, **lif))
        b.linear(x, other, (pg.ODD, 8), b.neuron(theta * 60, [c % 5 - 2 for c in range(other)], **cuba))
        y = b.linear(x, other, (pg.POT, 3), b.neuron(None, None, 3, requant_shift=4), planes=3,
                     role=None)
        b.pool(pg.OP_POOL_MAX, y, (1, 2), (1, 1), planes=3)
        b.pool(pg.OP_POOL_SUM, y, (1, 2), (1, 1), neuron=b.neuron(4, **lif), param=3)
        z = b.add(y, y, 3, role=None, bound=6)
        b.linear(z, size, (pg.UNIFORM, 2), b.neuron(other // 2, delay=2, **lif))
        b.readout(z, pg.READOUT_SUM)
        yield b.done(jobs=(3, 1), again=0, needs=('fire', 'negative', 'clamp'))
    for groups, inputs, outputs in ((3, 5, 63), (5, 3, 64), (4, 2, 65), (7, 9, 16), (6, 64, 17),
                                    (2, 65, 3), (2, 3, 257), (16, 4, 8), (33, 2, 2)):
        b = Builder(f'block-groups-{groups}-{inputs}-{outputs}')
        x = b.input(1, 4, 3, groups * inputs, density=0.3)
        y = b.input(3, 4, 3, groups * inputs, density=0.3)
        b.conv(x, groups * outputs, (pg.UNIFORM, 4), b.neuron(1 + 2 * inputs, **lif), groups=groups,
               pad=(1, 1), stride=(2, 2))
        b.conv(y, groups * outputs, (pg.POT, 3), b.neuron(None, None, 1, requant_shift=2),
               groups=groups, kernel=(3, 2), planes=2)
        yield b.done(jobs=(2, 1), again=0, needs=('fire', 'negative', 'out'))


def attention_cases():
    for height, width, channels, heads in ((1, 1, 1, 1), (1, 9, 64, 1), (1, 9, 64, 8), (3, 3, 96, 3),
                                           (2, 3, 65, 5), (1, 7, 130, 2), (1, 66, 8, 8),
                                           (1, 4, 192, 2), (8, 8, 96, 6), (5, 20, 20, 5)):
        b = Builder(f'attention-{height}x{width}-{channels}-{heads}')
        density = 0.4 if height * width > 1 else 1
        q, k, v = (b.input(1, height, width, channels, density=density) for _ in range(3))
        d = channels // heads
        theta = max(1, height * width * d // 16)
        b.attention(q, k, v, heads, b.neuron(theta, leak=pg.DIVN, leak_param=2))
        b.attention(q, k, v, heads, b.neuron(), planes=0, fmt=pg.INT32)
        b.attention(q, q, v, heads, b.neuron(None, None, 1, requant_shift=2), planes=4)
        b.attention(q, k, v, heads, b.neuron(theta, leak=pg.DIVN, leak_param=2), mode=pg.KV_FIRST)
        yield b.done(jobs=(2, 1), again=0, needs=('fire', 'out'))


def attention_form_cases():
    """Gates of tokens and of channels; counts; values of another width."""
    for height, width, channels, heads in ((1, 1, 1, 1), (1, 9, 64, 8), (3, 3, 96, 3), (2, 3, 65, 5),
                                           (1, 7, 130, 2), (2, 2, 200, 1), (5, 4, 20, 20)):
        b = Builder(f'gate-{height}x{width}-{channels}-{heads}')
        density = 0.2 if height * width > 1 else 1
        q, k, v = (b.input(1, height, width, channels, density=density) for _ in range(3))
        b.gate([q, k], heads, pg.TOKEN)
        b.gate([q, k, v], heads, pg.CHANNEL)
        yield b.done(jobs=(3, 1), again=0)
    for i, (height, width, channels, heads, planes, out) in enumerate((
            (1, 9, 64, 8, (2, 2, 2), 64), (3, 3, 24, 3, (1, 1, 1), 96), (2, 3, 65, 5, (3, 1, 2), 130),
            (1, 5, 130, 2, (1, 3, 1), 6), (1, 66, 8, 8, (1, 1, 1), 8 * 9), (4, 4, 6, 1, (3, 3, 3), 70))):
        b = Builder(f'attention-values-{i}')
        q, k, v = (b.input(p, height, width, c, density=0.4)
                   for p, c in zip(planes, (channels, channels, out)))
        theta = height * width * channels // heads // 4
        n = dict(leak=pg.DIVN, leak_param=2)
        for mode in (pg.QK_FIRST, pg.KV_FIRST):
            b.attention(q, k, v, heads, b.neuron(theta, **n), mode=mode)
            b.attention(q, k, v, heads, b.neuron(), planes=0, fmt=pg.INT32, mode=mode)
        yield b.done(jobs=(2, 1), again=0, needs=('fire', 'out'))


def matmul_cases():
    """Products of spikes, counts and integers, of all orders and transposes."""
    forms = {'s': (1, pg.UNSIGNED, 0), 'c': (3, pg.UNSIGNED, 0), 'n': (4, pg.SIGNED, 0), 'i': (0, pg.INT32, 9)}
    for i, (kinds, heads, sides, out) in enumerate((
            ('is', 1, (1, 9, 64), 's'), ('si', 3, (5, 7, 11), 's'), ('cn', 2, (9, 65, 3), 'c'),
            ('ss', 5, (4, 13, 13), 'i'), ('ii', 2, (3, 2, 33), 'n'), ('sss', 4, (6, 16, 6, 16), 's'),
            ('nsi', 1, (2, 70, 3, 66), 'i'), ('sic', 3, (3, 4, 5, 6), 's'))):
        b = Builder(f'matmul-{i}-{kinds}')
        planes, fmt, bound = forms[out]
        inputs = {}
        for mode in range(16 if len(kinds) > 2 else 4):
            if i % 2 and mode % 3 == 1:
                continue
            ins = []
            for k, kind in enumerate(kinds):
                rows, columns = sides[k:k + 2][::-1 if mode & pg.TRANSPOSE[k] else 1]
                if (k, rows) not in inputs:
                    inputs[k, rows] = b.input(forms[kind][0], 1, rows, heads * columns, forms[kind][1],
                                              0.4, forms[kind][2])
                ins.append(inputs[k, rows])
            n = b.neuron(None, None, 1 + mode, requant_shift=5)
            if out == 's':
                n = b.neuron(3 + mode, leak=pg.DIVN, leak_param=2)
            b.matmul(ins, heads, mode, n, planes=planes, fmt=fmt, bound=bound)
        yield b.done(jobs=(2,), again=0, needs=('out',))


# --- events and readouts ---------------------------------------------------------------------
def event_list(rng, steps, height, width, channels, count):
    """COUNT events in order of their step, repeated ones among them."""
    picks = sorted((int(rng.integers(steps)), int(rng.integers(height)), int(rng.integers(width)),
                    int(rng.integers(channels))) for _ in range(count))
    return [p for i, p in enumerate(picks) for _ in range(1 + 4 * (i % 7 == 0))]


def pack_events(events, end=True):
    data = b''.join(packing.pack_event(*e) for e in events)
    return data + (struct.pack('<Q', pg.EVENT_END) if end else b'')


def event_cases():
    dims = (4, 5, 66)
    for planes in (1, 2, 3):
        b = Builder(f'events-{planes}')
        source, _ = b.events(planes, *dims, 8)
        for i, (steps, count, end) in enumerate(((4, 30, True), (1, 10, False), (3, 0, True),
                                                 (6, 20, True))):
            data = pack_events(event_list(b.rng, steps, *dims, count), end)
            if i == 3:
                data += pack_events([(0, 0, 0, 0), (99, 4095, 4095, 65535)])   # behind the end
            b.run(steps, i == 0, {source.region: data})
        lost = ['lost event'] * (planes == 2)
        yield b.done(needs=['out', 'repeated event'] + lost)
    b = Builder('events-tail')
    source, _ = b.events(1, *dims, 64, offset=16)
    noise = struct.pack('<2Q', 5 << 60, 7)             # before the list: not read
    for tail in (b'', b'\1\2\3', b'\xff' * 7):
        events = event_list(b.rng, 5, *dims, 6)
        b.run(5, False, {source.region: noise + pack_events(events, False) + tail})
    yield b.done()
    b = Builder('events-two-lists')
    a, _ = b.events(1, *dims, 8)
    c, _ = b.events(2, 1, 1, 3, 8)
    for steps in (3, 2):
        b.run(steps, False, {a.region: pack_events(event_list(b.rng, steps, *dims, 9)),
                             c.region: pack_events(event_list(b.rng, steps, 1, 1, 3, 5))})
    yield b.done()


def event_error_cases():
    """Lists that must be refused before anything is written; good jobs around them go on."""
    dims, good = (2, 3, 66), [(0, 0, 0, 0), (1, 1, 2, 65), (1, 1, 2, 65), (3, 1, 1, 7)]
    errors = {'order': [(2, 0, 0, 0)], 'step': [(4, 0, 0, 0)], 'y': [(3, 2, 0, 0)],
              'x': [(3, 0, 3, 0)], 'channel': [(3, 0, 0, 66)], 'all': [(2**24 - 1, 4095, 4095, 1)]}
    for where in ('first', 'second'):
        for name, bad in errors.items():
            b = Builder(f'events-bad-{name}-{where}')
            x = b.input(1, 1, 1, 4)
            b.linear(x, 4, (pg.UNIFORM, 2), b.neuron(2, leak=pg.DIVN, leak_param=2))
            a, _ = b.events(1, *dims, 8)
            c, _ = b.events(2, *dims, 24, offset=16)     # its first records are no part of it
            ok = {a.region: pack_events(good), c.region: bytes(16) + pack_events(good)}
            wrong = (a, c)[where == 'second']
            b.run(4, True, ok)
            data = bytes(wrong.offset) + pack_events(good + bad + good)
            outcome = b.run(4, False, {**ok, wrong.region: data})
            if (outcome.status, outcome.offset) != (pg.BAD_EVENT, wrong.offset + 32):
                raise SystemExit(f'{b.name}: not refused')
            b.run(4, True, ok)
            yield b.done()


def readout_cases():
    forms = {'spikes': (1, pg.UNSIGNED), 'counts': (4, pg.UNSIGNED), 'signed': (5, pg.SIGNED)}
    for name, (planes, fmt) in forms.items():
        b = Builder(f'readout-{name}')
        x = b.input(planes, 2, 3, 67, fmt)
        b.readout(x, pg.READOUT_SUM)
        b.readout(x, pg.READOUT_LAST)
        yield b.done(jobs=(4, 1, 3))
        b = Builder(f'readout-most-{name}')
        x = b.input(planes, 2, 3, 66, fmt)
        b.readout(x, pg.READOUT_MAX)
        b.readout(x, pg.READOUT_VOTE, 6)
        b.readout(x, pg.READOUT_VOTE, 66)
        yield b.done(jobs=(3, 1, 2))
    for name, theta in (('int32', 1), ('int32-clamp', 2**30)):
        b = Builder(f'readout-{name}')
        x = b.input(4, 2, 2, 12)
        n = b.neuron(None, -theta, b.rng.integers(-theta, theta, 7))
        y = b.linear(x, 7, (pg.UNIFORM, 4), n, role=None, planes=0, fmt=pg.INT32)
        b.readout(y, pg.READOUT_SUM)
        b.readout(y, pg.READOUT_LAST)
        b.readout(y, pg.READOUT_MAX)
        b.readout(y, pg.READOUT_VOTE, 1)
        yield b.done(jobs=(4, 1, 3), needs=('out', 'clamp') if theta > 1 else ('out',))


def all_cases():
    makers = (scheme_cases, code_cases, ternary_cases, multibit_cases, lif_cases, cuba_cases, sticky_cases,
              form_cases, level_cases, output_cases, table_cases, reset_cases, extreme_cases, shift_cases, bound_cases,
              int16_cases, requantize_cases, add_cases, elementwise_cases,
              residual_cases, integer_pool_cases, reduce_cases, move_cases, view_cases, value_bound_cases, descriptor_cases, window_cases, padding_cases, pool_cases,
              shape_cases, block_cases, attention_cases, attention_form_cases, matmul_cases, event_cases, event_error_cases, readout_cases)
    return [case for make in makers for case in make()]
