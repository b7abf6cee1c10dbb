# SPDX-License-Identifier: MIT
"""The neuron stage: leaks, neuron models, requantization, delay lines, and their state."""
import numpy as np

from . import program as pg
from .packing import limits, pack_tensor, unpack_tensor

INT32_MIN, INT32_MAX = -2**31, 2**31 - 1


def leak(kind, param, u):
    """What a leak leaves of int64 values."""
    if kind == pg.NO_LEAK:
        return u.copy()
    if kind == pg.DIVN:
        return u // param                     # NumPy's // rounds towards minus infinity
    if kind == pg.Q16:
        return (u * param) >> 16
    if kind == pg.TZ12:
        return np.sign(u) * ((np.abs(u) * (4096 - param)) >> 12)
    raise ValueError(f'leak {kind}')


def pad8(data):
    return data + bytes(-len(data) % 8)


class NeuronStage:
    """From accumulators to the output of one layer; SEEN counts what happened, for test cases."""

    def __init__(self, layer, table, seen):
        self.layer, self.n, self.seen = layer, layer.neuron, seen
        n = self.n
        self.theta = self._constants(table, n.threshold_index, n.threshold_count, None)
        self.bias = self._constants(table, n.bias_index, n.bias_count, 0)
        self.mult = self._constants(table, n.mult_index, n.mult_count, 1)
        self.saturations = 0
        self.updates = 0
        self.u = np.zeros(layer.out.shape, dtype=np.int64)
        self.i = self.u.copy()
        self.k = self.u.copy()
        self.sticky = self.u.copy()
        self.line = [self.u.copy() for _ in range(n.delay)]

    def _constants(self, table, index, count, default):
        """One constant for each channel; channels are the last axis."""
        if count == 0:
            return default
        values = np.array(table[index:index + count], dtype=np.int64)
        return np.broadcast_to(values, (self.layer.out.channels,))

    def _clamp(self, values, low, high):
        clamped = np.clip(values, low, high)
        count = int(np.count_nonzero(clamped != values))
        self.saturations += count
        self.seen['clamp'] += count
        return clamped

    def _sat32(self, values):
        return self._clamp(values, INT32_MIN, INT32_MAX)

    # --- state -------------------------------------------------------------------------------
    def load(self, data):
        shape, size = self.layer.out.shape, self.layer.out.elements
        part = (4 * size + 7) // 8 * 8
        at = 0

        def words(kind):
            nonlocal at
            values = np.frombuffer(data, kind, size, at).astype(np.int64).reshape(shape)
            at += part
            return values
        self.u = words('<i4')
        if self.n.model == pg.CUBA:
            self.i = words('<i4')
        if self.layer.has_counter:
            word = words('<u4')
            self.k, self.sticky = word & 0xFFFF, word >> 16 & 1
        step = self.layer.out.bytes
        self.line = [unpack_tensor(self.layer.out, data[at + d * step:at + (d + 1) * step])
                     for d in range(self.n.delay)]

    def save(self):
        parts = [self.u.astype('<i4')]
        if self.n.model == pg.CUBA:
            parts.append(self.i.astype('<i4'))
        if self.layer.has_counter:
            parts.append((self.k | self.sticky << 16).astype('<u4'))
        data = b''.join(pad8(p.tobytes()) for p in parts)
        return data + b''.join(pack_tensor(self.layer.out, s) for s in self.line)

    # --- one time step -----------------------------------------------------------------------
    def step(self, acc, number):
        """The layer's output in step NUMBER, counted from the last reset."""
        if self.n.model == pg.NO_NEURON:
            return self._requantize(acc)
        if self.layer.flags & pg.SKIP_FIRST and number == 0:
            fire = np.zeros_like(acc)
            self.seen['skip'] += 1
        else:
            fire = self._update(acc).astype(np.int64)
            self.updates += acc.size
            self.seen['fire'] += int(fire.sum())
        self.line.append(fire)
        return self.line.pop(0)

    def _requantize(self, acc):
        r = acc * self.mult + self.bias
        s = self.n.requant_shift
        if s > 0:
            r = (r + (1 << (s - 1))) >> s
        return self._clamp(r, *limits(self.layer.out))

    def _update(self, acc):
        n = self.n
        held = self.k > 0
        self.k[held] -= 1
        free = ~held
        drive = self._drive(acc)
        u = leak(n.leak, n.leak_param, self.u)
        sticky = self.sticky
        if n.flags & pg.STICKY:
            sticky = sticky | (self.u % n.leak_param != 0)
        u, sticky = np.where(free, u + drive, 0), np.where(free, sticky, self.sticky)
        u = self._sat32(u)
        fire = self._fires(u, sticky, free)
        if n.reset == pg.HARD:
            u[fire] = n.reset_value
            sticky = np.where(fire, 0, sticky)
        elif n.reset == pg.SOFT:
            u = self._sat32(np.where(fire, u - self.theta, u))
        u[held] = n.reset_value
        self.k[fire] = n.refractory
        self.u, self.sticky = u, sticky
        self.seen['held'] += int(held.sum())
        self.seen['negative'] += int((u < 0).sum())
        return fire

    @staticmethod
    def _beyond_int32(values):
        return int(np.count_nonzero((values < INT32_MIN) | (values > INT32_MAX)))

    def _drive(self, acc):
        """What is added to the leaked potential; moves the current of CUBA, refractory or not."""
        n = self.n
        x = acc << n.shift
        self.seen['shift overflow'] += self._beyond_int32(x)
        self.seen['input overflow'] += self._beyond_int32(x + self.bias)
        if n.model == pg.LIF:
            return x + self.bias
        old = self.i
        self.i = self._sat32(leak(n.current_leak, n.current_leak_param, self.i) + x)
        return (old if n.flags & pg.OLD_CURRENT else self.i) + self.bias

    def _fires(self, u, sticky, free):
        tie = (u == self.theta) & free
        self.seen['tie'] += int(tie.sum())
        if self.n.compare == pg.GE:
            return (u >= self.theta) & free
        fire = u > self.theta
        if self.n.flags & pg.STICKY:
            by_bit = tie & (sticky == 1)
            self.seen['sticky'] += int(by_bit.sum())
            fire = fire | by_bit
        return fire & free
