# SPDX-License-Identifier: MIT
"""Bits and bytes of tensors, weights and event lists, and the levels of weight codes."""
import struct

import numpy as np

from . import program as pg


def pack_tensor(tensor, values):
    """Bytes of one time step; VALUES has the tensor's shape and fits its format."""
    values = np.asarray(values, dtype=np.int64).reshape(tensor.shape)
    if tensor.format == pg.INT32:
        return values.astype('<i4').tobytes()
    low, high = format_limits(tensor)
    if values.size and (values.min() < low or values.max() > high):
        raise ValueError(f'values outside {low}..{high}')
    planes = []
    for i in range(tensor.planes):
        bits = np.zeros((tensor.height, tensor.width, tensor.row_bytes * 8), dtype=np.uint8)
        bits[:, :, :tensor.channels] = values >> i & 1
        planes.append(np.packbits(bits, axis=2, bitorder='little').tobytes())
    return b''.join(planes)


def unpack_tensor(tensor, data):
    """Values of one time step as int64 [height][width][channel]."""
    if len(data) != tensor.bytes:
        raise ValueError(f'{len(data)} bytes for a tensor of {tensor.bytes}')
    if tensor.format == pg.INT32:
        return np.frombuffer(data, dtype='<i4').astype(np.int64).reshape(tensor.shape)
    raw = np.frombuffer(data, dtype=np.uint8)
    raw = raw.reshape(tensor.planes, tensor.height, tensor.width, tensor.row_bytes)
    bits = np.unpackbits(raw, axis=3, bitorder='little')[..., :tensor.channels].astype(np.int64)
    values = np.zeros(tensor.shape, dtype=np.int64)
    for i in range(tensor.planes):
        negative = tensor.format == pg.SIGNED and i == tensor.planes - 1
        values += bits[i] * (-(1 << i) if negative else 1 << i)
    return values


def limits(tensor):
    """Least and greatest value of an element."""
    if not tensor.bound:
        return format_limits(tensor)
    return (-tensor.bound if tensor.format == pg.INT32 else 0), tensor.bound


def format_limits(tensor):
    """Least and greatest value that the format holds."""
    if tensor.format == pg.INT32:
        return -2**31, 2**31 - 1
    if tensor.format == pg.SIGNED:
        return -2**(tensor.planes - 1), 2**(tensor.planes - 1) - 1
    return 0, 2**tensor.planes - 1


def set_bits(tensor, values):
    """How many bits are set in each element; for INT32, whether it is not zero."""
    if tensor.format == pg.INT32:
        return (values != 0).astype(np.int64)
    return sum(values >> i & 1 for i in range(tensor.planes))


def decode(scheme, bits, code):
    """The level of a weight code."""
    signed = code - (1 << bits) if code >> (bits - 1) else code
    if scheme == pg.UNIFORM:
        return (1, -1)[code] if bits == 1 else signed
    if scheme == pg.ODD:
        return (1, -1)[code] if bits == 1 else 2 * signed + 1
    if scheme == pg.POT:
        exponent = code & ((1 << (bits - 1)) - 1)
        magnitude = 0 if exponent == 0 else 1 << (exponent - 1)
        return -magnitude if code >> (bits - 1) else magnitude
    if scheme == pg.APOT:
        magnitude = apot_magnitudes(bits)[code & ((1 << (bits - 1)) - 1)]
        return -magnitude if code >> (bits - 1) else magnitude
    if scheme == pg.TERNARY:
        return (0, 1, -1)[code]
    raise ValueError(f'scheme {scheme}')


def apot_magnitudes(bits):
    """Ascending; those of 4 and 5 bits are sums of two terms, taken from one set each."""
    if bits == 3:
        return [0, 4, 9, 16]
    scale, second = {4: (16, (0, 1 / 2)), 5: (32, (0, 1 / 2, 1 / 8, 1 / 32))}[bits]
    return sorted(int(scale * (a + b)) for a in (0, 1, 1 / 4, 1 / 16) for b in second)


def code_count(scheme, bits):
    """Codes that a weight may have."""
    return 3 if scheme == pg.TERNARY else 1 << bits


def levels(scheme, bits):
    """All levels, indexed by code."""
    return np.array([decode(scheme, bits, c) for c in range(code_count(scheme, bits))],
                    dtype=np.int64)


def pack_codes(scheme, bits, codes):
    """CODES [row][weight] as packed rows, each starting on a byte boundary."""
    codes = np.asarray(codes, dtype=np.int64)
    if scheme == pg.TERNARY:
        padded = np.pad(codes, ((0, 0), (0, -codes.shape[1] % 5)))
        digits = padded.reshape(len(codes), -1, 5)
        return (digits @ 3 ** np.arange(5)).astype(np.uint8).tobytes()
    spread = (codes[:, :, None] >> np.arange(bits) & 1).astype(np.uint8)
    return np.packbits(spread.reshape(len(codes), -1), axis=1, bitorder='little').tobytes()


def unpack_codes(scheme, bits, data, rows, row):
    """The inverse of pack_codes; any bytes will do."""
    raw = np.frombuffer(data, dtype=np.uint8).reshape(rows, -1)
    if scheme == pg.TERNARY:
        digits = raw[:, :, None].astype(np.int64) // 3 ** np.arange(5) % 3
        return digits.reshape(rows, -1)[:, :row]
    spread = np.unpackbits(raw, axis=1, bitorder='little')[:, :row * bits]
    weights = 1 << np.arange(bits, dtype=np.int64)
    return spread.reshape(rows, row, bits).astype(np.int64) @ weights


def encode_levels(scheme, bits, values):
    """Codes of VALUES, each of which must be a level."""
    code_of = {}
    for code, level in reversed(list(enumerate(levels(scheme, bits).tolist()))):
        code_of[level] = code
    flat = [code_of[int(v)] for v in np.asarray(values).ravel()]
    return np.array(flat, dtype=np.int64).reshape(np.shape(values))


def pack_event(step, y, x, channel):
    return struct.pack('<Q', step << 40 | y << 28 | x << 16 | channel)


def unpack_event(data, offset):
    """(step, y, x, channel), or None for the end mark."""
    record = struct.unpack_from('<Q', data, offset)[0]
    if record == pg.EVENT_END:
        return None
    return record >> 40, record >> 28 & 0xFFF, record >> 16 & 0xFFF, record & 0xFFFF
