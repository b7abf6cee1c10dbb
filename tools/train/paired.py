# SPDX-License-Identifier: MIT
"""Two models on the same recordings: intervals, tests, and the quantizer's loss."""
import math

NORMAL = 1.96   # of 95 %


def wilson(right, count, z=NORMAL):
    """95 % interval of a share."""
    p, d = right / count, 1 + z * z / count
    middle = (p + z * z / (2 * count)) / d
    half = z / d * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count))
    return middle - half, middle + half


def mcnemar(only_first, only_second):
    """Two-sided exact p of discordant pairs."""
    n, k = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n, i) for i in range(k + 1)) / 2 ** n
    return min(1.0, 2 * tail) if n else 1.0


def difference(lost, won, count, z=NORMAL):
    """Gain in accuracy on the same recordings, with its 95 % interval: that of Wald
    with half a recording more for each of the four outcomes (Agresti and Min 2005)."""
    total, gain = count + 2, won - lost
    half = z * math.sqrt(lost + won + 1 - gain * gain / total) / total
    return gain / count, gain / total - half, gain / total + half


def discordant(first, second):
    """(lost, won): recordings that only the first, only the second has right."""
    before = [p["class"] == p["label"] for p in first]
    after = [p["class"] == p["label"] for p in second]
    return (sum(b and not a for b, a in zip(before, after)),
            sum(a and not b for b, a in zip(before, after)))


def compare(first, second):
    """What the second has right that the first has not, and the reverse."""
    lost, won = discordant(first, second)
    gain, low, high = difference(lost, won, len(first))
    return {"lost": lost, "won": won, "p": mcnemar(lost, won), "gain": gain,
            "gain_low": low, "gain_high": high}


def mean_difference(first, second, z=NORMAL):
    """Mean of second - first, recording by recording, with its 95 % interval."""
    gaps = [b - a for a, b in zip(first, second)]
    mean = sum(gaps) / len(gaps)
    square = sum((g - mean) ** 2 for g in gaps)
    half = z * math.sqrt(square / (len(gaps) * (len(gaps) - 1)))
    return mean, mean - half, mean + half


def log_softmax(scores, t):
    top = max(scores) / t
    norm = top + math.log(sum(math.exp(s / t - top) for s in scores))
    return [s / t - norm for s in scores]


def temperature(predictions):
    """As the quantizer's: root mean square of scores around their means."""
    total = count = 0
    for p in predictions:
        mean = sum(p["real"]) / len(p["real"])
        total += sum((s - mean) ** 2 for s in p["real"])
        count += len(p["real"])
    return math.sqrt(total / count)


def divergences(reference, predictions):
    """Of each recording the divergence from the reference's softened classes."""
    t, found = temperature(reference), []
    for r, p in zip(reference, predictions):
        a, b = log_softmax(r["real"], t), log_softmax(p["real"], t)
        found.append(sum(math.exp(x) * (x - y) for x, y in zip(a, b)))
    return found
