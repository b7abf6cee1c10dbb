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
        if not n.flags & pg.LEVEL_THRESHOLDS:
            self.theta = self._constants(table, n.threshold_index, n.threshold_count, None)
        self.levels = self._levels(table)
        self.leak_param = self._constants(table, n.leak_index, n.leak_count, n.leak_param)
        self.current_leak_param = self._constants(table, n.current_leak_index,
                                                  n.current_leak_count, n.current_leak_param)
        self.reset_value = self._constants(table, n.reset_index, n.reset_count, n.reset_value)
        self.delays = self._constants(table, n.delay_index, n.delay_count, n.delay)
        self.bias = self._constants(table, n.bias_index, n.bias_count, 0)
        self.mult = self._constants(table, n.mult_index, n.mult_count, 1)
        self.saturations = 0
        self.updates = 0
        self.u = np.zeros(layer.out.shape, dtype=np.int64)
        self.i = self.u.copy()
        self.k = self.u.copy()
        self.sticky = self.u.copy()
        self.kept = self.u.copy()
        self.line = [self.u.copy() for _ in range(n.delay)]

    def _constants(self, table, index, count, default):
        """One constant for each element."""
        shape = self.layer.out.shape
        if count == 0:
            return None if default is None else np.full(shape, default, dtype=np.int64)
        values = np.array(table[index:index + count], dtype=np.int64)
        if count > self.layer.out.channels:
            return values.reshape(shape)
        return np.broadcast_to(values, shape)

    def _levels(self, table):
        """What twice the potential is compared with, for each level and element."""
        n, shape = self.n, self.layer.out.shape
        count = n.levels or 1
        if n.flags & pg.LEVEL_THRESHOLDS:
            values = np.array(table[n.threshold_index:n.threshold_index + n.threshold_count])
            values = values.reshape(-1, count).T            # [level][channel or 1]
            return 2 * np.broadcast_to(values[:, None, None, :], (count, *shape)).astype(np.int64)
        if self.theta is None:
            return np.zeros((0, *shape), dtype=np.int64)
        j = np.arange(1, count + 1).reshape(-1, 1, 1, 1)
        factor = 2 * j - 1 if n.flags & pg.HALF_LEVELS else 2 * j
        return factor * self.theta[None]

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
            self.k, self.sticky, self.kept = word & 0xFFFF, word >> 16 & 1, word >> 17
        step, slot = self.layer.out.bytes, (self.layer.out.bytes + 7) // 8 * 8
        self.line = [unpack_tensor(self.layer.out, data[at + d * slot:at + d * slot + step])
                     for d in range(self.n.delay)]

    def save(self):
        parts = [self.u.astype('<i4')]
        if self.n.model == pg.CUBA:
            parts.append(self.i.astype('<i4'))
        if self.layer.has_counter:
            parts.append((self.k | self.sticky << 16 | self.kept << 17).astype('<u4'))
        data = b''.join(pad8(p.tobytes()) for p in parts)
        return data + b''.join(pad8(pack_tensor(self.layer.out, s)) for s in self.line)

    # --- one time step -----------------------------------------------------------------------
    def step(self, acc, number, again=0):
        """The layer's output in step NUMBER, counted from the last reset; AGAIN: not the first
        round of it."""
        if self.n.model == pg.NO_NEURON:
            return self._requantize(acc)
        if self.layer.flags & pg.SKIP_FIRST and number == 0 and not again:
            out = np.zeros_like(acc)
            self.seen['skip'] += 1
        else:
            if (self.n.reset_period and not again
                    and number % self.n.reset_period == self.n.reset_offset):
                for state in (self.u, self.i, self.k, self.sticky, self.kept):
                    self.seen['restart'] += int(np.count_nonzero(state))
                self.u, self.i, self.k, self.sticky, self.kept = (
                    np.zeros_like(self.u) for _ in range(5))
            seen, count = self._update(acc)
            out = self._output(seen, count)
            self.updates += acc.size
            self.seen['fire'] += int(np.count_nonzero(count))
            self.seen['several'] += int(np.count_nonzero(count > 1))
        if not self.n.delay:
            return out
        self.line.append(out)                                # the last: of now
        late = np.take_along_axis(np.stack(self.line), (self.n.delay - self.delays)[None], 0)[0]
        self.line.pop(0)
        return late

    def _shifted(self, r):
        s = self.n.requant_shift
        if s > 0:
            r = (r + (1 << (s - 1))) >> s
        return self._clamp(r, *limits(self.layer.out))

    def _requantize(self, acc):
        return self._shifted(acc * self.mult + self.bias)

    def _output(self, u, count):
        if self.n.output == pg.SPIKES:
            return (count > 0).astype(np.int64)
        if self.n.output == pg.COUNTS:
            return count
        if self.n.output == pg.GRADED:
            return np.where(count > 0, self._shifted(np.where(count > 0, u * self.mult, 0)), 0)
        return self._shifted(u * self.mult)

    def _taken(self, count):
        """What so many spikes take from the potential."""
        if self.n.flags & pg.LEVEL_THRESHOLDS:
            at = np.maximum(count - 1, 0)[None]
            return np.where(count > 0, np.take_along_axis(self.levels, at, 0)[0] // 2, 0)
        return 0 if self.theta is None else count * self.theta

    def _update(self, acc):
        """The potential as it is seen, and how many levels it passed."""
        n = self.n
        held = self.k > 0
        self.k[held] -= 1
        free = ~held
        drive = self._drive(acc)
        u = leak(n.leak, self.leak_param, self.u)
        sticky = self.sticky
        if n.flags & pg.STICKY:
            sticky = sticky | (self.u % self.leak_param != 0)
        self.seen['delayed'] += int(np.count_nonzero(self.kept[free]))
        u = u + drive - self._taken(self.kept)
        u, sticky = np.where(free, u, 0), np.where(free, sticky, self.sticky)
        u = self._sat32(u)
        if n.flags & pg.CLAMP_LOW:
            self.seen['low'] += int(np.count_nonzero((u < n.low) & free))
            u = np.maximum(u, n.low)
        count = self._count(u, sticky, free)
        u = np.where(held, self.reset_value, u)
        seen, fire = u.copy(), count > 0
        self.kept = np.zeros_like(u)
        if n.reset == pg.HARD:
            u = np.where(fire, self.reset_value, u)
            sticky = np.where(fire, 0, sticky)
        elif n.reset == pg.SOFT and n.flags & pg.DELAYED_RESET:
            self.kept = count
        elif n.reset == pg.SOFT:
            u = self._sat32(np.where(fire, u - self._taken(count), u))
        self.k[fire] = n.refractory
        self.u, self.sticky = u, sticky
        self.seen['held'] += int(held.sum())
        self.seen['negative'] += int((u < 0).sum())
        return seen, count

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
        self.i = self._sat32(leak(n.current_leak, self.current_leak_param, self.i) + x)
        return (old if n.flags & pg.OLD_CURRENT else self.i) + self.bias

    def _count(self, u, sticky, free):
        """How many levels each potential passes."""
        n = self.n
        count = np.zeros_like(u)
        for j, level in enumerate(self.levels, 1):
            tie = (2 * u == level) & free
            self.seen['tie'] += int(tie.sum())
            passed = 2 * u > level
            if n.tie == pg.TIE_EVEN:
                self.seen['even tie'] += int(tie.sum()) * (j % 2 == 0)
                passed |= tie & (j % 2 == 0)
            elif n.compare == pg.GE:
                passed |= tie
            if n.flags & pg.STICKY:
                by_bit = tie & (sticky == 1)
                self.seen['sticky'] += int(by_bit.sum())
                passed |= by_bit
            count += passed & free
        return count
