# SPDX-License-Identifier: MIT
"""Event-camera simulator, and the demo's scene: handwritten digits seen by a
moving 32x32 sensor.

A digit of 8x8 grey values is projected on the sensor with exact area
antialiasing and moved along three saccades, as the N-MNIST recordings were
made; scene.py has larger images on other ways. Each pixel compares the
logarithm of its intensity with the level it remembers; a change by more than its own contrast threshold is an event, after
which the pixel sleeps for its refractory time and then remembers the level it
finds. Between sub-steps the log intensity is linear, so that event times are
exact crossings and not multiples of the sub-step. Everything random comes from
the seed of the recording.
"""
import math
from dataclasses import dataclass

import numpy as np

EVENT = np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])


@dataclass(frozen=True)
class Camera:
    """Sensor and scene; times in microseconds, contrasts in ln(intensity)."""
    width: int = 32
    height: int = 32
    duration: int = 240_000
    substep: int = 2_000
    contrast: float = 0.5          # mean threshold
    mismatch: float = 0.05         # standard deviation of thresholds over pixels
    dark: float = 0.15             # intensity of the background, ink is 1
    refractory: float = 800.0
    noise_hz: float = 0.3          # background activity of one pixel
    bandwidth_hz: float = 0.0      # of the photoreceptor, 0: unlimited
    cell: float = 2.6              # size of a digit's cell on the sensor
    saccade: float = 4.0           # mean length of a saccade in pixels


def saccades(rng, times, camera):
    """Position of the digit's centre (y, x) at each time: a bent triangle of
    three smooth saccades around a start near the middle of the sensor."""
    start = (camera.height / 2, camera.width / 2) + rng.uniform(-1, 1, 2)
    length = camera.saccade * rng.uniform(0.85, 1.15, 3)
    angle = np.deg2rad(np.array([60.0, -60.0, 180.0]) + rng.normal(0, 8, 3))
    steps = length[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    corners = np.concatenate([[(0.0, 0.0)], np.cumsum(steps, axis=0)])
    centred = corners - corners.mean(axis=0) + start
    phase = 3 * times / camera.duration
    leg = np.minimum(phase.astype(int), 2)
    progress = phase - leg
    eased = (0.3 * progress
             + 0.7 * 0.5 * (1 - np.cos(np.pi * progress)))[:, None]
    return centred[leg] * (1 - eased) + centred[leg + 1] * eased


def projection(centres, pixels, cells, cell):
    """Matrix [time][pixel][cell]: share of each cell in each pixel of an axis.

    Bilinear interpolation between cell centres, averaged over eight points of
    a pixel, which is what makes sub-pixel motion smooth."""
    taps = (np.arange(8) + 0.5) / 8
    where = np.arange(pixels)[:, None] + taps
    coordinate = ((where[None] - centres[:, None, None]) / cell
                  + (cells - 1) / 2)
    distance = np.abs(coordinate[..., None] - np.arange(cells))
    return np.maximum(0, 1 - distance).mean(axis=2)


def film(digit, rng, times, camera):
    """Log intensity [time][y][x] of the moving digit."""
    centre = saccades(rng, times, camera)
    cell = camera.cell * rng.uniform(0.92, 1.08)
    rows = projection(centre[:, 0], camera.height, digit.shape[0], cell)
    columns = projection(centre[:, 1], camera.width, digit.shape[1], cell)
    ink = np.einsum("tyi,ij,txj->tyx", rows, digit / digit.max(), columns,
                    optimize=True)
    return np.log(camera.dark + (1 - camera.dark) * ink)


class Pixels:
    """State of all pixels of a sensor, advanced one sub-step at a time."""

    PARTS = ("on", "off", "memory", "wake", "asleep")

    def __init__(self, level, rng, camera):
        self.on, self.off = np.maximum(
            0.1, rng.normal(camera.contrast, camera.mismatch,
                            (2, level.size)))
        spread = rng.uniform(-1, 1, level.size)
        self.memory = level + 0.5 * camera.contrast * spread
        self.wake = np.full(level.size, -1.0)
        self.asleep = np.zeros(level.size, bool)
        self.refractory = camera.refractory

    def join(self, others):
        """Take sensors that look at something else beside this one."""
        for part in self.PARTS:
            setattr(self, part, np.concatenate(
                [getattr(sensor, part) for sensor in (self, *others)]))

    def candidates(self, after):
        """Pixels that may fire until their level is `after`, a few too many."""
        moved = after - self.memory
        return np.flatnonzero(self.asleep | (moved > self.on - 1e-9)
                              | (moved < 1e-9 - self.off))

    def advance(self, start, end, before, after):
        """Events of [start, end) while the level goes from before to after."""
        pixel, found = self.candidates(after), []
        slope = (after[pixel] - before[pixel]) / (end - start)
        while len(pixel):
            wake, at_start = self.wake[pixel], before[pixel]
            waking = self.asleep[pixel] & (wake < end)
            memory = np.where(waking, at_start + slope * (wake - start),
                              self.memory[pixel])
            self.memory[pixel] = memory
            self.asleep[pixel] &= ~waking
            target = memory + np.where(slope > 0, self.on[pixel], -self.off[pixel])
            with np.errstate(divide="ignore", invalid="ignore"):
                when = start + (target - at_start) / slope
            when = np.maximum(when, np.maximum(start, wake))
            fires = (slope != 0) & ~self.asleep[pixel] & (when < end)
            pixel, slope, when = pixel[fires], slope[fires], when[fires]
            found.append((when, pixel, slope > 0))
            self.wake[pixel] = when + self.refractory
            self.asleep[pixel] = True
        return found


def background(rng, pixels, camera):
    """Poisson background activity: (times, pixels, polarities)."""
    mean = pixels * camera.noise_hz * camera.duration * 1e-6
    count = rng.poisson(mean)
    return (rng.uniform(0, camera.duration, count),
            rng.integers(0, pixels, count), rng.random(count) < 0.5)


def low_pass(levels, camera):
    """What a photoreceptor of limited bandwidth makes of levels [time][pixel]."""
    if not camera.bandwidth_hz:
        return levels
    share = -math.expm1(-2e-6 * math.pi * camera.bandwidth_hz * camera.substep)
    for before, level in zip(levels, levels[1:]):
        level -= before
        level *= share
        level += before
    return levels


def expose(levels, rngs, camera):
    """EVENT arrays of sensors [recording][time][pixel] of log intensities, each
    with its own random numbers. Computed side by side, with the same results as
    one by one."""
    pixels = levels.shape[2]
    sensors = [Pixels(level[0], rng, camera) for level, rng in zip(levels, rngs)]
    sensors[0].join(sensors[1:])
    parts = []
    for i, rng in enumerate(rngs):
        when, pixel, polarity = background(rng, pixels, camera)
        parts.append((when, pixel + i * pixels, polarity))
    frames = np.ascontiguousarray(levels.swapaxes(0, 1)).reshape(levels.shape[1], -1)
    for i, (before, after) in enumerate(zip(frames, frames[1:])):
        parts += sensors[0].advance(i * camera.substep, (i + 1) * camera.substep,
                                    before, after)
    when, pixel, polarity = (np.concatenate(c) for c in zip(*parts))
    events = np.zeros(len(when), EVENT)
    events["t"] = when.astype(np.int64)
    recording, place = np.divmod(pixel, pixels)
    events["y"], events["x"] = np.divmod(place, camera.width)
    events["p"] = polarity
    order = np.lexsort((place, events["t"], recording))
    ends = np.searchsorted(recording[order], np.arange(len(rngs)), side="right")
    return np.split(events[order], ends[:-1])


def times_of(camera):
    """Begins of the sub-steps, and the end."""
    return np.arange(0, camera.duration + 1, camera.substep, dtype=float)


def record(digit, seed, camera=Camera()):
    """Recording of one digit (square array of grey values) as EVENT array."""
    rng = np.random.default_rng(seed)
    times = times_of(camera)
    levels = film(np.asarray(digit, float), rng, times, camera)
    levels = low_pass(levels.reshape(len(times), -1), camera)
    return expose(levels[None], [rng], camera)[0]


def write_atis(path, events):
    """ATIS 40-bit records: x, y, polarity bit and 23 bits of time, big-endian."""
    if len(events) and (events["t"].max() >= 1 << 23 or events["t"].min() < 0):
        raise ValueError(f"{path}: time outside 23 bits")
    if len(events) and max(events["x"].max(), events["y"].max()) >= 240:
        raise ValueError(f"{path}: coordinate above 239")
    rows = np.zeros((len(events), 5), np.uint8)
    rows[:, 0], rows[:, 1] = events["x"], events["y"]
    rows[:, 2] = (events["p"] << 7) | (events["t"] >> 16)
    rows[:, 3] = (events["t"] >> 8) & 255
    rows[:, 4] = events["t"] & 255
    rows.tofile(path)


def write_bs3(path, events):
    """SLAYER records: 12 bits of x and y, a channel (p), 24 bits of time, big-endian."""
    if len(events) and (events["t"].max() >= 1 << 24 or events["t"].min() < 0):
        raise ValueError(f"{path}: time outside 24 bits")
    x, y, t = (events[key].astype(np.uint64) for key in "xyt")
    words = (x << 44) | (y << 32) | (events["p"].astype(np.uint64) << 24) | t
    words.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 1:].tofile(path)


