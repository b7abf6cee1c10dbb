# SPDX-License-Identifier: MIT
"""A figure of a table: accuracy over bytes of the file, a series for each method."""
import io
import itertools

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

MARKERS = "os^vD<>P"
DEEPEST = 0.12      # below the float network; what is worse would press the rest together
FIXED = {"svg.hashsalt": "snnq", "svg.fonttype": "none", "font.size": 9,
         "axes.prop_cycle": matplotlib.cycler(color=matplotlib.colormaps["tab20"].colors)}


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


def share(row):
    """Accuracy in percent."""
    return 100 * row["right"] / row["count"]


def points_of(table):
    """({series: rows that are drawn}, rows that are too deep to be)."""
    least = share(table[0]) - 100 * DEEPEST
    series, deep = {}, []
    for row in table:
        name = series_of(row["name"])
        if name and share(row) < least:
            deep.append(row)
        elif name:
            series.setdefault(name, []).append(row)
    return series, deep


def bars(rows):
    """x, y and lengths of the intervals below and above."""
    y = [share(r) for r in rows]
    return ([r["bytes"] for r in rows], y,
            [[v - 100 * r["low"] for v, r in zip(y, rows)],
             [100 * r["high"] - v for v, r in zip(y, rows)]])


def label(axes, deep):
    """What the axes are."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v / 1000:g} kB"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    missing = f"; {len(deep)} below {100 * DEEPEST:g} % less than float not shown" if deep else ""
    axes.set_xlabel(f"bytes of the model file (logarithmic); bars: 95 % of Wilson{missing}")
    axes.set_ylabel("right, %")
    axes.grid(alpha=.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)


def draw(table, title):
    """The picture of a table's rows as SVG."""
    series, deep = points_of(table)
    with matplotlib.rc_context(FIXED):
        figure = Figure(figsize=(9.6, 5.6))
        axes = figure.add_subplot(title=title)
        axes.axhline(share(table[0]), color="black", linestyle="--", linewidth=1, label="float")
        axes.axhspan(100 * table[0]["low"], 100 * table[0]["high"], color="grey", alpha=.12)
        for (name, rows), marker in zip(series.items(), itertools.cycle(MARKERS)):
            x, y, errors = bars(rows)
            ours = {"marker": "*", "markersize": 11, "color": "black", "zorder": 4}
            axes.errorbar(x, y, yerr=errors, linestyle="none", elinewidth=1, label=name,
                          **(ours if name == "search" else {"marker": marker}))
        label(axes, deep)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None}, bbox_inches="tight")
    return "".join(line.rstrip() + "\n" for line in text.getvalue().splitlines())
