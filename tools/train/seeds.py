# SPDX-License-Identifier: MIT
"""How much a comparison hangs on the training's seed and on the draw for calibration.

A cell is a seed with a draw; in each all rows are made, and judged on the same recordings
for development. Draws of one network are not independent: intervals are of the seeds'
means."""
import math
import statistics

import paired

# Student's t of 95 %, two-sided, by degrees of freedom.
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def row(model, info, reference, predictions):
    """What a cell keeps of a model."""
    losses = paired.divergences(reference, predictions)
    return {"model": model, "bits": info["avg_weight_bits"], "bytes": info["model_bytes"],
            "loss": sum(losses) / len(losses), "count": len(predictions),
            "right": sum(p["class"] == p["label"] for p in predictions),
            **dict(zip(("lost", "won"), paired.discordant(reference, predictions)))}


def spread(values):
    """Mean, least and most."""
    return sum(values) / len(values), min(values), max(values)


def interval(by_seed):
    """Mean over seeds and draws of {seed: values of its draws}, with the 95 % interval of
    Student's t on the seeds' means; of a single seed none."""
    means = [sum(values) / len(values) for values in by_seed.values()]
    mean = sum(means) / len(means)
    if len(means) == 1:
        return mean, None, None
    half = STUDENT[len(means) - 1] * statistics.stdev(means) / math.sqrt(len(means))
    return mean, mean - half, mean + half


def deviations(by_seed):
    """Standard deviation of the seeds' means (of a single seed none), and of draws around the
    mean of their seed."""
    means = [sum(values) / len(values) for values in by_seed.values()]
    inner = [statistics.variance(values) for values in by_seed.values()]
    return statistics.stdev(means) if len(means) > 1 else None, math.sqrt(sum(inner) / len(inner))


def of_model(cells, model, value):
    """{seed: value of the model's row in each of its draws}; cells: {(seed, draw): rows}."""
    found = {}
    for (seed, _), rows in sorted(cells.items()):
        found.setdefault(seed, []).append(value(next(r for r in rows if r["model"] == model)))
    return found


def loss_of(r):
    return r["loss"]


def share_of(r):
    """Accuracy in percent."""
    return 100 * r["right"] / r["count"]


def flat(by_seed):
    return [v for values in by_seed.values() for v in values]


def gaps(cells, model, other, value):
    """{seed: other - model in each draw}."""
    before, after = (of_model(cells, name, value) for name in (model, other))
    return {seed: [b - a for a, b in zip(before[seed], after[seed])] for seed in before}


def table(cells, names):
    """A line for each row; names: (name, model)."""
    lines = ["| | bits | bytes | right, %: mean (least..most) | loss: mean (least..most) "
             "| deviation of loss: seeds, draws |", "|" + "---|" * 6]
    for name, model in names:
        losses, shares = (of_model(cells, model, v) for v in (loss_of, share_of))
        right, loss = spread(flat(shares)), spread(flat(losses))
        bits = spread(flat(of_model(cells, model, lambda r: r["bits"])))[0]
        size = spread(flat(of_model(cells, model, lambda r: r["bytes"])))[0]
        text = f"| {name} | {bits:.2f} | {size:,.0f} | {right[0]:.2f} ({right[1]:.2f}..{right[2]:.2f}) "
        if not loss[2]:
            lines.append(text + "| 0 | |")
            continue
        seeds, draws = deviations(losses)
        between = "" if seeds is None else f"{seeds:.4f}"
        lines.append(text + f"| {loss[0]:.4f} ({loss[1]:.4f}..{loss[2]:.4f}) | {between}, {draws:.4f} |")
    return "\n".join(lines) + "\n"


def shown_interval(mean, low, high, digits):
    """In bold where it leaves out 0."""
    if low is None:
        return f"{mean:+.{digits}f}"
    text = f"{mean:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"
    return f"**{text}**" if low > 0 or high < 0 else text


def differences(cells, names, pairs):
    """What a search has over a row in the same cell; pairs: (model, search's model)."""
    shown = dict((model, name) for name, model in names)
    lines = ["| | search | its bytes against the row's | its loss is higher by (95 %) | lower in | right, % (95 %) "
             "| more, as many, fewer right in |", "|" + "---|" * 7]
    for model, search in pairs:
        loss, right, size = (gaps(cells, model, search, v) for v in (loss_of, share_of, lambda r: r["bytes"]))
        relative = spread(flat(size))[0] / spread(flat(of_model(cells, model, lambda r: r["bytes"])))[0]
        wins = flat(right)
        lines.append(
            f"| {shown[model]} | {search.rsplit('-', 1)[-1]} | {100 * relative:+.1f} % "
            f"| {shown_interval(*interval(loss), 4)} "
            f"| {sum(g < 0 for g in flat(loss))} of {len(wins)} "
            f"| {shown_interval(*interval(right), 2)} "
            f"| {sum(w > 0 for w in wins)}, {sum(w == 0 for w in wins)}, {sum(w < 0 for w in wins)} |")
    return "\n".join(lines) + "\n"
