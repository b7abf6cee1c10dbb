# SPDX-License-Identifier: MIT
"""A figure of a table: accuracy over bytes of the file, a series for each method."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 960, 560
LEFT, RIGHT, TOP, BOTTOM = 70, 270, 40, 60
COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#8e5ea2", "#e08e0b", "#444444", "#17a2b8",
           "#a0522d", "#6b8e23", "#c71585", "#708090", "#00695c", "#b8860b", "#5c6bc0")
SHAPES = ("circle", "square", "triangle")


def series_of(name):
    """Which method a row of the table is of; None: the float network."""
    if name.startswith("float"):
        return None
    if "fine-tuned" in name:
        return "search, fine-tuned"
    if name.startswith("heterogeneous"):
        return "search"
    if ", search at" in name:
        return "search, " + name.split(" ", 1)[0] + " only"
    return name.rsplit(", ", 1)[-1]


class Scale:
    """Data to picture, along one axis."""

    def __init__(self, low, high, start, end, logarithmic=False):
        self.map = math.log if logarithmic else float
        self.low, self.span = self.map(low), self.map(high) - self.map(low) or 1.0
        self.start, self.size = start, end - start

    def __call__(self, value):
        return round(self.start + self.size * (self.map(value) - self.low) / self.span, 1)


def marker(shape, x, y, colour):
    """A point."""
    if shape == "circle":
        return f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>'
    if shape == "square":
        return f'<rect x="{x - 4}" y="{y - 4}" width="8" height="8" fill="{colour}"/>'
    return (f'<path d="M{x} {y - 5} L{x + 5} {y + 4} L{x - 5} {y + 4} Z" '
            f'fill="{colour}"/>')


def text(x, y, words, anchor="start", more=""):
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" {more}>{escape(words)}</text>'


def ticks_of_bytes(low, high):
    """1, 2 and 5 times powers of ten in a range."""
    found = [m * 10 ** e for e in range(1, 12) for m in (1, 2, 5)]
    return [v for v in found if low <= v <= high]


def axes(x, y, lowest, highest, least, most):
    """Frame, lines and numbers."""
    parts = []
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2) if (most - least) / s <= 11)
    for k in range(math.ceil(least / step - 1e-9), math.floor(most / step + 1e-9) + 1):
        at = y(k * step)
        parts.append(f'<path d="M{LEFT} {at} H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(text(LEFT - 8, at + 4, f"{100 * k * step:.0f} %", "end"))
    for value in ticks_of_bytes(lowest, highest):
        at = x(value)
        parts.append(f'<path d="M{at} {TOP} V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(text(at, HEIGHT - BOTTOM + 18, f"{value / 1000:g} kB", "middle"))
    parts.append(f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH - RIGHT - LEFT}" '
                 f'height="{HEIGHT - BOTTOM - TOP}" fill="none" stroke="#888"/>')
    return parts


def draw(table, title):
    """The picture of a table's rows as SVG."""
    rows = [(series_of(r["name"]), r) for r in table]
    points = [(s, r) for s, r in rows if s]
    flat = next(r for s, r in rows if s is None)
    lowest = min(r["bytes"] for _, r in points) / 1.1
    highest = max(r["bytes"] for _, r in points) * 1.1
    least = min(r["low"] for r in table) - 0.005
    most = min(1.0, max(r["high"] for r in table) + 0.005)
    x = Scale(lowest, highest, LEFT, WIDTH - RIGHT, True)
    y = Scale(least, most, HEIGHT - BOTTOM, TOP)
    parts = axes(x, y, lowest, highest, least, most)
    at, low, high = y(flat["right"] / flat["count"]), y(flat["low"]), y(flat["high"])
    parts.append(f'<rect x="{LEFT}" y="{high}" width="{WIDTH - RIGHT - LEFT}" '
                 f'height="{round(low - high, 1)}" fill="#888" opacity="0.12"/>')
    parts.append(f'<path d="M{LEFT} {at} H{WIDTH - RIGHT}" stroke="#000" '
                 'stroke-dasharray="6 4"/>')
    names = list(dict.fromkeys(s for s, _ in points))
    for i, name in enumerate(names):
        colour, shape = COLOURS[i % len(COLOURS)], SHAPES[i % len(SHAPES)]
        for series, r in points:
            if series != name:
                continue
            px, py = x(r["bytes"]), y(r["right"] / r["count"])
            hint = escape(f"{r['name']}: {r['bytes']} bytes, {r['right']} of {r['count']}")
            parts.append(f'<g><title>{hint}</title><path d="M{px} {y(r["low"])} '
                         f'V{y(r["high"])}" stroke="{colour}" opacity="0.45"/>'
                         f'{marker(shape, px, py, colour)}</g>')
        row = TOP + 14 + 20 * (i + 1)
        parts.append(marker(shape, WIDTH - RIGHT + 20, row - 4, colour))
        parts.append(text(WIDTH - RIGHT + 32, row, name))
    parts.append(text(WIDTH - RIGHT + 14, TOP + 10, "- - float"))
    parts.append(text(LEFT, TOP - 14, title, more='font-weight="bold"'))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18,
                      "bytes of the model file (logarithmic); bars: 95 % of Wilson", "middle"))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="12">\n'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n'
            + "\n".join(parts) + "\n</svg>\n")
