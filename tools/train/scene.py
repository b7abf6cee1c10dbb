# SPDX-License-Identifier: MIT
"""Images on a screen that move before the simulated camera.

An image is enlarged on a canvas of FINE points to a pixel of the sensor, which
averages them over its area; motion shifts the canvas, bilinearly between its
points. All of it is integer up to the logarithm, and positions are multiples of
1/STEPS of a point, so that recordings do not depend on how a machine sums."""
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

import eventcam

FINE = 4
STEPS = 256
BRIGHT = 4095       # the brightest a point can be
BLOCK = 32          # points in time that are rendered at once


@dataclass(frozen=True)
class Saccades:
    """Three saccades of the length that the camera says, back to the start."""

    def __call__(self, rng, times, camera):
        """The image's centre (y, x) at each time."""
        return eventcam.saccades(rng, times, camera)


@dataclass(frozen=True)
class Loop:
    """A smooth closed way, gone again and again from somewhere on it."""
    radius: float       # pixels
    period: float       # microseconds

    def __call__(self, rng, times, camera):
        """The image's centre (y, x) at each time."""
        centre = (camera.height / 2, camera.width / 2) + rng.uniform(-1, 1, 2)
        phase = 2 * np.pi * (times / self.period + rng.random())
        extent = self.radius * rng.uniform(0.9, 1.1, 2)
        lead = np.pi / 2 * rng.uniform(0.85, 1.15)
        return centre + extent * np.stack([np.sin(phase + lead), np.sin(phase)], axis=1)


@dataclass(frozen=True)
class Scene:
    """An image of `side` pixels of the sensor on a uniform ground."""
    side: float
    path: object            # of (rng, times, camera)
    ground: float = 0.0     # grey around the image
    gamma: float = 1.0      # of the screen


@lru_cache
def spread(points, cells, side):
    """Weights [point][cell], in 1/STEPS, of an axis of the canvas, summed over the
    FINE points that begin at each; without those the middle is the image's. Points
    beyond the image have none."""
    at = (np.arange(points) + 0.5 - (points - FINE) / 2) / FINE * cells / side + (cells - 1) / 2
    low = np.clip(np.floor(at), 0, cells - 1).astype(int)
    part = np.rint(np.clip(at - low, 0, 1) * STEPS)
    part[low == cells - 1] = 0
    matrix = np.zeros((points, cells + 1))
    matrix[np.arange(points), low] = STEPS - part
    matrix[np.arange(points), low + 1] += part
    matrix[np.abs(at - (cells - 1) / 2) > cells / 2] = 0
    sums = np.cumsum(np.pad(matrix[:, :cells], ((1, 0), (0, 0))), 0)
    return sums[FINE:] - sums[:-FINE]


@lru_cache
def shine(gamma):
    """Light of each grey value."""
    return np.array([round(BRIGHT * (v / 255) ** gamma) for v in range(256)], float)


@lru_cache
def logarithms(dark):
    """What a pixel sees of light 0 to BRIGHT, in multiples of 2^-20."""
    logs = [math.log(dark + (1 - dark) * v / BRIGHT) for v in range(BRIGHT + 1)]
    return np.rint(np.array(logs) * 2.0 ** 20) / 2.0 ** 20


def canvas(image, scene, height, width):
    """Mean light of a pixel that begins at each point, 16 times as fine as BRIGHT."""
    rows, columns = (spread((n + 1) * FINE, cells, scene.side)
                     for n, cells in zip((height, width), image.shape))
    light = rows @ (shine(scene.gamma)[image] @ columns.T)
    ground = round(BRIGHT * scene.ground ** scene.gamma)
    if ground:
        covered = rows.sum(1)[:, None] * columns.sum(1)
        light += ground * ((FINE * STEPS) ** 2 - covered)
    return (light / STEPS ** 2).astype(np.uint32)


def rests(corner, pixels):
    """(first points [time][pixel], parts [time][1]) of an axis; corner: where on the
    canvas the sensor begins, in points."""
    whole, part = np.divmod(np.rint(corner * STEPS).astype(np.int64), STEPS)
    return whole[:, None] + FINE * np.arange(pixels), part[:, None].astype(np.uint32)


def film(image, scene, camera, rng):
    """Logarithms of light [time][pixel] of a grey image (bytes [y][x])."""
    times = eventcam.times_of(camera)
    centre = scene.path(rng, times, camera)
    away = centre - (camera.height / 2, camera.width / 2)
    margin = math.ceil(np.abs(away).max()) + 1
    light = canvas(image, scene, camera.height + 2 * margin, camera.width + 2 * margin)
    table = logarithms(camera.dark)
    y, part_y = rests((margin - away[:, 0]) * FINE, camera.height)
    x, part_x = rests((margin - away[:, 1]) * FINE, camera.width)
    levels = np.empty((len(times), camera.height * camera.width))
    for i in range(0, len(times), BLOCK):
        some = slice(i, i + BLOCK)
        at = y[some, :, None] * light.shape[1] + x[some, None, :]
        below, across = part_y[some, :, None], part_x[some, None, :]
        left, right = ((STEPS - below) * light.take(at + step)
                       + below * light.take(at + step + light.shape[1]) for step in (0, 1))
        seen = ((STEPS - across) * left + across * right) >> 20
        levels[some] = table[seen].reshape(len(at), -1)
    return eventcam.low_pass(levels, camera)


def record(images, seeds, scene, camera):
    """Recordings (EVENT arrays) of grey images of equal size, each by its seed."""
    rngs = [np.random.default_rng(seed) for seed in seeds]
    films = np.stack([film(image, scene, camera, rng) for image, rng in zip(images, rngs)])
    return eventcam.expose(films, rngs, camera)
