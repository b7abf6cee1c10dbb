# SPDX-License-Identifier: MIT
"""What each part of the quantizer's method for one layer is worth.

Models to grids that are given, each without a part, against the one with all of them,
recording by recording, on recordings for development."""
from dataclasses import dataclass

import paired

# Parts that are left out, one row each.
PARTS = (("centre",), ("sort",), ("scale",), ("feedback",), ("descent",),
         ("feedback", "descent"), ("bias",), ("neurons",), ("again",), ("rounded",))


@dataclass(frozen=True)
class Grids:
    """Grids of all layers: a name for people, one for files, options."""
    name: str
    short: str
    options: tuple


def grids_of(first):
    """The grids on which parts are left out; `first`: the network's first layer."""
    ends = ("--layer", f"{first}=uniform:8", "--layer", "head=uniform:8")
    return (Grids("uniform 4", "uniform4", ("--default", "uniform:4")),
            Grids("uniform 3", "uniform3", ("--default", "uniform:3")),
            Grids("odd 2, ends 8 bits", "odd2", ("--default", "odd:2", *ends)))


def models_of(grids):
    """[(name of the model's file, parts left out)]; the first has all."""
    return [(f"ablate-{grids.short}", ())] + [
        (f"ablate-{grids.short}-{'-'.join(parts)}", parts) for parts in PARTS]


def row(grids, parts, reference, whole, predictions):
    """What a model without parts loses against the one that has all."""
    before, after = (paired.divergences(reference, p) for p in (whole, predictions))
    loss, loss_low, loss_high = paired.mean_difference(before, after)
    return {"grids": grids.name, "without": list(parts), "count": len(whole),
            "right": sum(p["class"] == p["label"] for p in predictions),
            **paired.compare(whole, predictions),
            "loss": sum(after) / len(after), "loss_gain": loss,
            "loss_low": loss_low, "loss_high": loss_high}


def verdicts(rows):
    """[(parts, what leaving them out does)]: a part earns its place where the loss is
    certainly higher without it, on some grids; it harms where it is certainly lower."""
    found = []
    for parts in PARTS:
        some = [r for r in rows if tuple(r["without"]) == parts]
        worse = [r["grids"] for r in some if r["loss_low"] > 0]
        better = [r["grids"] for r in some if r["loss_high"] < 0]
        text = "earns its place: " + ", ".join(worse) if worse else "adds nothing that shows"
        if better:
            text += "; harms: " + ", ".join(better)
        found.append((parts, text))
    return found


def markdown(rows):
    """The table as it stands in Documentation/quantization.md."""
    lines = ["| grids | without | right of " + str(rows[0]["count"]) + " | lost, won (p) "
             "| accuracy (95 %) | loss | its change (95 %) |", "|" + "---|" * 7]
    for r in rows:
        if not r["without"]:
            lines.append(f"| {r['grids']} | | {r['right']} | | | {r['loss']:.4f} | |")
            continue
        change = f"{r['loss_gain']:+.4f} ({r['loss_low']:+.4f} to {r['loss_high']:+.4f})"
        if r["loss_low"] > 0 or r["loss_high"] < 0:
            change = f"**{change}**"
        lines.append(
            f"| {r['grids']} | {', '.join(r['without'])} | {r['right']} "
            f"| {r['lost']}, {r['won']} ({r['p']:.2g}) | {100 * r['gain']:+.2f} % "
            f"({100 * r['gain_low']:+.2f} to {100 * r['gain_high']:+.2f}) | {r['loss']:.4f} "
            f"| {change} |")
    return "\n".join(lines) + "\n"
