# SPDX-License-Identifier: MIT
"""Tests of the reference itself: exact fractions, packing, layout of the descriptors."""
import random
import re
import struct
import unittest
from collections import Counter
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np

from snnqref import execute, packing
from snnqref import program as pg
from snnqref.neurons import NeuronStage, leak

UAPI = Path(__file__).resolve().parents[2] / 'uapi' / 'snnq_program.h'


def stage(**neuron):
    """A stage of one neuron with threshold THETA."""
    theta = neuron.pop('theta')
    layer = pg.Layer(op=pg.OP_LINEAR, out=pg.Tensor(0, 2, pg.UNSIGNED, 1, 1, 1, 1))
    layer.neuron = pg.Neuron(model=neuron.pop('model', pg.LIF), threshold_count=1, **neuron)
    return NeuronStage(layer, [theta], Counter())


def step(s, x, number=1):
    return int(s.step(np.array([[[x]]], dtype=np.int64), number)[0, 0, 0])


class Leaks(unittest.TestCase):
    values = sorted({s * (v + d) for v in (0, 5, 4096, 2**15, 2**31) for d in (-1, 0, 1)
                     for s in (-1, 1) if -2**31 <= s * (v + d) < 2**31})

    def check(self, kind, params, exact):
        for param in params:
            got = leak(kind, param, np.array(self.values, dtype=np.int64))
            self.assertEqual(got.tolist(), [exact(Fraction(v), param) for v in self.values])

    def test_divn(self):
        self.check(pg.DIVN, (1, 2, 3, 7, 65536), lambda u, n: floor(u / n))

    def test_q16(self):
        self.check(pg.Q16, (0, 1, 32768, 62259, 65536), lambda u, q: floor(u * Fraction(q, 65536)))

    def test_tz12(self):
        def exact(u, d):
            magnitude = floor(abs(u) * Fraction(4096 - d, 4096))
            return magnitude if u >= 0 else -magnitude
        self.check(pg.TZ12, (0, 1, 128, 1024, 4095, 4096), exact)


class ExactRecursion(unittest.TestCase):
    """Leak 1/n with the floor spikes exactly like real numbers do: u = u / n + x."""

    def compare(self, n, compare, reset, flags, theta):
        close = sum(self.run_from_rest(seed, n, compare, reset, flags, theta)
                    for seed in range(10))
        self.assertGreater(close, 100)

    def run_from_rest(self, seed, n, compare, reset, flags, theta):
        """Compare 300 steps; returns how often the potential was near the threshold."""
        rng = random.Random(seed)
        s = stage(theta=theta, leak=pg.DIVN, leak_param=n, compare=compare, reset=reset,
                  flags=flags)
        u, close = Fraction(0), 0
        for _ in range(300):
            x = rng.randint(-2 * theta, 3 * theta) if rng.random() < 0.7 else theta
            u = u / n + x
            fire = u >= theta if compare == pg.GE else u > theta
            close += abs(u - theta) < 1
            self.assertEqual(step(s, x), int(fire))
            if fire:
                u = Fraction(0) if reset == pg.HARD else u - theta
        return close

    def test_ge_hard(self):
        for n in (2, 3, 5):
            self.compare(n, pg.GE, pg.HARD, 0, 7)

    def test_gt_sticky_hard(self):
        for n in (2, 3, 5):
            self.compare(n, pg.GT, pg.HARD, pg.STICKY, 7)

    def test_ge_soft(self):
        self.compare(2, pg.GE, pg.SOFT, 0, 5)

    def test_gt_sticky_soft(self):
        self.compare(3, pg.GT, pg.SOFT, pg.STICKY, 5)

    def test_without_the_bit_gt_differs(self):
        with self.assertRaises(AssertionError):
            self.compare(2, pg.GT, pg.HARD, 0, 7)


