#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Fine-tune the demo network a little on many kinds of grids and write the
integer model, for compare_engine.py: OUTPUT.snnq

Every scheme and width occurs in some layer. Trained on the calibration
recordings for a few steps: enough to move levels, steps, biases."""
import itertools
import pathlib
import sys
import types

import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "train"))

# pylint: disable=wrong-import-position
import dataset  # noqa: E402
import eventcam  # noqa: E402
import export  # noqa: E402
import fitting  # noqa: E402
import learned  # noqa: E402
import qat  # noqa: E402
import quantgrid  # noqa: E402
import snnqfile  # noqa: E402

GRIDS = [("uniform", 8), ("odd", 2), ("pot", 4), ("apot", 4), ("odd", 1),
         ("pot", 2), ("uniform", 2), ("odd", 4), ("pot", 3), ("uniform", 1),
         ("apot", 3), ("uniform", 3), ("odd", 3), ("ternary", 2),
         ("uniform", 5), ("apot", 5), ("uniform", 6)]


def main():
    output = sys.argv[1]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    demo = ROOT / "tools" / "train" / "demo"
    _, teacher = qat.float_network(demo / "digits-float.snnq")
    name, net = qat.float_network(demo / "digits-float.snnq")
    learned.put_on_grids(net, zip(
        [s.layer["name"] for s in net.synapses.values()], itertools.cycle(GRIDS)))
    pairs = quantgrid.read_list(demo / "calib.tsv")
    samples = dataset.counts([eventcam.read_atis(path) for path, _ in pairs],
                             net.input_spec)
    labels = torch.tensor([label for _, label in pairs])
    loss = qat.Distillation(net, teacher, types.SimpleNamespace(
        kl=1.0, spikes=1.0, smoothing=0.05))
    plan = fitting.Plan(2, 10, 1e-3, len(labels), output + ".progress")
    fitting.fit(net, (samples, labels), plan, loss,
                torch.Generator().manual_seed(0), qat.rates)
    pathlib.Path(plan.progress).unlink()
    snnqfile.write(output, *export.integer_file(net.eval(), name))


if __name__ == "__main__":
    main()
