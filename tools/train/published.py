#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The published networks of networks/: list them, or write one as a model.

`published.py list` prints each with its parameters. `published.py make NAME -o
FILE` writes an integer model: of a checkpoint that train.py --family left, or
with the weights that training would start from; --firing sets the thresholds of
these so that it is as busy as a trained one. Weights get the grids of --grid
in turn, the first layer and the head included. With --float it writes the float
model, whose grids `snnq quantize` finds."""
import argparse
import itertools
import sys

import torch

import snnqfile
from learned import parse_scheme
from model import NETWORKS as DATA
from networks.floats import FloatExport
from networks.integers import Export
from networks.lively import lively
from networks.net import Net
from networks.table import NETWORKS, setting

GRIDS = [("uniform", 4), ("pot", 4)]


def listing():
    """A line for each network."""
    for name, family in NETWORKS.items():
        graph = family.build(**family.published)
        spec = graph.input
        count = Net(graph).parameter_count() + family.unused
        print(f"{name:22} {count:>11,} parameters, {len(graph.layers):3} layers, "
              f"{spec['width']}x{spec['height']}x{spec['polarities']}, "
              f"{spec['steps']} steps")


def make(args):
    """Write a model."""
    family = NETWORKS[args.name]
    torch.manual_seed(args.seed)
    if args.data:
        graph = family.on(DATA[args.data].input_spec, args.set)
    else:
        sizes = family.small if args.small else family.published
        graph = family.sized(dict(sizes, **dict(args.set)))
    net = lively(graph, args.firing / 100) if args.firing else Net(graph)
    if args.checkpoint:
        net.load_state_dict(torch.load(args.checkpoint))
    net = net.eval().double()
    export = (FloatExport(net) if args.float
              else Export(net, itertools.cycle(args.grid or GRIDS)))
    snnqfile.write(args.output, export.graph(args.name), export.tensors)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    maker = commands.add_parser("make")
    maker.add_argument("name", choices=NETWORKS)
    maker.add_argument("-o", "--output", required=True)
    maker.add_argument("--small", action="store_true", help="at the size of the tests")
    maker.add_argument("--data", choices=DATA, help="for recordings that train.py knows")
    maker.add_argument("--set", action="append", default=[], type=setting,
                       metavar="KEY=VALUE", help="another size, as size=64")
    maker.add_argument("--checkpoint")
    maker.add_argument("--firing", type=float, metavar="PERCENT",
                       help="of each layer's neurons in a step of random input, at most")
    maker.add_argument("--seed", type=int, default=1)
    maker.add_argument("--grid", action="append", default=[], type=parse_scheme,
                       metavar="SCHEME:BITS")
    maker.add_argument("--float", action="store_true", help="a float model, for snnq quantize")
    args = parser.parse_args()
    if args.command == "make" and args.float and args.grid:
        parser.error("--grid: a float model has no grids")
    if args.command == "make" and args.firing is not None:
        if args.checkpoint:
            parser.error("--firing: a trained network has its thresholds")
        if not 0 < args.firing < 100:
            parser.error(f"--firing {args.firing:g}: expected a share above 0 and below 100 percent")
    if args.command == "list":
        listing()
        return
    try:
        make(args)
    except ValueError as error:
        sys.exit(f"{args.name}: {error}")


if __name__ == "__main__":
    main()