class NeuronForms(unittest.TestCase):
    def test_refractory(self):
        s = stage(theta=1, refractory=2, reset_value=-5)
        self.assertEqual([step(s, 9) for _ in range(7)], [1, 0, 0, 1, 0, 0, 1])
        self.assertEqual(int(s.u[0, 0, 0]), -5)

    def test_delay_holds_spikes(self):
        s = stage(theta=1, delay=3)
        self.assertEqual([step(s, x) for x in (1, 0, 1, 0, 0)], [0, 0, 0, 1, 0])
        self.assertEqual([int(a[0, 0, 0]) for a in s.line], [1, 0, 0])

    def test_skip_first(self):
        s = stage(theta=1)
        s.layer.flags = pg.SKIP_FIRST
        self.assertEqual([step(s, 1, t) for t in range(2)], [0, 1])
        self.assertEqual(s.updates, 1)

    def test_saturation(self):
        s = stage(theta=2**31 - 1, shift=16)
        self.assertEqual(step(s, 2**31 - 1), 1)
        self.assertEqual(s.saturations, 1)

    def test_old_current(self):
        s = stage(theta=10, model=pg.CUBA, flags=pg.OLD_CURRENT)
        self.assertEqual([step(s, 10), step(s, 0)], [0, 1])


class Packing(unittest.TestCase):
    def test_tensors(self):
        rng = np.random.default_rng(1)
        for fmt, planes in [(pg.UNSIGNED, 1), (pg.UNSIGNED, 16), (pg.SIGNED, 2), (pg.SIGNED, 16),
                            (pg.INT32, 0)]:
            for channels in (1, 63, 64, 65, 200):
                t = pg.Tensor(0, 2, fmt, planes, 3, 2, channels)
                low, high = packing.limits(t)
                values = rng.integers(low, high + 1, t.shape)
                data = packing.pack_tensor(t, values)
                self.assertEqual(len(data), t.bytes)
                self.assertTrue((packing.unpack_tensor(t, data) == values).all())

    def test_tensor_bits_by_hand(self):
        t = pg.Tensor(0, 2, pg.SIGNED, 2, 1, 2, 65)
        values = np.zeros(t.shape, dtype=np.int64)
        values[0, 1, 64] = -2                        # plane 1, position 1, word 1, bit 0
        self.assertEqual(struct.unpack('<8Q', packing.pack_tensor(t, values)),
                         (0, 0, 0, 0, 0, 0, 0, 1))

    def test_codes(self):
        rng = np.random.default_rng(2)
        for bits in range(1, 9):
            codes = rng.integers(0, 1 << bits, (5, 13))
            data = packing.pack_codes(pg.UNIFORM, bits, codes)
            self.assertEqual(len(data), 5 * ((13 * bits + 7) // 8))
            self.assertTrue((packing.unpack_codes(pg.UNIFORM, bits, data, 5, 13) == codes).all())
        self.assertEqual(packing.pack_codes(pg.POT, 3, [[1, 2, 7]]), bytes([0b11010001, 0b1]))

    def test_ternary_codes(self):
        rng = np.random.default_rng(4)
        for row in range(1, 12):
            codes = rng.integers(0, 3, (3, row))
            data = packing.pack_codes(pg.TERNARY, 2, codes)
            self.assertEqual(len(data), 3 * ((row + 4) // 5))
            self.assertTrue((packing.unpack_codes(pg.TERNARY, 2, data, 3, row) == codes).all())
        self.assertEqual(packing.pack_codes(pg.TERNARY, 2, [[1, 0, 2, 0, 1, 2]]),
                         bytes([1 + 2 * 9 + 81, 2]))
        for byte, digits in ((242, [2] * 5), (243, [0] * 5), (255, [0, 1, 1, 0, 0])):
            codes = packing.unpack_codes(pg.TERNARY, 2, bytes([byte]), 1, 5)
            self.assertEqual(codes.tolist(), [digits])

    def test_levels(self):
        self.assertEqual(packing.levels(pg.UNIFORM, 1).tolist(), [1, -1])
        self.assertEqual(packing.levels(pg.UNIFORM, 3).tolist(), [0, 1, 2, 3, -4, -3, -2, -1])
        self.assertEqual(packing.levels(pg.ODD, 1).tolist(), [1, -1])
        self.assertEqual(packing.levels(pg.ODD, 2).tolist(), [1, 3, -3, -1])
        self.assertEqual(packing.levels(pg.POT, 3).tolist(), [0, 1, 2, 4, 0, -1, -2, -4])
        self.assertEqual(packing.levels(pg.POT, 5).max(), 2**14)
        self.assertEqual(packing.levels(pg.APOT, 3).tolist(), [0, 4, 9, 16, 0, -4, -9, -16])
        self.assertEqual(packing.levels(pg.APOT, 4)[:8].tolist(), [0, 1, 4, 8, 9, 12, 16, 24])
        self.assertEqual(packing.levels(pg.APOT, 5)[:16].tolist(),
                         [0, 1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 33, 36, 48])
        self.assertEqual(packing.levels(pg.APOT, 5)[17:].min(), -48)
        self.assertEqual(packing.levels(pg.TERNARY, 2).tolist(), [0, 1, -1])

    def test_program(self):
        p = pg.Program(9, 3)
        a = p.tensor(pg.INPUT, pg.UNSIGNED, 2, 3, 4, 5)
        b = p.tensor(None, pg.UNSIGNED, 1, 3, 4, 6)
        w = p.add_region(pg.WEIGHTS, 100)
        index, count = p.add_table([-1, 2, 3, 4, 5, 6])
        p.add_layer(pg.Layer(op=pg.OP_LINEAR, flags=1, param=2, mode=5,
                             ins=[a] + [pg.Tensor()] * 3, out=b, quant=pg.Quant(8, w, pg.POT, 4),
                             geometry=pg.Geometry(1, 2, 3, 4, 5, 6, 7, 8, 9), tag=77,
                             neuron=pg.Neuron(*range(1, 11), -5, 9, *range(20, 27))))
        self.assertEqual((index, count), (0, 6))
        q = pg.Program.parse(p.pack())
        self.assertEqual(q.__dict__, p.__dict__)
        p.sizes = 104, 40, 600            # longer than this reader knows
        q = pg.Program.parse(p.pack())
        self.assertEqual(q.__dict__, p.__dict__)
        for short in ((88, 32, 544), (96, 24, 544), (96, 32, 536)):
            p.sizes = short
            with self.assertRaises(ValueError):
                pg.Program.parse(p.pack())
        p.sizes = 96, 32, 544
        with self.assertRaises(ValueError):
            pg.Program.parse(p.pack() + b'\0')


class Header(unittest.TestCase):
    """The numbers used here are those of the header."""

    def test_constants(self):
        text = UAPI.read_text()
        value = {m[1]: int(m[2].rstrip('u'), 0) for m in
                 re.finditer(r'#define SNNQ_(\w+)\s+(0x[0-9a-f]+u?|\d+u?)\s', text)}
        same = {'OP_EVENTS': pg.OP_EVENTS, 'OP_CONV2D': pg.OP_CONV2D, 'OP_LINEAR': pg.OP_LINEAR,
                'OP_POOL_MAX': pg.OP_POOL_MAX, 'OP_POOL_SUM': pg.OP_POOL_SUM,
                'OP_ELEMENTWISE': pg.OP_ELEMENTWISE, 'OP_ATTENTION': pg.OP_ATTENTION,
                'OP_READOUT': pg.OP_READOUT, 'OP_MATMUL': pg.OP_MATMUL, 'SCHEME_UNIFORM': pg.UNIFORM,
                'SCHEME_ODD': pg.ODD, 'SCHEME_POT': pg.POT, 'SCHEME_APOT': pg.APOT,
                'SCHEME_TERNARY': pg.TERNARY, 'LEAK_DIVN': pg.DIVN,
                'LEAK_Q16': pg.Q16, 'LEAK_TZ12': pg.TZ12, 'NEURON_LIF': pg.LIF,
                'NEURON_CUBA': pg.CUBA, 'COMPARE_GE': pg.GE, 'COMPARE_GT': pg.GT,
                'RESET_HARD': pg.HARD, 'RESET_SOFT': pg.SOFT, 'RESET_NONE': pg.NO_RESET,
                'READOUT_SUM': pg.READOUT_SUM, 'READOUT_LAST': pg.READOUT_LAST,
                'READOUT_MAX': pg.READOUT_MAX, 'READOUT_VOTE': pg.READOUT_VOTE,
                'FORMAT_UNSIGNED': pg.UNSIGNED, 'FORMAT_SIGNED': pg.SIGNED,
                'FORMAT_INT32': pg.INT32, 'FORMAT_EVENTS': pg.EVENT_LIST,
                'STATUS_BAD_EVENT': pg.BAD_EVENT, 'STATUS_BAD_STATE': pg.BAD_STATE,
                'ROLE_WEIGHTS': pg.WEIGHTS, 'ROLE_INPUT': pg.INPUT, 'ROLE_EVENTS': pg.EVENTS,
                'ROLE_OUTPUT': pg.OUTPUT, 'ROLE_READOUT': pg.READOUT,
                'PROGRAM_MAGIC': pg.MAGIC, 'PROGRAM_VERSION': pg.VERSION,
                'PROGRAM_HEADER_BYTES': pg.HEADER_BYTES, 'REGION_DESC_BYTES': pg.REGION_BYTES,
                'LAYER_BYTES': pg.LAYER_BYTES, 'MAX_OPERANDS': pg.OPERANDS,
                'ATTENTION_QK_FIRST': pg.QK_FIRST, 'ATTENTION_KV_FIRST': pg.KV_FIRST}
        self.assertEqual({k: value.get(k) for k in same}, same)

    def test_stats_fields(self):
        body = re.search(r'struct snnq_layer_stats \{(.*?)\};', UAPI.read_text(), re.S)[1]
        self.assertEqual(tuple(re.findall(r'__u64 (\w+);', body)), pg.STATS_FIELDS)


class Operations(unittest.TestCase):
    """The vectorized windows against the formula of the page."""

    def test_windows(self):
        rng = np.random.default_rng(3)
        for k, s, pad, d, groups in [((3, 2), (1, 2), (1, 0), (1, 1), 1),
                                     ((2, 3), (2, 1), (1, 2), (2, 3), 2)]:
            g = pg.Geometry(*k, *s, *pad, *d, groups)
            i = pg.Tensor(0, 2, pg.SIGNED, 4, 6, 7, 4)
            o = pg.Tensor(0, 2, pg.INT32, 0, *g.out_size(6, 7), 6)
            layer = pg.Layer(op=pg.OP_CONV2D, ins=[i] + [pg.Tensor()] * 3, out=o, geometry=g)
            w = rng.integers(-9, 10, (groups, *k, 4 // groups, 6 // groups))
            x = rng.integers(-8, 8, i.shape)
            want = np.zeros(o.shape, dtype=np.int64)
            fed = np.zeros((6, 7), dtype=np.int64)
            for y, c, ky, kx in np.ndindex(*o.shape[:2], *k):
                iy, ix = y * s[0] + ky * d[0] - pad[0], c * s[1] + kx * d[1] - pad[1]
                if not (0 <= iy < 6 and 0 <= ix < 7):
                    continue
                fed[iy, ix] += 1
                for out, ci in np.ndindex(6, 4 // groups):
                    gi = out // (6 // groups)
                    want[y, c, out] += (w[gi, ky, kx, ci, out % (6 // groups)]
                                        * x[iy, ix, gi * (4 // groups) + ci])
            self.assertTrue((execute.conv2d(layer, w, x) == want).all())
            self.assertTrue((execute.coverage(layer) == fed).all())

    def test_attention(self):
        rng = np.random.default_rng(4)
        t = pg.Tensor(0, 2, pg.UNSIGNED, 1, 2, 3, 6)
        q, k, v = rng.integers(0, 2, (3, *t.shape))
        q[0, 1, :3] = 0                   # a query that is silent in a head
        want, qk_first, kv_first = np.zeros((6, 6), dtype=np.int64), 0, 0
        fq, fk, fv = (a.reshape(6, 6) for a in (q, k, v))
        for h, n, m in np.ndindex(2, 6, 6):
            head = range(h * 3, h * 3 + 3)
            a = sum(fq[n, c] * fk[m, c] for c in head)
            qk_first += a
            for c in head:
                want[n, c] += a * fv[m, c]
                qk_first += fv[m, c] if any(fq[n, head]) else 0
                if n == 0:                # once for each m: K^T V
                    kv_first += sum(fk[m, c] * fv[m, other] for other in head)
                if m == 0:                # once for each n: a row for each spike of Q
                    kv_first += 3 * fq[n, c]
        for mode, ops in ((pg.QK_FIRST, qk_first), (pg.KV_FIRST, kv_first)):
            layer = pg.Layer(op=pg.OP_ATTENTION, param=2, mode=mode, ins=[t] * 3, out=t)
            acc, synops = execute.attention(layer, q, k, v)
            self.assertTrue((acc.reshape(6, 6) == want).all())
            self.assertEqual(synops, ops)

    def test_matmul(self):
        rng = np.random.default_rng(5)
        heads, rows, inner, other, columns = 2, 3, 4, 5, 6
        for flags in range(16):
            sides, ins, values = ((rows, inner), (inner, other), (other, columns)), [], []
            for k, (a, b) in enumerate(sides):
                tokens, wide = (b, a) if flags & pg.TRANSPOSE[k] else (a, b)
                ins.append(pg.Tensor(0, 2, pg.INT32, 0, 1, tokens, heads * wide, 3))
                values.append(rng.integers(-1, 3, ins[k].shape))
            out = pg.Tensor(0, 2, pg.INT32, 0, 1, rows, heads * columns)

            def element(k, h, r, c):
                if flags & pg.TRANSPOSE[k]:
                    r, c = c, r
                return int(values[k][0, r, h * (ins[k].channels // heads) + c])

            want, synops = np.zeros(out.shape, dtype=np.int64), 0
            for h, r, i, o, c in np.ndindex(heads, rows, inner, other, columns):
                a, b, d = element(0, h, r, i), element(1, h, i, o), element(2, h, o, c)
                want[0, r, h * columns + c] += a * b * d
                if flags & pg.RIGHT_FIRST:
                    synops += (b != 0 and d != 0) if r == 0 else 0
                    synops += (a != 0) if o == 0 else 0
                else:
                    synops += (a != 0 and b != 0) if c == 0 else 0
                    synops += (d != 0) if i == 0 else 0
            layer = pg.Layer(op=pg.OP_MATMUL, param=heads, mode=flags, ins=ins, out=out)
            acc, counted = execute.matmul(layer, values)
            self.assertTrue((acc == want).all())
            self.assertEqual(counted, synops)


class Cycles(unittest.TestCase):
    """The cycle model: the example of its page, and quotients that are not whole."""

    def model(self, bits, words, vector, neurons, *counters):
        names = ('synops', 'neuron_updates', 'weight_bytes', 'input_bytes', 'output_bytes', 'state_bytes')
        stats = dict(zip(names, counters, strict=True))
        execute.LayerRun._model_cycles(stats, bits, words, vector, neurons)
        return [stats[f] for f in ('compute_cycles', 'memory_cycles', 'stall_cycles', 'sram_bytes')]

    def test_example(self):
        self.assertEqual(self.model(4, 10, 32, 32, 3840, 320, 1024, 80, 80, 256),
                         [140, 90, 0, 36640])

    def test_rounding(self):
        # 65 / 64 -> 2, 1 / 64 -> 1; 17 / 16 -> 2; 65 * 3 / 8 -> 25; 17 + 25 + 8 * 66
        self.assertEqual(self.model(3, 0, 64, 64, 65, 1, 5, 4, 4, 4), [3, 2, 0, 570])
        self.assertEqual(self.model(0, 0, 64, 64, 1, 0, 0, 33, 0, 0), [1, 3, 2, 41])

    def test_lanes(self):
        # 16 of 64 lanes: 33 / 16 -> 3; 65 channels are two cycles each: 2 * (130 / 65)
        self.assertEqual(self.model(0, 7, 16, 65, 33, 130, 0, 56, 0, 0)[0], 7 + 3 + 4)


if __name__ == '__main__':
    unittest.main()
