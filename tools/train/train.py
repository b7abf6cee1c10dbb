#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Train a network on event recordings; one seed and one thread, one result.

Writes a checkpoint with the trained weights, and after each epoch
OUTPUT.progress, from which the same command goes on after an interruption.
With --grid NAME=SCHEME:BITS (repeated) and --start it goes on from a checkpoint
with the weights rounded to those grids in each forward pass, the steps of the
grids being learned."""
import argparse

import torch
from torch.nn import functional as F

import fitting
from learned import average_bits, parse_grid, put_on_grids
from model import NETWORKS
from networks import table as published
from networks.net import Net


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    fitting.options(parser, epochs=22, batch=32, rate=4e-3)
    parser.add_argument("--family", choices=published.NETWORKS,
                        help="one of the published networks, at its small size")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        type=published.setting, help="another size of it, as width=64")
    parser.add_argument("--start", help="checkpoint to go on from")
    parser.add_argument("--grid", action="append", default=[], type=parse_grid)
    return parser.parse_args()


def network(args):
    """The network of the options, untrained."""
    if args.family is None:
        return NETWORKS[args.network].build()
    spec = NETWORKS[args.network].input_spec
    return Net(published.NETWORKS[args.family].on(spec, args.set))


def main():
    args = arguments()
    generator = fitting.begin(args)
    net = network(args)
    if args.start:
        net.load_state_dict(torch.load(args.start))
    put_on_grids(net, args.grid)
    data = fitting.recordings(args, net.input_spec, "training")
    print(f"{sum(p.numel() for p in net.parameters())} parameters, "
          f"{len(data[0])} training recordings", flush=True)

    def loss_of(x, label, _done):
        return F.cross_entropy(net(x), label, label_smoothing=0.05)

    fitting.fit(net, data, fitting.plan(args, data[0]), loss_of, generator)
    part = fitting.judged(args)
    test = fitting.recordings(args, net.input_spec, part)
    kind = f"{average_bits(net):.3f} bits per weight" if args.grid else "float"
    print(f"{part} accuracy ({kind}): {100 * fitting.accuracy(net, test):.2f} % "
          f"of {len(test[1])}")
    torch.save(net.state_dict(), args.output)
    fitting.forget(args)


if __name__ == "__main__":
    main()
