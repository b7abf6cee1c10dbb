# SPDX-License-Identifier: MIT
"""The training loop that training, fine-tuning and search share."""
import pathlib
import time
from dataclasses import dataclass

import torch
from torch.nn import functional as F

import cifardvs
import dataset
import fashion
import nmnist

DATA = {"demo": dataset, "nmnist": nmnist, "fashion": fashion,
        "cifar-dvs": cifardvs}
LOGITS_RATE = 100   # times the rate of weights
SAVE_SECONDS = 60


@dataclass(frozen=True)
class Plan:
    """How long and how fast; an epoch is every sample once, in any copy."""
    epochs: int
    batch: int
    rate: float
    per_epoch: int
    progress: str        # file that an interrupted run goes on from
    warmup: float = 0.3
    decay: float = 0.01
    shift: int = 2       # most pixels that a sample is moved by


def options(parser, epochs, batch, rate):
    """Command-line options of every program that trains, with defaults."""
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--network", choices=DATA, default="demo")
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--per-epoch", type=int, metavar="N",
                        help="recordings that an epoch sees (default: all)")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--rate", type=float, default=rate)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)


def begin(args):
    """Generator of a run with these options."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    return torch.Generator().manual_seed(args.seed)


def recordings(args, input_spec, part):
    """(counts, labels) of the training or other recordings."""
    events, labels = getattr(DATA[args.network], part)(2)
    return dataset.counts(events, input_spec), torch.from_numpy(labels)


def judged(args):
    """The part by which results are judged: where recordings are kept for
    development, the test is left alone."""
    return "development" if hasattr(DATA[args.network], "development") else "testing"


def plan(args, samples, **keys):
    """Plan of a run with these options."""
    every = len(samples) // DATA[args.network].COPIES
    return Plan(args.epochs, args.batch, args.rate,
                min(args.per_epoch or every, every), args.output + ".progress", **keys)


def shifted(batch, generator, most):
    """Each sample moved by up to `most` pixels; what enters is dark."""
    padded = F.pad(batch, [most] * 4)
    height, width = batch.shape[-2:]
    offsets = torch.randint(0, 2 * most + 1, (len(batch), 2),
                            generator=generator).tolist()
    return torch.stack([p[..., y:y + height, x:x + width]
                        for p, (y, x) in zip(padded, offsets)])


def scores(net, samples, batch=90):
    """Scores of all samples [sample, step, channel, y, x]."""
    kind = next(net.parameters()).dtype
    net.eval()
    with torch.no_grad():
        return torch.cat([
            net(torch.from_numpy(samples[i:i + batch]).to(kind).transpose(0, 1))
            for i in range(0, len(samples), batch)])


def accuracy(net, data):
    """Share of samples whose highest score is the label's."""
    samples, labels = data
    return float((scores(net, samples).argmax(1) == labels).double().mean())


class Progress:
    """State of a training that outlives its process."""

    def __init__(self, plan, **parts):
        self.path, self.plan = pathlib.Path(plan.progress), str(plan)
        self.parts = parts

    def save(self, epoch, order, losses, generator):
        """Write the state, all of it or nothing: epochs done, then the samples that
        the epoch begun still has to see, and its losses."""
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state.update(plan=self.plan, epoch=epoch, order=order, losses=losses,
                     noise=torch.get_rng_state(), generator=generator.get_state())
        fresh = self.path.with_suffix(".tmp")
        torch.save(state, fresh)
        fresh.replace(self.path)

    def load(self, generator):
        """What save() was told; nothing done without a file."""
        if not self.path.exists():
            return 0, [], []
        state = torch.load(self.path)
        if state["plan"] != self.plan:
            raise ValueError(f"{self.path}: left by {state['plan']}, "
                             f"now {self.plan}")
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        generator.set_state(state["generator"])
        torch.set_rng_state(state["noise"])
        return state["epoch"], state["order"], state["losses"]


def shuffled(data, plan, generator):
    """Batches of numbers of samples, in the order in which an epoch sees them."""
    order = torch.randperm(len(data[0]), generator=generator)[:plan.per_epoch]
    return order[:plan.per_epoch // plan.batch * plan.batch].split(plan.batch)


def batch_of(data, chosen, generator, shift):
    """(counts [step, sample, ...], labels) of the chosen samples, moved by so much."""
    samples, labels = data
    x = torch.from_numpy(samples[chosen.numpy()]).float()
    return shifted(x, generator, shift).transpose(0, 1), labels[chosen]


def groups(net, plan):
    """Parameters with their rates: steps and logits are not to decay."""
    kinds = {"log_step": [], "logits": [], "other": []}
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            kinds.get(name.split(".")[-1], kinds["other"]).append(parameter)
    rates = {"log_step": (1, 0.0), "logits": (LOGITS_RATE, 0.0),
             "other": (1, plan.decay)}
    return [{"params": parameters, "lr": plan.rate * rates[kind][0],
             "weight_decay": rates[kind][1]}
            for kind, parameters in kinds.items() if parameters]


def fit(net, data, plan, loss_of, generator, rates=None):
    """Adam with a one-cycle rate on loss_of(counts, labels, share done); rates: what
    gives groups of parameters in place of groups()."""
    steps = plan.per_epoch // plan.batch
    total = steps * plan.epochs
    optimizer = torch.optim.AdamW((rates or groups)(net, plan))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [g["lr"] for g in optimizer.param_groups],
        total_steps=total, pct_start=plan.warmup)
    progress = Progress(plan, net=net, optimizer=optimizer,
                        schedule=schedule)
    done, order, losses = progress.load(generator)
    saved = time.monotonic()
    net.train()
    for epoch in range(done, plan.epochs):
        order = order or shuffled(data, plan, generator)
        while order:
            batch = batch_of(data, order[0], generator, plan.shift)
            loss = loss_of(*batch, (epoch * steps + len(losses)) / total)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses, order = losses + [float(loss)], order[1:]
            if order and time.monotonic() - saved > SAVE_SECONDS:
                progress.save(epoch, order, losses, generator)
                saved = time.monotonic()
        print(f"epoch {epoch + 1}/{plan.epochs}  loss {sum(losses) / steps:.3f}",
              flush=True)
        losses = []
        progress.save(epoch + 1, order, losses, generator)


def forget(args):
    """After the result is written nothing is left to go on from."""
    pathlib.Path(args.output + ".progress").unlink(missing_ok=True)
