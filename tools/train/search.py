#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Find scheme and bits of each layer by gradients.

Every layer of a float model runs with a mixture of candidate grids whose shares
are learned (Gumbel-softmax), while the weights adapt. The loss is that of
fine-tuning plus a price on the average bits above the target and, growing to
--decide, on the entropy of the shares; the temperature of the mixture falls
from --hot to --cold. In the end the likeliest choice of grids within the target
is taken, exactly. Prints NAME=SCHEME:BITS lines, for
`train.py --grid`, `qat.py --grid` and `snnq quantize --layer`."""
import argparse

import fitting
from learned import MixedGrid, weight_bits
from qat import Distillation, float_network

CANDIDATES = "odd:1 ternary:2 odd:2 uniform:3 odd:3 pot:3 apot:3 uniform:4 " \
    "pot:4 apot:4 uniform:5 uniform:6 uniform:8"


def parse_candidate(text):
    """(scheme, bits) of SCHEME:BITS."""
    scheme, _, bits = text.partition(":")
    return scheme, int(bits)


def mixtures(net):
    """(name, synapse) of the layers with a mixture of grids."""
    return [(s.layer["name"], s) for s in net.synapses.values()]


def put_mixtures(net, candidates):
    """Give every layer all candidates that its operation can use."""
    for _, synapse in mixtures(net):
        synapse.grid = MixedGrid(synapse.weight, candidates,
                                 synapse.threshold is not None)


def expected_bits(net):
    """Average bits per weight that the mixtures stand for, differentiable."""
    layers = [s for _, s in mixtures(net)]
    total = sum(s.weight.numel() for s in layers)
    return sum(s.weight.numel() * s.grid.expected_bits() for s in layers) / total


def mean_entropy(net):
    """Entropy of the shares, a mean over layers: 0 when all are decided."""
    shares = [s.grid.logits.log_softmax(0) for _, s in mixtures(net)]
    return -sum((s.exp() * s).sum() for s in shares) / len(shares)


def best_choice(options, budget):
    """One option (cost, score, what) of each list, of the highest total score
    with a total cost within the budget; exact. Returns the list of `what`."""
    states = [(0.0, 0.0, ())]
    for layer in options:
        grown = sorted(((cost + c, score + s, chosen + (what,))
                        for cost, score, chosen in states
                        for c, s, what in layer), key=lambda v: (v[0], -v[1]))
        states, best = [], float("-inf")
        for state in grown:
            if state[0] <= budget and state[1] > best:
                states.append(state)
                best = state[1]
        if not states:
            raise ValueError(f"no choice costs {budget:.0f} or less")
    return list(states[-1][2])


def choose(net, candidates, target):
    """(name, (scheme, bits)) of all layers, averaging at most `target` bits."""
    layers = mixtures(net)
    options = [[(s.weight.numel() * weight_bits(*candidate), float(share), candidate)
                for candidate, share in zip(
                    candidates, s.grid.logits.detach().log_softmax(0))]
               for _, s in layers]
    total = sum(s.weight.numel() for _, s in layers)
    chosen = best_choice(options, target * total * (1 + 1e-9))
    return [(name, grid) for (name, _), grid in zip(layers, chosen)]


def bits_of(net, chosen):
    """Average bits per weight of a choice."""
    sizes = [s.weight.numel() for _, s in mixtures(net)]
    return sum(n * weight_bits(*grid)
               for n, (_, grid) in zip(sizes, chosen)) / sum(sizes)


class PricedLoss:
    """Loss of fine-tuning plus the price of bits; cools the mixtures."""

    def __init__(self, net, task, args):
        self.net, self.task, self.args = net, task, args

    def __call__(self, x, label, done):
        hot, cold = self.args.hot, self.args.cold
        for _, synapse in mixtures(self.net):
            synapse.grid.temperature = hot * (cold / hot) ** done
        excess = (expected_bits(self.net) / self.args.target - 1).clamp(min=0)
        return (self.task(x, label, done) + self.args.price * excess
                + self.args.decide * done * mean_entropy(self.net))


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    fitting.options(parser, epochs=10, batch=32, rate=1e-3)
    parser.add_argument("model", help="float model")
    parser.add_argument("--target", type=float, default=3.14,
                        help="bits per weight")
    parser.add_argument("--candidates", default=CANDIDATES,
                        help="SCHEME:BITS, separated by spaces")
    parser.add_argument("--price", type=float, default=4.0)
    parser.add_argument("--decide", type=float, default=0.5)
    parser.add_argument("--hot", type=float, default=2.0)
    parser.add_argument("--cold", type=float, default=0.2)
    parser.add_argument("--kl", type=float, default=1.0)
    parser.add_argument("--spikes", type=float, default=0.0)
    return parser.parse_args()


def main():
    args = arguments()
    generator = fitting.begin(args)
    candidates = [parse_candidate(text) for text in args.candidates.split()]
    _, teacher = float_network(args.model)
    _, net = float_network(args.model)
    put_mixtures(net, candidates)
    data = fitting.recordings(args, net.input_spec, "training")
    loss = PricedLoss(net, Distillation(net, teacher, args), args)
    plan = fitting.plan(args, data[0], warmup=0.1, decay=0.0)
    fitting.fit(net, data, plan, loss, generator)
    chosen = choose(net, candidates, args.target)
    with open(args.output, "w", encoding="ascii") as file:
        for name, (scheme, bits) in chosen:
            print(f"{name}={scheme}:{bits}", file=file)
    print(f"mixture {float(expected_bits(net)):.3f}, choice "
          f"{bits_of(net, chosen):.3f} bits per weight")
    fitting.forget(args)


if __name__ == "__main__":
    main()
