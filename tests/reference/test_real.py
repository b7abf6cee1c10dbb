# SPDX-License-Identifier: MIT
"""The reference against published networks, recordings and traces: every number must be equal.

The data lies in $SNNQ_DATA; without it these tests are skipped. Nothing here knows how a neuron
works: the networks become programs, and the reference executes them.
"""
import csv
import os
import struct
import unittest
from pathlib import Path

import numpy as np

from snnqref import packing
from snnqref import program as pg
from snnqref.build import Builder
from snnqref.execute import run_job

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get('SNNQ_DATA', ROOT.parent / 'shared' / 'data'))
ALL = bool(os.environ.get('SNNQ_ALL'))      # all samples and recordings, not some


def loihi(theta_mantissa, current_decay, decay, **more):
    """The current-based neuron of Loihi on halved weights (shift 6 + 1)."""
    return dict(theta=theta_mantissa * 64, shift=7, model=pg.CUBA, current_leak=pg.TZ12,
                current_leak_param=current_decay, leak=pg.TZ12, leak_param=decay,
                **{'compare': pg.GT, 'delay': 1, **more})


def halved(weights):
    """Codes and width of even integer weights, as (scheme, bits, codes[out][...])."""
    if (weights % 2 != 0).any():
        raise ValueError('odd weights')
    half = (weights / 2).astype(np.int64)
    bits = int(max(np.abs(half).max(), 1)).bit_length() + 1
    return bits, packing.encode_levels(pg.UNIFORM, bits, half)


def dense(b, x, weights, neuron, role=None, **more):
    bits, codes = halved(weights)
    return b.linear(x, len(weights), (pg.UNIFORM, bits, codes.T), b.neuron(**neuron), role, **more)


def conv(b, x, weights, neuron, role=None, **more):
    """WEIGHTS (out, in, kernel y, kernel x)."""
    bits, codes = halved(weights)
    rows = codes.transpose(2, 3, 1, 0).reshape(-1, len(weights))
    return b.conv(x, len(weights), (pg.UNIFORM, bits, rows), b.neuron(**neuron), role,
                  kernel=weights.shape[2:], **more)


class Network:
    """A built program with its stream."""

    def __init__(self, builder):
        self.program = builder.program
        self.fixed = builder.fixed
        self.state = bytes(self.program.state_bytes)
        self.seq = 0

    def run(self, steps, inputs, reset=False):
        regions = []
        for i, r in enumerate(self.program.regions):
            number = pg.USER + i
            data = inputs.get(number, self.fixed.get(number))
            regions.append(data if r.access == pg.READ else bytearray(r.size(steps)))
        outcome = run_job(self.program, regions, steps, self.state, reset, self.seq)
        if outcome.status != pg.OK:
            raise AssertionError(f'job failed: {outcome}')
        self.state, self.seq = outcome.state, self.seq + 1
        return outcome, dict(enumerate(regions, pg.USER))


def pack_steps(tensor, spikes):
    """Bytes of SPIKES [channel...][step], in the order (C, H, W) of the source."""
    steps = spikes.shape[-1]
    frames = spikes.reshape(tensor.channels, tensor.height, tensor.width, steps)
    return b''.join(packing.pack_tensor(tensor, frames[..., t].transpose(1, 2, 0))
                    for t in range(steps))


def unpack_steps(tensor, data):
    """The inverse of pack_steps, as (C, H, W, T)."""
    size = tensor.bytes
    frames = [packing.unpack_tensor(tensor, bytes(data[i:i + size]))
              for i in range(0, len(data), size)]
    return np.stack(frames, axis=-1).transpose(2, 0, 1, 3)


def read_bs2(path):
    """(time in us, y, x, polarity) of a recording with 40-bit records."""
    raw = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 5).astype(np.int64)
    t = (raw[:, 2] & 0x7F) << 16 | raw[:, 3] << 8 | raw[:, 4]
    return t, raw[:, 1], raw[:, 0], raw[:, 2] >> 7


def bin_events(path, steps, place):
    """An event list with one step per ms, halves rounded to even; PLACE gives y, x, channel."""
    t, y, x, p = read_bs2(path)
    step = np.rint(t / 1000).astype(np.int64)
    order = [i for i in np.argsort(step, kind='stable') if step[i] < steps]
    y, x, c = place(y, x, p)
    words = step << 40 | y << 28 | x << 16 | c
    return words[order].astype('<u8').tobytes() + struct.pack('<Q', pg.EVENT_END)


def table(path):
    with open(path, newline='') as f:
        return list(csv.DictReader(f, delimiter='\t'))


def counts(text):
    return [int(v) for v in text.split(',')]


def data(name):
    path = DATA / name
    if not path.exists():
        raise unittest.SkipTest(f'no {path}: set SNNQ_DATA')
    return path


