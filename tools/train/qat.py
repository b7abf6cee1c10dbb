#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Fine-tune a quantized network; quantization-aware training.

Starts from a float model (FLOAT.snnq) and either an integer model that
`snnq quantize` made of it (--from; every level, bias and threshold is taken
over) or grids (--grid NAME=SCHEME:BITS for every layer). Weights, steps and
biases are trained against labels, the float network's class probabilities, and
its spikes. Writes the checkpoint and OUTPUT.snnq, an integer model that has the
weights just trained, so nothing is rounded afterwards. Goes on from
OUTPUT.progress after an interruption.

--control trains the float network as long and with the same loss, without grids,
and writes a float model (with --half in half precision): what it gains is the longer
training's, not the grids'. With --kl 0 labels alone teach, as at first.

Layers are scaled so that all thresholds are THRESHOLD: steps of all channels
and layers then mean the same, and gradients are those of training. The
accuracy printed last is that of the model written, run exactly, on recordings for
development where the network has some."""
import argparse

import torch
from torch.nn import functional as F

import export
import fitting
import quantgrid
import snnqfile
from learned import average_bits, parse_grid, put_on_grids
from model import THRESHOLD

# Rates of a network on grids, as parts of that of its biases: of steps, as their logarithms, and of
# weights, in steps of their grid; but weights of fine grids learn as float ones do. Found on
# Fashion-DVS (Documentation/quantization.md).
STEP_RATE, WEIGHT_RATE = 0.3, 40.0


def float_network(path):
    """(name, network of a float model with all thresholds THRESHOLD)."""
    graph, tensors = snnqfile.read(path)
    if graph["arithmetic"] != "float":
        raise ValueError(f"{path}: arithmetic {graph['arithmetic']}, not float")
    net = quantgrid.network(graph, tensors)
    for synapse in net.synapses.values():
        if synapse.threshold is not None:
            gain = THRESHOLD / synapse.threshold
            synapse.weight.data *= gain.view(-1, 1, 1, 1)
            synapse.bias.data *= gain
            synapse.threshold = torch.full_like(gain, THRESHOLD)
    return graph["name"], net.float()


def take_over(synapse, layer, tensors, scale):
    """Give a synapse on a grid the levels, bias and threshold of an integer
    model's layer; `scale` is the real value of one unit of the readout."""
    levels = quantgrid.weights(layer, tensors, synapse.weight.shape).float()
    neuron, channels = layer["neuron"], layer["out_channels"]
    bias = quantgrid.parameter(tensors, layer.get("bias", 0), channels)
    if synapse.threshold is None:
        step = torch.full((1, 1, 1, 1), scale * neuron.get("mult", 1))
        unit = scale
    else:
        threshold = quantgrid.parameter(tensors, neuron["threshold"], channels)
        unit = THRESHOLD / threshold
        step = (unit * 2 ** neuron.get("shift", 0)).view(-1, 1, 1, 1)
    synapse.bias.data = (bias * unit).float()
    synapse.weight.data = synapse.grid.start_from(levels, step.float())


def start_from(net, path):
    """Put a float network on the grids and levels of its integer model."""
    graph, tensors = snnqfile.read(path)
    if graph["arithmetic"] != "integer":
        raise ValueError(f"{path}: arithmetic {graph['arithmetic']}, not integer")
    scale = graph["readout"]["scale"] / net.readout["scale"]
    layers = [layer for layer in graph["layers"] if "weight" in layer]
    put_on_grids(net, [(layer["name"], (layer["weight"]["scheme"],
                                        layer["weight"]["bits"]))
                       for layer in layers])
    for layer in layers:
        take_over(net.synapse(layer["name"]), layer, tensors, scale)


def rates(net, plan):
    """Parameters of a network on grids with their rates: the coarser a grid, the
    farther it is to the next level."""
    groups = []
    for synapse in net.synapses.values():
        far = max(1.0, WEIGHT_RATE * float(synapse.grid.step().mean()))
        groups += [{"params": [synapse.weight], "lr": plan.rate * far},
                   {"params": [synapse.bias], "lr": plan.rate},
                   {"params": [synapse.grid.log_step], "lr": plan.rate * STEP_RATE}]
    return [{**group, "weight_decay": 0.0} for group in groups]


class Distillation:
    """Loss against labels, a teacher's class probabilities and its spikes."""

    def __init__(self, net, teacher, args):
        self.net, self.teacher, self.args = net, teacher.eval(), args
        self.spiking = [layer["name"] for layer in net.layers
                        if layer.get("neuron", {}).get("model") == "lif"]

    def __call__(self, x, label, _done):
        want, got = {}, {}
        score = self.net(x, got)
        hard = F.cross_entropy(score, label, label_smoothing=self.args.smoothing)
        if not (self.args.kl or self.args.spikes):
            return hard
        with torch.no_grad():
            target = self.teacher(x, want)
        soft = F.kl_div(F.log_softmax(score, 1), F.log_softmax(target, 1),
                        log_target=True, reduction="batchmean")
        total = hard + self.args.kl * soft
        if self.args.spikes:
            total = total + self.args.spikes * sum(
                F.mse_loss(got[name], want[name]) for name in self.spiking)
        return total


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    fitting.options(parser, epochs=10, batch=32, rate=1e-3)
    parser.add_argument("model", help="float model")
    parser.add_argument("--from", dest="start", help="integer model of it")
    parser.add_argument("--grid", action="append", default=[], type=parse_grid)
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--kl", type=float, default=1.0,
                        help="weight of the teacher's probabilities")
    parser.add_argument("--spikes", type=float, default=0.0,
                        help="weight of the teacher's spikes")
    parser.add_argument("--smoothing", type=float, default=0.05,
                        help="of labels: part that goes to all classes alike")
    parser.add_argument("--shift", type=int, default=2,
                        help="pixels by which a recording is moved at random, at most")
    args = parser.parse_args()
    if args.control and (args.start or args.grid):
        parser.error("--control: the float network has no grids")
    if args.half and not args.control:
        parser.error("--half: an integer model has no floats")
    return args


def student(args):
    """(name, network to be trained) of the options."""
    name, net = float_network(args.model)
    if args.start:
        start_from(net, args.start)
    put_on_grids(net, args.grid)
    missing = [s.layer["name"] for s in net.synapses.values() if not s.grid]
    if missing and not args.control:
        raise SystemExit("no grid for " + ", ".join(missing))
    return name, net


def main():
    args = arguments()
    generator = fitting.begin(args)
    _, teacher = float_network(args.model)
    name, net = student(args)
    test = fitting.recordings(args, net.input_spec, fitting.judged(args))
    data = fitting.recordings(args, net.input_spec, "training")
    for title, before in (("float", teacher), ("at the start", net)):
        print(f"{title}: {100 * fitting.accuracy(before, test):.2f} % of "
              f"{len(test[1])}", flush=True)
    plan = fitting.plan(args, data[0], warmup=0.1, decay=0.0, shift=args.shift)
    fitting.fit(net, data, plan, Distillation(net, teacher, args), generator,
                None if args.control else rates)
    write = export.float_file if args.control else export.integer_file
    graph, tensors = write(net.eval(), name)
    if args.half:
        tensors = export.halved(tensors)
    snnqfile.write(args.output + ".snnq", graph, tensors)
    exact = fitting.accuracy(quantgrid.network(graph, tensors), test)
    kind = "float" if args.control else f"{average_bits(net):.3f} bits per weight"
    print(f"trained on, {kind}: {100 * exact:.2f} % of {len(test[1])}")
    torch.save(net.state_dict(), args.output)
    fitting.forget(args)


if __name__ == "__main__":
    main()
