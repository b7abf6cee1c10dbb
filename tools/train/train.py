#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Train a network on event recordings; one seed and one thread, one result.

Writes a checkpoint with the trained weights, and after each epoch
OUTPUT.progress, from which the same command goes on after an interruption.
With --grid NAME=SCHEME:BITS (repeated) and --start it goes on from a checkpoint
with the weights rounded to those grids in each forward pass (straight-through
gradients)."""
import argparse
import pathlib
import time

import torch
from torch.nn import functional as F

import dataset
import nmnist
from model import NETWORKS

DATA = {"demo": dataset, "nmnist": nmnist}


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


class Progress:
    """State of a training that outlives its process."""

    def __init__(self, path, **parts):
        self.path, self.parts = pathlib.Path(path), parts

    def save(self, epoch, generator):
        """Write the state after so many epochs, all of it or nothing."""
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state.update(epoch=epoch, generator=generator.get_state())
        fresh = self.path.with_suffix(".tmp")
        torch.save(state, fresh)
        fresh.replace(self.path)

    def load(self, generator):
        """Epochs already done; 0 without a file."""
        if not self.path.exists():
            return 0
        state = torch.load(self.path)
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        generator.set_state(state["generator"])
        return state["epoch"]


def epoch_of(data, per_epoch, batch, generator):
    """Random batches (counts [step, sample, ...], labels) of one epoch."""
    samples, labels = data
    order = torch.randperm(len(samples), generator=generator)[:per_epoch]
    for chosen in order[:per_epoch // batch * batch].split(batch):
        x = torch.from_numpy(samples[chosen.numpy()]).float()
        yield shifted(x, generator).transpose(0, 1), labels[chosen]


def fit(net, data, args, generator):
    """Adam with a one-cycle rate; an epoch is each sample once, in any copy."""
    samples, labels = data
    per_epoch = len(samples) // DATA[args.network].COPIES
    steps = per_epoch // args.batch
    optimizer = torch.optim.AdamW(net.parameters(), args.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, args.rate, epochs=args.epochs, steps_per_epoch=steps)
    progress = Progress(args.output + ".progress", net=net, optimizer=optimizer,
                        schedule=schedule)
    data = samples, torch.from_numpy(labels)
    for epoch in range(progress.load(generator), args.epochs):
        net.train()
        begin, total = time.monotonic(), 0.0
        for x, label in epoch_of(data, per_epoch, args.batch, generator):
            loss = F.cross_entropy(net(x), label, label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss)
        progress.save(epoch + 1, generator)
        print(f"epoch {epoch + 1}/{args.epochs}  loss {total / steps:.3f}  "
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


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--network", choices=NETWORKS, default="demo")
    parser.add_argument("--start", help="checkpoint to go on from")
    parser.add_argument("--grid", action="append", default=[], type=parse_grid)
    parser.add_argument("--epochs", type=int, default=22)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    net = NETWORKS[args.network].build()
    if args.start:
        net.load_state_dict(torch.load(args.start))
    for name, grid in args.grid:
        net.synapse(name).grid = grid

    source = DATA[args.network]
    events, labels = source.training(2)
    samples = dataset.counts(events, net.input_spec)
    print(f"{sum(p.numel() for p in net.parameters())} parameters, "
          f"{len(samples)} training recordings", flush=True)
    fit(net, (samples, labels), args, generator)

    events, labels = source.testing(2)
    result = accuracy(net, dataset.counts(events, net.input_spec), labels)
    kind = f"{average_bits(net):.3f} bits per weight" if args.grid else "float"
    print(f"test accuracy ({kind}): {100 * result:.2f} % of {len(labels)}")
    torch.save(net.state_dict(), args.output)
    pathlib.Path(args.output + ".progress").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