class LoihiTrace(unittest.TestCase):
    """A trace recorded on the chip, one job per step: spikes and voltages."""

    def setUp(self):
        self.dir = data('loihi-hardware-trace')

    def spikes(self, name, neurons):
        out = np.zeros((neurons, 500), dtype=np.int64)
        for line in (self.dir / name).read_text().splitlines():
            neuron, step = map(int, line.split())
            if step < 500:
                out[neuron, step] = 1
        return out

    def test_trace(self):
        b = Builder('loihi-trace')
        x = b.input(1, 1, 1, 250)
        n = loihi(80, 1024, 128)
        h = dense(b, x, np.load(self.dir / 'fc1.npy'), n, flags=pg.SKIP_FIRST)
        o = dense(b, h, np.load(self.dir / 'fc2.npy'), n, pg.OUTPUT, flags=pg.SKIP_FIRST)
        h = b.copy(h)
        net, spikes = Network(b), self.spikes('input_bins.txt', 250)
        hidden, output, volts = [], [], []
        for t in range(500):
            _, regions = net.run(1, {x.region: pack_steps(x, spikes[:, t:t + 1])}, t == 0)
            hidden.append(unpack_steps(h, regions[h.region])[:, 0, 0, 0])
            output.append(unpack_steps(o, regions[o.region])[:, 0, 0, 0])
            volts.append([self.voltage(net, 0, 24), self.voltage(net, 1, 0)])
        hidden, output = np.stack(hidden, 1), np.stack(output, 1)
        self.assertTrue((hidden == self.spikes('loihiHiddenSpikes.txt', 25)).all())
        self.assertTrue((output == self.spikes('loihiOutputSpikes.txt', 1)).all())
        self.assertEqual((hidden.sum(), output.sum()), (639, 2))
        self.check_volts('loihiHiddenVoltage24.txt', [v[0] for v in volts], hidden[24])
        self.check_volts('loihiOutputVoltage.txt', [v[1] for v in volts], output[0])

    def voltage(self, net, layer, neuron):
        at = net.program.layers[layer].state_offset + 4 * neuron
        return struct.unpack_from('<i', net.state, at)[0]

    def check_volts(self, name, got, delayed):
        """At a spike the recording shows 128 where the state is reset to 0."""
        want = [int(v) for v in (self.dir / name).read_text().split()]
        self.assertEqual(len(want), 499)
        want = [0 if delayed[t + 1] else v for t, v in enumerate(want)]
        self.assertEqual(got[:499], want)


class SlayerMlp(unittest.TestCase):
    """N-MNIST recordings: hidden and output spike counts of each sample."""

    def check(self, variant, steps, samples):
        path = data('slayer-nmnist-mlp') / variant
        recordings = data('nmnist/test')
        b = Builder('slayer-mlp', max_steps=steps)
        source, x = b.events(1, 1, 1, 2312, 8, role=None)
        n = loihi(80, 1024, 128)
        h = dense(b, x, np.load(path / 'fc1.npy'), n, flags=pg.SKIP_FIRST)
        o = dense(b, h, np.load(path / 'fc2.npy'), n, flags=pg.SKIP_FIRST)
        b.readout(o, pg.READOUT_SUM)
        net = Network(b)
        for row in table(path / 'golden-test.tsv')[:None if ALL else samples]:
            events = bin_events(recordings / f"{row['sample']}.bs2", steps,
                                lambda y, x, p: (0 * y, 0 * x, p * 1156 + y * 34 + x))
            outcome, regions = net.run(steps, {source.region: events}, True)
            got = struct.unpack('<10i', regions[max(regions)])
            self.assertEqual(list(got), counts(row['out0..out9']), row['sample'])
            self.assertEqual(outcome.stats[1]['output_spikes'], int(row['hidden_spikes']))

    def test_full(self):
        self.check('full', 300, 3)

    def test_small(self):
        self.check('small', 350, 3)


class DvsGesture(unittest.TestCase):
    """A CNN with 2-, 3-, 5- and 4-bit layers: the number of spikes after each stage."""
    STEPS = 1450

    def network(self):
        path = data('slayer-dvsgesture-cnn')
        b = Builder('dvs-gesture', max_steps=self.STEPS)
        n = loihi(80, 1024, 128)
        sums = {**n, 'shift': 6}
        skip = dict(role=None, flags=pg.SKIP_FIRST)

        def pool(x, k):
            return b.pool(pg.OP_POOL_SUM, x, (k, k), (k, k), neuron=b.neuron(**sums), param=28,
                          **skip)
        source, x = b.events(1, 128, 128, 2, 8, role=None)
        x = conv(b, pool(x, 4), np.load(path / 'conv1.npy'), n, pad=(2, 2), **skip)
        x = conv(b, pool(x, 2), np.load(path / 'conv2.npy'), n, pad=(1, 1), **skip)
        fc1 = np.load(path / 'fc1.npy').reshape(512, 32, 8, 8)
        x = conv(b, pool(x, 2), fc1, n, **skip)
        x = dense(b, x, np.load(path / 'fc2.npy'), n, flags=pg.SKIP_FIRST)
        b.readout(x, pg.READOUT_SUM)
        widths = [layer.quant.bits for layer in b.program.layers if layer.quant.bits]
        self.assertEqual(widths, [2, 3, 5, 4])
        return source, Network(b)

    def test_stages(self):
        source, net = self.network()
        path = data('dvsgesture')
        stages = ('spikes_input', 'pool1', 'conv1', 'pool2', 'conv2', 'pool3', 'fc1', 'fc2')
        for row in table(path / 'golden.tsv')[:None if ALL else 1]:
            events = bin_events(path / f"{row['recording']}.bs2", self.STEPS,
                                lambda y, x, p: (y, x, p))
            outcome, regions = net.run(self.STEPS, {source.region: events}, True)
            got = [s['output_spikes'] for s in outcome.stats[:8]]
            self.assertEqual(got, [int(row[s]) for s in stages])
            self.assertEqual(list(struct.unpack('<11i', regions[max(regions)][:44])),
                             counts(row['out0..out10']))


