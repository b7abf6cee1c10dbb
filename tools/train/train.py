#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Train the demo network on simulated recordings; one seed, one result.

Writes a checkpoint with the trained weights. With --grid NAME=SCHEME:BITS
(repeated) and --start it goes on from a checkpoint with the weights rounded to
those grids in each forward pass (straight-through gradients)."""
import argparse
import time

import numpy as np
import torch
from torch.nn import functional as F

import dataset
from model import INPUT, demo_network

COPIES = 3
BATCH = 32


def shifted(batch, generator, most=2):
    """Each sample moved by up to `most` pixels; what enters is dark."""
    padded = F.pad(batch, [most] * 4)
    height, width = batch.shape[-2:]
    offsets = torch.randint(0, 2 * most + 1, (len(batch), 2),
                            generator=generator).tolist()
    return torch.stack([p[..., y:y + height, x:x + width]
                        for p, (y, x) in zip(padded, offsets)])


def scores(net, samples, batch=90):
    """Scores of all samples [sample, step, channel, y, x]."""
    net.eval()
    with torch.no_grad():
        return torch.cat([
            net(torch.from_numpy(samples[i:i + batch]).float().transpose(0, 1))
            for i in range(0, len(samples), batch)])


def accuracy(net, samples, labels):
    """Share of samples whose highest score is the label's."""
    return float((scores(net, samples).argmax(1).numpy() == labels).mean())


def fit(net, samples, labels, epochs, rate, generator):
    """Adam with a one-cycle rate over `epochs` passes of len/COPIES samples."""
    per_epoch = len(samples) // COPIES
    steps = per_epoch // BATCH
    optimizer = torch.optim.AdamW(net.parameters(), rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, epochs=epochs, steps_per_epoch=steps)
    labels = torch.from_numpy(labels)
    for epoch in range(epochs):
        net.train()
        begin, total = time.monotonic(), 0.0
        order = torch.randperm(len(samples), generator=generator)
        for chosen in order[:steps * BATCH].split(BATCH):
            batch = torch.from_numpy(samples[chosen.numpy()]).float()
            x = shifted(batch, generator).transpose(0, 1)
            loss = F.cross_entropy(net(x), labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss)
        print(f"epoch {epoch + 1}/{epochs}  loss {total / steps:.3f}  "
              f"{time.monotonic() - begin:.0f} s", flush=True)


def parse_grid(text):
    """(layer, (scheme, bits)) of NAME=SCHEME:BITS."""
    name, _, grid = text.partition("=")
    scheme, _, bits = grid.partition(":")
    return name, (scheme, int(bits))


def average_bits(net):
    """Weight bits per weight over all layers."""
    pairs = [(s.weight.numel(), s.grid[1]) for s in net.synapses.values()]
    return sum(n * b for n, b in pairs) / sum(n for n, _ in pairs)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--start", help="checkpoint to go on from")
    parser.add_argument("--grid", action="append", default=[], type=parse_grid)
    parser.add_argument("--epochs", type=int, default=22)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    net = demo_network()
    if args.start:
        net.load_state_dict(torch.load(args.start))
    for name, grid in args.grid:
        net.synapse(name).grid = grid

    train, test = dataset.split()
    assert not np.intersect1d(train, test).size
    events, labels = dataset.recordings(train, COPIES, 2)
    samples = dataset.counts(events, INPUT)
    print(f"{sum(p.numel() for p in net.parameters())} parameters, "
          f"{len(samples)} training recordings", flush=True)
    fit(net, samples, labels, args.epochs, args.rate, generator)

    events, labels = dataset.recordings(test, 1, 2)
    result = accuracy(net, dataset.counts(events, INPUT), labels)
    kind = f"{average_bits(net):.3f} bits per weight" if args.grid else "float"
    print(f"test accuracy ({kind}): {100 * result:.2f} % of {len(labels)}")
    torch.save(net.state_dict(), args.output)


if __name__ == "__main__":
    main()
