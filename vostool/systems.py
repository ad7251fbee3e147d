"""The systems as data: a network, how its memory is read and kept, and where its weights come from.

A system is one entry of ``SYSTEMS``; ``build_segmenter`` turns it into a Segmenter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vostool.errors import UsageError, WeightsError
from vostool.memory.options import DEFAULT_MEMORY, MemoryOptions, given_options, override_memory
from vostool.memory.policy import build_bank, build_write_policy
from vostool.memory.readers import AttentionReader, Similarity
from vostool.models.lite import LiteConfig, LiteNetwork
from vostool.models.rgmp import RgmpNetwork
from vostool.models.scm import ScmConfig, ScmNetwork
from vostool.models.stcn import StcnNetwork, adapt_single_object
from vostool.models.stm import StmNetwork
from vostool.models.stm_refine50 import StmRefine50Network
from vostool.propagation.augmentation import augment, check_scales
from vostool.propagation.device import resolve_device, resolve_precision
from vostool.propagation.ensemble import ensemble as average
from vostool.propagation.preprocess import Canvas
from vostool.propagation.reference import DEFAULT_SCALES, ReferenceSegmenter
from vostool.propagation.segmenter import DEFAULT_CONVENTIONS, Conventions, MemorySegmenter, Segmenter
from vostool.weights.checkpoint import read_checkpoint
from vostool.weights.load import Weights, apply_weights, load_weights
from vostool.weights.store import find_weights


@dataclass(frozen=True)
class System:
    """One system.

    Attributes:
        name: As in ``--system``.
        title: One line for people.
        source: Where it was published.
        make_network: From the config of a weights file; with random weights.
        similarity: ``l2`` or ``dot``.
        defaults: How it remembers unless told otherwise; None if it has no memory bank but a reference frame.
        conventions: What it does differently around the network.
        scales: Sizes at which it sees each frame unless told otherwise, as factors.
        adapt: Makes weights of older layouts fit.
    """

    name: str
    title: str
    source: str
    make_network: Callable[[dict[str, Any]], Any]
    similarity: Similarity = "dot"
    defaults: MemoryOptions | None = DEFAULT_MEMORY
    conventions: Conventions = DEFAULT_CONVENTIONS
    scales: tuple[float, ...] = (1.0,)
    adapt: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = dict


def _make_lite(config: dict[str, Any]) -> nn.Module:
    return LiteNetwork(LiteConfig.from_dict(config))


# STM, section 3.6: the first frame, every fifth one and the one before are read, all of them.
STM_MEMORY = MemoryOptions("every-k", top_k=0, temporary_previous=True)
# STM:model.py: padded with zeros before normalisation, cropped before aggregation, aggregated over 11 channels.
STM_CONVENTIONS = Conventions(Canvas(fill="black", clears_border=True), min_channels=11)
# STCN:inference_core.py and inference_core_yv.py: padded after normalisation; the first mask is aggregated as well.
STCN_CONVENTIONS = Conventions(Canvas(fill="mean"), softens_annotations=True)
# RGMP:run.py: padded with zeros to the next multiple of 32, whatever the size.
RGMP_CONVENTIONS = Conventions(Canvas(32, "black", always_pads=True))

SYSTEMS = {
    system.name: system
    for system in (
        System("lite", "the shipped network: small, fast, LFU memory", "vostool", _make_lite, "l2"),
        System(
            "stcn", "keys of the image, values of the objects; LFU memory as an option",
            "Cheng et al. 2021; adaptive memory: thesis", lambda config: StcnNetwork(), "l2",
            MemoryOptions("every-k", restarts=True), STCN_CONVENTIONS, adapt=adapt_single_object,
        ),
        System(
            "stm", "keys and values of each object, dense reads", "Oh et al., ICCV 2019",
            lambda config: StmNetwork(), defaults=STM_MEMORY, conventions=STM_CONVENTIONS,
        ),
        System(
            "scm", "STM with ResNeSt-101, a spatial prior, ASPP and a refinement", "Zhang et al., DAVIS 2020 winner",
            lambda config: ScmNetwork(ScmConfig.from_dict(config)), defaults=STM_MEMORY, conventions=STM_CONVENTIONS,
        ),
        System(
            "stm-refine50", "STM with a backbone for changes of scale", "STM-refinements, YouTube-VOS 2019",
            lambda config: StmRefine50Network(), defaults=STM_MEMORY, conventions=STM_CONVENTIONS,
        ),
        System(
            "rgmp", "no memory: a reference frame and the mask before", "Oh et al., CVPR 2018",
            lambda config: RgmpNetwork(**config), defaults=None,
            conventions=RGMP_CONVENTIONS, scales=DEFAULT_SCALES,
        ),
    )
}  # fmt: skip


def list_systems() -> tuple[System, ...]:
    """All systems, in the order in which they are shown."""
    return tuple(SYSTEMS.values())


def find_system(name: str) -> System:
    """The system of a name.

    Raises:
        UsageError: There is none.
    """
    if name not in SYSTEMS:
        raise UsageError(f"there is no system '{name}'", f"choose one of {', '.join(SYSTEMS)}", code="usage.system")
    return SYSTEMS[name]


def build_segmenter(
    name: str = "lite",
    weights: str | Path | None = None,
    device: str = "auto",
    *,
    precision: str = "auto",
    flip: bool = False,
    scales: Sequence[float] = (),
    ensemble: Sequence[str | Path] = (),
    prepare: Callable[[System, Any], Any] | None = None,
    **overrides: Any,
) -> Segmenter:
    """A Segmenter ready to start a clip.

    Args:
        name: Of the system.
        weights: File to load; None looks in the places that ``find_weights`` lists.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``float32``, ``float16`` or ``bfloat16``.
        flip: Whether to average with the mirrored picture.
        scales: Sizes of the picture to average over, as factors; none for the system's own.
        ensemble: Files of weights in place of ``weights``, whose predictions are averaged; each may be of another
            system, and those that do not say which are of ``name``.
        prepare: Makes of each network, loaded and on the device, the one to use.
        **overrides: Fields of ``MemoryOptions``; those that are None keep the system's default.

    Raises:
        UsageError: A name or an option that does not exist.
        DeviceError: The device is not there.
        WeightsError: The weights are missing or do not fit.
    """
    find_system(name)
    target = resolve_device(device)
    dtype = resolve_precision(precision, target)
    members = []
    for system, path in find_members(name, weights, ensemble):
        network = load_network(system, path).to(target)
        network = prepare(system, network) if prepare else network
        members.append(make_segmenter(system, network, target, dtype, flip=flip, scales=scales, **overrides))
    return average(members)


def find_members(
    name: str, weights: str | Path | None, ensemble: Sequence[str | Path]
) -> tuple[tuple[System, Path], ...]:
    """The systems and files of weights that a Segmenter is built from: those of an ensemble, or else one.

    Raises:
        UsageError: Both were named.
        WeightsError: One of them is not there, or is of no system that there is.
    """
    system = find_system(name)
    if not ensemble:
        return ((system, find_weights(name, weights)),)
    if weights is not None:
        raise UsageError("both --weights and --ensemble are given", "name all files in --ensemble")
    paths = [find_weights(name, path, "--ensemble") for path in ensemble]
    return tuple((system_of(path) or system, path) for path in paths)


def system_of(path: Path) -> System | None:
    """The system that a file of weights is for; None if it does not tell.

    Raises:
        WeightsError: It cannot be read, or names a system that is not here.
    """
    name = read_checkpoint(path).system
    if name is not None and name not in SYSTEMS:
        raise WeightsError(
            f"{path} is for a system '{name}', which is not here",
            "use the version that wrote it",
            code="weights.system",
        )
    return SYSTEMS[name] if name else None


def make_segmenter(
    system: System,
    network: Any,
    device: torch.device,
    precision: torch.dtype = torch.float32,
    *,
    flip: bool = False,
    scales: Sequence[float] = (),
    **overrides: Any,
) -> Segmenter:
    """A Segmenter over a network that is there already, in evaluation mode and on the device."""
    options = override(system, overrides)
    if options is None:
        canvas, scales = system.conventions.canvas, check_scales(scales or system.scales)
        return augment(partial(ReferenceSegmenter, network, canvas, device, precision, scales), flip=flip)
    reader = AttentionReader(system.similarity, options.top_k or None, options.counting)
    policy = build_write_policy(
        options.memory, options.memory_every, temporary_previous=options.temporary_previous, restarts=options.restarts
    )
    make_bank = partial(
        build_bank, options.memory, options.memory_frames, pin=options.pin, floor=options.floor,
        has_temporary=options.temporary_previous,
    )  # fmt: skip
    make_bank()  # Tells of senseless sizes now and not at the first frame.
    make_member = partial(MemorySegmenter, network, reader, make_bank, policy, device, precision, system.conventions)
    return augment(make_member, flip=flip, scales=scales)


def override(system: System, overrides: dict[str, Any]) -> MemoryOptions | None:
    """How the system remembers, with what was given in place of its defaults; None if it has no memory.

    Raises:
        UsageError: An option that memory does not have, or a value that makes no sense.
    """
    given = given_options(overrides)
    if system.defaults is not None:
        return override_memory(system.defaults, given)
    if given:
        found = ", ".join(f"{name} {value}" for name, value in given.items())
        raise UsageError(f"{system.name} has no memory to set ({found})", "leave out what is set for the memory")
    return None


def load_network(system: System, weights: str | Path | None = None) -> Any:
    """The system's network with its weights, in evaluation mode and in the memory format that is fastest."""
    loaded = load_weights(find_weights(system.name, weights), system.name)
    network = make_network(system, loaded)
    apply_weights(network, replace(loaded, tensors=dict(system.adapt(loaded.tensors))))
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def make_network(system: System, weights: Weights) -> Any:
    """The network that a file's config describes, with random weights.

    Raises:
        WeightsError: The config is none of this system.
    """
    try:
        return system.make_network(weights.config)
    except (TypeError, ValueError) as error:
        reason = f"the config in {weights.path} is none of '{system.name}' ({error})"
        raise WeightsError(reason, "use the version that wrote it", code="weights.config") from None
