# SPDX-License-Identifier: MIT
"""Quantization grids: uniform (symmetric, with zero), odd, powers of two, sums
of two of them, ternary.

Levels are the integers of Documentation/numerics.md; a weight is scale x level.
"""
import torch

from snnqfile import APOT, widths


def levels_of(scheme, bits):
    """All levels of a grid in ascending order."""
    if bits not in widths(scheme):
        raise ValueError(f"scheme {scheme} has no {bits} bits")
    if scheme == "uniform":
        top = (1 << bits - 1) - 1
        return [-1, 1] if bits == 1 else list(range(-top, top + 1))
    if scheme == "odd":
        return list(range(1 - (1 << bits), 1 << bits, 2))
    if scheme == "pot":
        powers = [1 << i for i in range((1 << bits - 1) - 1)]
        return [-p for p in reversed(powers)] + [0] + powers
    if scheme == "apot":
        return [-m for m in reversed(APOT[bits])] + list(APOT[bits][1:])
    return [-1, 0, 1]


def nearest(values, grid):
    """Nearest level of an ascending symmetric grid, ties to the smaller
    magnitude."""
    magnitudes = grid[grid >= 0]
    middles = (magnitudes[1:] + magnitudes[:-1]) / 2
    found = torch.take(magnitudes, torch.bucketize(values.abs().contiguous(), middles))
    return torch.copysign(found, values)


def quantize(weight, scheme, bits, per_channel=True):
    """Levels and scales [out, 1, ...] of least squared error.

    The scale is searched from 0.3 of the one that puts the largest weight on
    the largest level up to that one itself."""
    grid = torch.tensor(levels_of(scheme, bits), dtype=weight.dtype)
    rows = weight.flatten(1) if per_channel else weight.reshape(1, -1)
    # Powers of two leave wide gaps at the top; they may scale beyond it.
    last = 60 if scheme in ("pot", "apot") else 40
    full = rows.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / grid[-1]
    best = torch.full((len(rows), 1), float("inf"), dtype=weight.dtype)
    scale = full.clone()
    for fortieths in range(12, last + 1):
        tried = full * (fortieths / 40)
        error = (rows - nearest(rows / tried, grid) * tried).square().sum(
            dim=1, keepdim=True)
        scale = torch.where(error < best, tried, scale)
        best = torch.minimum(best, error)
    levels = nearest(rows / scale, grid).reshape(weight.shape)
    shape = [-1] + [1] * (weight.dim() - 1)
    return levels, scale.reshape(shape)
