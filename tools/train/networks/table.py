# SPDX-License-Identifier: MIT
"""The networks by name: published size, parameters, and a small size for tests."""
import inspect
import json
from dataclasses import dataclass, field
from typing import Callable

from . import families, metaformers, resformer


@dataclass(frozen=True)
class Family:
    """A network. `unused`: parameters that the published figure counts and that
    no path of the network reads."""
    build: Callable
    parameters: int | None  # None: not published
    small: dict
    published: dict = field(default_factory=dict)
    unused: int = 0

    def sized(self, sizes):
        """The network with these parameters of its function."""
        known = inspect.signature(self.build).parameters
        for key in sizes:
            if key not in known:
                raise ValueError(f"{key}: no size of this network, expected one of "
                                 + ", ".join(known))
        return self.build(**sizes)

    def on(self, spec, settings=()):
        """The network at its small size, on recordings that `spec`, the `input`
        of a model file, says how to cut; `settings` are pairs that change it."""
        sizes = dict(self.small, size=spec["width"], steps=spec["steps"])
        if "channels" in sizes:
            sizes["channels"] = spec["polarities"]
        graph = self.sized(dict(dict(sizes, classes=10), **dict(settings)))
        graph.input = dict(spec)
        return graph


def setting(text):
    """(key, value) of a text like size=64 or widths=[8,16]."""
    key, _, value = text.partition("=")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        raise ValueError(f"{text}: expected KEY=NUMBER or KEY=[NUMBER,...]") from None


TOKENS = {"size": 64, "steps": 4, "width": 32, "heads": 4}
STAGES = {"size": 64, "steps": 3, "channels": 2, "widths": (16, 16, 24, 32), "heads": 2,
          "depths": (1, 1), "classes": 10}
SEW = {"size": 32, "steps": 4, "widths": (8, 8, 16)}
RESFORMER = {"size": 16, "steps": 4, "widths": (16, 24, 32), "group": 16, "heads": (1, 2, 2),
             "depths": (1, 1, 1)}
GESTURE_POOLS = {"pools": "0111", "dilated": False, "classes": 11}
# Two 8 x 8 matrices between heads, which the published module has and never calls.
TALKING_HEADS = 128

NETWORKS = {
    "spikformer": Family(families.spikformer, 2566666, TOKENS),
    "spikingformer": Family(families.spikingformer, 2566666, TOKENS),
    "spike-driven": Family(families.spike_driven, 2566794, dict(TOKENS, size=16),
                           unused=TALKING_HEADS),
    "spike-driven-gesture": Family(
        families.spike_driven, 2567051, dict(TOKENS, **GESTURE_POOLS),
        dict(GESTURE_POOLS, size=128, steps=16), TALKING_HEADS),
    "qkformer": Family(families.qkformer, 1504138, TOKENS),
    "qkformer-gesture": Family(families.qkformer, 1999371,
                               dict(TOKENS, ratio=4, classes=11),
                               {"ratio": 4, "classes": 11}),
    "sew-resnet": Family(families.sew_resnet, 1192202, SEW),
    "sew-resnet-and": Family(families.sew_resnet, 1192202, dict(SEW, residual="and"),
                             {"residual": "and"}),
    "sew-resnet-iand": Family(families.sew_resnet, 1192202, dict(SEW, residual="iand"),
                              {"residual": "iand"}),
    "sew-resnet-gesture": Family(families.sew_resnet, 130411, dict(SEW, classes=11),
                                 {"widths": (32,) * 7, "classes": 11}),
    "vgg": Family(families.vgg, 9271498,
                  {"size": 24, "steps": 4, "widths": (8, 8, 16, 16)}),
    "meta-spikeformer": Family(metaformers.meta_spikeformer, 55350248, STAGES),
    "e-spikeformer": Family(metaformers.e_spikeformer, 18987504, STAGES),
    "spiking-resformer": Family(resformer.spiking_resformer, 10793152, RESFORMER),
    "spiking-resformer-gesture": Family(
        resformer.spiking_resformer, 2709792, dict(RESFORMER, classes=11),
        {"widths": (32, 96, 192), "group": 32, "classes": 11}),
    "recurrent": Family(families.recurrent, None, {"size": 16, "steps": 6, "width": 32}),
}