class Lava(unittest.TestCase):
    """Traces of lava-dl."""

    def run_job(self, b, x, spikes):
        return Network(b).run(spikes.shape[-1], {x.region: pack_steps(x, spikes)}, True)[1]

    def test_dense(self):
        path = data('lava-golden/dense')
        spikes, want, weights, current = (np.load(path / f'{f}.npy').astype(np.int64)
                                          for f in ('in', 'out', 'weight', 'current'))
        b = Builder('lava-dense', max_steps=2000)
        x = b.input(1, 1, 1, 200)
        o = dense(b, x, weights, loihi(6, 4096, 415), pg.OUTPUT)
        bits, codes = halved(weights)
        z = b.linear(x, 256, (pg.UNIFORM, bits, codes.T), b.neuron(), planes=0, fmt=pg.INT32)
        regions = self.run_job(b, x, spikes)
        self.assertTrue((unpack_steps(o, regions[o.region])[:, 0, 0] == want).all())
        got = 2 * unpack_steps(z, regions[z.region])[:, 0, 0]
        self.assertTrue((got[:, :-1] == current[:, 1:]).all())

    def oxford(self, compare):
        h5py = self.h5py()
        path = data('lava-golden/oxford')
        layers = h5py.File(path / 'network.net')['layer']
        steps = 2000

        def spikes(name):
            rows = np.load(path / name)
            out = np.zeros((200, steps), dtype=np.int64)
            out[rows[:, 0].astype(int), np.rint(rows[:, 2]).astype(int)] = 1
            return out
        b = Builder('oxford', max_steps=steps)
        x = b.input(1, 1, 1, 200)
        h = dense(b, x, layers['0/weight'][()], loihi(6, 4096, 415, compare=compare))
        o = dense(b, h, layers['1/weight'][()], loihi(6, 4096, 409, compare=compare), pg.OUTPUT)
        regions = self.run_job(b, x, spikes('input.npy'))
        want = spikes('ground_truth.npy')
        self.assertEqual(want.sum(), 10178)
        return int((unpack_steps(o, regions[o.region])[:, 0, 0] != want).sum())

    def test_oxford(self):
        self.assertEqual(self.oxford(pg.GE), 0)

    def test_oxford_with_gt_differs(self):
        self.assertEqual(self.oxford(pg.GT), 3014)

    def test_tinynet(self):
        h5py = self.h5py()
        path = data('lava-golden/tinynet')
        layers = h5py.File(path / 'tiny.net')['layer']
        spikes, want1, want2, current = (np.load(path / f'{f}.npy')[0].astype(np.int64)
                                         for f in ('input', 'layer1', 'output', 'current'))

        def layer(b, x, name, **more):
            weights = layers[name + '/weight'][..., 0].astype(np.int64)
            bias = layers[name + '/bias'][()].astype(np.int64) * 64
            n = loihi(25, 4096, 1024, bias=bias, delay=0)
            return conv(b, x, weights, n, pg.OUTPUT, stride=(2, 2), flags=pg.SKIP_FIRST, **more)
        b = Builder('tiny-1')
        x = b.input(1, 16, 16, 3)
        h = layer(b, x, '1')
        bits, codes = halved(layers['1/weight'][..., 0].astype(np.int64))
        rows = codes.transpose(2, 3, 1, 0).reshape(-1, 24)
        z = b.conv(x, 24, (pg.UNIFORM, bits, rows), b.neuron(), kernel=(5, 5), stride=(2, 2),
                   planes=0, fmt=pg.INT32)
        regions = self.run_job(b, x, spikes)
        got1 = unpack_steps(h, regions[h.region])
        self.assertTrue((got1 == want1).all())
        self.assertTrue((2 * unpack_steps(z, regions[z.region]) == current).all())
        b = Builder('tiny-2')
        x = b.input(1, 6, 6, 24)
        o = layer(b, x, '2')
        regions = self.run_job(b, x, got1)
        self.assertTrue((unpack_steps(o, regions[o.region]) == want2).all())
        self.assertGreater(want2.sum(), 0)

    @staticmethod
    def h5py():
        try:
            import h5py
        except ImportError:
            raise unittest.SkipTest('no h5py: install python3-h5py') from None
        return h5py


if __name__ == '__main__':
    unittest.main()