def read_atis(path):
    """Inverse of write_atis(); time-overflow markers are not expected here."""
    data = np.fromfile(path, np.uint8)
    if data.size % 5:
        raise ValueError(f"{path}: {data.size} bytes are no multiple of 5")
    rows = data.reshape(-1, 5).astype(np.int64)
    events = np.zeros(len(rows), EVENT)
    events["x"], events["y"], events["p"] = rows[:, 0], rows[:, 1], rows[:, 2] >> 7
    events["t"] = (rows[:, 2] & 127) << 16 | rows[:, 3] << 8 | rows[:, 4]
    return events


def to_counts(events, spec):
    """Event counts [step][y][x][polarity] as the model's `input` says.

    Only the binning that the demo model uses: fixed durations, floor, times as
    stored. Counts stop at 2^planes - 1; events outside the steps are dropped."""
    if (spec["binning"], spec["rounding"], spec["origin"]) != (
            "duration", "floor", "zero"):
        raise ValueError("only duration binning with floor and origin zero")
    scale = 1
    if "sensor" in spec:
        scale = spec["sensor"]["downscale"]
        if spec["sensor"]["crop"] != [0, 0] or (
                spec["sensor"]["width"], spec["sensor"]["height"]) != (
                scale * spec["width"], scale * spec["height"]):
            raise ValueError("only a sensor that is used to its edges")
    step = events["t"] // spec["step_us"]
    kept = events[step < spec["steps"]]
    counts = np.zeros((spec["steps"], spec["height"], spec["width"],
                       spec["polarities"]), np.int64)
    channel = kept["p"]
    if spec["polarities"] <= 2:
        channel = np.where(channel == 1, spec["on_channel"], 1 - spec["on_channel"])
    np.add.at(counts, (step[step < spec["steps"]], kept["y"] // scale,
                       kept["x"] // scale, channel), 1)
    return np.minimum(counts, (1 << spec["planes"]) - 1).astype(np.uint8)
