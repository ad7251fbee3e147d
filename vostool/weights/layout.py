"""Telling by tensor names which network a state dict is of, where no metadata say so.

The names of ``stm``, ``stcn`` and ``rgmp`` are those of the published checkpoints: seoungwugoh/STM:model.py,
hkchengrex/STCN:model/network.py and seoungwugoh/RGMP:model.py. ``stm-refine50`` and ``scm`` follow STM's with parts of
their own; ``lite`` is only ever told by its metadata.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor

# nn.DataParallel puts it before every name.
PARALLEL_PREFIX = "module."
# PyTorch 0.3.1 had no such counters, and networks in evaluation mode do not read them.
COUNTER_SUFFIX = "num_batches_tracked"
STATISTICS = ("running_mean", "running_var", "mean", "std")


@dataclass(frozen=True)
class Layout:
    """How the tensors of one network are named.

    Attributes:
        system: Name of the system.
        marks: Names that only this network has all of.
        modules: First parts of all its names.
    """

    system: str
    marks: frozenset[str]
    modules: frozenset[str]


STM_MARKS = frozenset({"Encoder_M.conv1_o.weight", "Encoder_Q.conv1.weight", "KV_M_r4.Key.weight"})
STM_MODULES = frozenset({"Encoder_M", "Encoder_Q", "KV_M_r4", "KV_Q_r4", "Decoder"})

# The first that fits counts: what has more parts comes before what it is built on.
LAYOUTS = (
    Layout("stm-refine50", STM_MARKS | {"Encoder_M.refinement.fuse.weight"}, STM_MODULES),
    Layout("stm", STM_MARKS, STM_MODULES),
    Layout(
        "scm",
        frozenset({"Encoder_M.conv1_o.weight", "constraint.conv.weight", "pyramid.fuse.weight"}),
        STM_MODULES | {"constraint", "pyramid", "refinement"},
    ),
    Layout(
        "stcn",
        frozenset({"key_encoder.conv1.weight", "value_encoder.fuser.block1.conv1.weight", "key_proj.key_proj.weight"}),
        frozenset({"key_encoder", "value_encoder", "key_proj", "key_comp", "decoder"}),
    ),
    Layout(
        "rgmp",
        frozenset({"Encoder.conv1_p.weight", "Decoder.GC.conv_l1.weight", "Decoder.RF4.convMM1.weight"}),
        frozenset({"Encoder", "Decoder"}),
    ),
)


def identify(names: Collection[str]) -> str | None:
    """The system whose layout tensor names follow; None if they follow none.

    Args:
        names: Of the tensors, with or without the prefix of nn.DataParallel; a state dict will do.
    """
    _, bare = split_prefix(names)
    found = set(bare)
    modules = {name.partition(".")[0] for name in found}
    fitting = (layout for layout in LAYOUTS if layout.marks <= found and modules <= layout.modules)
    return next((layout.system for layout in fitting), None)


def split_prefix(names: Collection[str]) -> tuple[str, list[str]]:
    """The prefix of nn.DataParallel if every name has it, else nothing; and the names without it, in their order."""
    if names and all(name.startswith(PARALLEL_PREFIX) for name in names):
        return PARALLEL_PREFIX, [name.removeprefix(PARALLEL_PREFIX) for name in names]
    return "", list(names)


def count_parameters(tensors: Mapping[str, Tensor]) -> int:
    """Numbers that training changes: all floats but running statistics and the constants of normalisation."""
    return sum(
        value.numel()
        for name, value in tensors.items()
        if value.is_floating_point() and name.rpartition(".")[2] not in STATISTICS
    )
