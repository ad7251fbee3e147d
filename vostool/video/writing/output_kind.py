"""Which outputs a run writes, and whether they can be written: decided before any work starts.

no extension   folder: indexed masks; or the stills of any other kind
.mp4           H.264: overlay, matte
.mov           ProRes 4444 with alpha: alpha, cutout; ProRes 422 HQ: matte; H.264: overlay
.webm          VP9: alpha, cutout, matte, overlay
.mkv           FFV1: alpha, cutout, matte; H.264: overlay
-              standard output, any kind: alpha unless another is asked for
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from vostool.errors import OutputError, UsageError
from vostool.video.reading.diagnosis import is_unicode, shown

Kind = Literal["masks", "overlay", "alpha", "matte", "cutout"]
KINDS: tuple[Kind, ...] = get_args(Kind)
KIND_OF_EXTENSION: dict[str, Kind] = {
    "": "masks",
    ".mp4": "overlay",
    ".mov": "alpha",
    ".webm": "alpha",
    ".mkv": "alpha",
}
VIDEO_EXTENSIONS = tuple(extension for extension in KIND_OF_EXTENSION if extension)
DEFAULT_ENDINGS: dict[Kind, str] = {
    "masks": "_masks",
    "overlay": "_overlay.mp4",
    "alpha": "_alpha.mov",
    "matte": "_matte.mp4",
    "cutout": "_cutout.mov",
}
ALPHA_ADVICE = "use .mov (ProRes 4444), .webm (VP9) or .mkv (FFV1), or a folder of RGBA images"
# In a path: one output for each object, named by its number.
OBJECT_FIELD = "{object}"
# The path of standard output.
STREAM_PATH = Path("-")
# Paths that end so have no name to put a part beside: "", ".", "/", "..".
NO_NAMES = ("", "..")
KNOWN_OUTPUTS = "use .mp4, .mov, .webm or .mkv for a video, or a name without extension (or ending in /) for a folder"


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """One output: what it shows and where it goes.

    The path ``-`` is standard output; any other path without a known video extension is a folder.

    Attributes:
        object_id: The only object that it shows; None for all.
    """

    kind: Kind
    path: Path
    object_id: int | None = None

    @property
    def is_stream(self) -> bool:
        """True for standard output."""
        return self.path == STREAM_PATH

    @property
    def is_folder(self) -> bool:
        """True for a folder of stills, False for a video."""
        return is_folder_path(self.path)

    @property
    def is_for_each_object(self) -> bool:
        """True if the path still stands for one output for each object."""
        return OBJECT_FIELD in str(self.path)


def is_folder_path(path: Path) -> bool:
    """Whether an output path stands for a folder of stills."""
    return path.suffix.lower() not in VIDEO_EXTENSIONS and path != STREAM_PATH


def part_path(path: Path) -> Path:
    """Where an output lies while it is being written: ``NAME.part.EXT``, or ``NAME.part`` for a folder."""
    return path.with_name(path.name + ".part") if is_folder_path(path) else path.with_suffix(f".part{path.suffix}")


def joined_path(path: Path) -> Path:
    """Where the final video is put together before it gets its name: ``NAME.joined.part.EXT``."""
    return path.with_suffix(f".joined.part{path.suffix}")


def resolve_outputs(
    paths: Sequence[str], emits: Sequence[str], source_name: str, object_ids: Sequence[int] = ()
) -> list[OutputPlan]:
    """Turn ``-o`` and ``--emit`` into outputs.

    Args:
        paths: As given, in order; empty for default names in the current folder.
        emits: Kinds: none, one for all paths, or one for each path in order.
        source_name: The clip as given, file or folder; its stem is CLIP in ``CLIP_masks``.
        object_ids: Of the masks: a path with ``{object}`` in it becomes one for each. Without them it stays as it is,
            for ``expand_objects``.

    Raises:
        UsageError: An unknown kind or extension, a count that does not fit, a kind that the file cannot hold, or one
            path twice.
    """
    kinds = [_checked_kind(emit) for emit in emits]
    if paths:
        plans = [_plan(path, kind) for path, kind in zip(paths, _spread(kinds, len(paths)), strict=True)]
    else:
        stem = clip_stem(source_name)
        plans = [OutputPlan(kind, Path(stem + DEFAULT_ENDINGS[kind])) for kind in kinds or ["masks"]]
    if object_ids:
        return expand_objects(plans, object_ids)
    _refuse_twins(plans)
    return plans


def expand_objects(plans: Sequence[OutputPlan], object_ids: Sequence[int]) -> list[OutputPlan]:
    """Put one output for each object in place of each whose path has ``{object}`` in it.

    Raises:
        UsageError: One path twice, as for ``{object}.mov`` and ``1.mov``.
    """
    lists = (_for_each(plan, object_ids) if plan.is_for_each_object else [plan] for plan in plans)
    expanded = [one for each in lists for one in each]
    _refuse_twins(expanded)
    return expanded


def _for_each(plan: OutputPlan, object_ids: Sequence[int]) -> list[OutputPlan]:
    text = str(plan.path)
    return [OutputPlan(plan.kind, Path(text.replace(OBJECT_FIELD, str(found))), found) for found in object_ids]


def clip_stem(source_name: str) -> str:
    """Name of a clip without folder and extension; a folder of images keeps its dots."""
    path = Path(source_name)
    if path.is_dir():
        return path.resolve().name or "clip"
    return path.stem or "clip"


def check_outputs(plans: Sequence[OutputPlan], overwrite: bool = False, source: Path | None = None) -> None:
    """Refuse, before any work, what could not be written at the end; leaves nothing behind.

    Raises:
        UsageError: An output, or the file it grows in, is the source.
        OutputError: It exists, its folder is missing or cannot be written to.
    """
    for plan in plans:
        if plan.is_stream:
            continue
        if source is not None:
            _refuse_source(plan, source)
        _check_parent(plan.path)
        check_free(plan.path, overwrite)
        _probe(plan)


def check_free(path: Path, overwrite: bool) -> None:
    """Raise OutputError if ``path`` is taken: by a file unless ``overwrite``, by the wrong sort of thing always."""
    if is_folder_path(path):
        if path.exists() and not path.is_dir():
            raise OutputError(f"output {path} is a file, not a folder", KNOWN_OUTPUTS, code="output.exists")
        is_taken = path.is_dir() and any(path.iterdir())
    else:
        if path.is_dir():
            raise OutputError(f"output {path} is a folder, not a file", "give another name", code="output.exists")
        is_taken = path.exists()
    if is_taken and not overwrite:
        raise OutputError(f"output {path} exists", "give another name or --overwrite", code="output.exists")


def _checked_kind(emit: str) -> Kind:
    """The kind that ``--emit`` names."""
    for kind in KINDS:
        if emit.lower() == kind:
            return kind
    raise UsageError(f"unknown kind of output '{emit}'", f"--emit takes {', '.join(KINDS)}", code="output.kind")


def _spread(kinds: list[Kind], num_paths: int) -> Sequence[Kind | None]:
    """One kind, or None for the extension's own, for each path."""
    if len(kinds) == num_paths:
        return kinds
    if len(kinds) <= 1:
        return [kinds[0] if kinds else None] * num_paths
    message = f"{len(kinds)} times --emit but {num_paths} outputs"
    raise UsageError(message, "give --emit once for all, or once for each -o in order", code="output.kind")


def _plan(text: str, kind: Kind | None) -> OutputPlan:
    """One output from its path as given and its kind if named."""
    if text == str(STREAM_PATH):
        return OutputPlan(kind or "alpha", STREAM_PATH)
    path = Path(text)
    if path.name in NO_NAMES:
        raise UsageError(f"'{text}' is not an output that can be written", KNOWN_OUTPUTS, code="output.path")
    _check_reachable(path)
    # Someone who writes ./- means a folder of this name.
    path = path.absolute() if path == STREAM_PATH else path
    extension = path.suffix.lower()
    if text.endswith(("/", os.sep)) and not is_folder_path(path):
        raise UsageError(f"output folder {path} has the extension of a video", KNOWN_OUTPUTS, code="output.path")
    if extension not in KIND_OF_EXTENSION and not text.endswith(("/", os.sep)) and not path.is_dir():
        raise UsageError(f"unknown extension {extension} of output {path}", KNOWN_OUTPUTS, code="output.extension")
    if not is_folder_path(path) and not is_unicode(path):
        raise UsageError(f"the name of output {shown(path)} is not UTF-8", "give another name", code="output.path")
    chosen = kind or KIND_OF_EXTENSION.get(extension, "masks")
    _refuse_misfit(chosen, path)
    return OutputPlan(chosen, path)


def _check_reachable(path: Path) -> None:
    """Raise OutputError if the system does not even tell whether the output is there."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        message = f"cannot write output {path}: {error.strerror or error}"
        raise OutputError(
            message, "choose another name, or a folder that can be written to", code="output.folder"
        ) from error


def _refuse_misfit(kind: Kind, path: Path) -> None:
    """Raise UsageError if a video file of this extension cannot hold the kind."""
    if kind == "masks" and not is_folder_path(path):
        hint = "give a name without extension, or --emit matte for a video of them"
        raise UsageError(f"masks go to a folder, not to {path}", hint, code="output.kind")
    if kind in ("alpha", "cutout") and path.suffix.lower() == ".mp4":
        raise UsageError(f"mp4 cannot carry the alpha of {path}", ALPHA_ADVICE, code="output.kind")


def _refuse_twins(plans: Sequence[OutputPlan]) -> None:
    """Raise UsageError if two outputs would go to one place."""
    seen: set[Path] = set()
    for plan in plans:
        place = plan.path.resolve()
        if place in seen:
            raise UsageError(f"two outputs go to {plan.path}", "give each its own name", code="output.path")
        seen.add(place)


def _refuse_source(plan: OutputPlan, source: Path) -> None:
    """Raise UsageError if writing the output would destroy the source."""
    touched = [plan.path, part_path(plan.path)]
    if not plan.is_folder:
        touched.append(joined_path(plan.path))
    if any(path.resolve() == source.resolve() or (path.exists() and path.samefile(source)) for path in touched):
        message = f"output {plan.path} would overwrite the source {source}"
        raise UsageError(message, "give another name", code="output.source")


def _check_parent(path: Path) -> None:
    """Raise OutputError if the folder that is to hold the output is missing."""
    if not path.parent.exists():
        raise OutputError(
            f"the folder {path.parent} of output {path.name} is missing", "create it", code="output.folder"
        )
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent} is not a folder, so {path.name} cannot go there", code="output.folder")


def _probe(plan: OutputPlan) -> None:
    """Create and remove a file where, and with a name as long as, the real ones will be."""
    longest = part_path(plan.path) if plan.is_folder else joined_path(plan.path)
    folders = [plan.path.parent, *([plan.path] if plan.path.is_dir() else [])]
    for folder in folders:
        probe = folder / (longest.stem[:-1] + "~" + longest.suffix)
        try:
            with probe.open("xb"):
                pass
            probe.unlink()
        except FileExistsError:
            continue
        except OSError as error:
            message = f"cannot write output {plan.path}: {error.strerror or error}"
            raise OutputError(message, "choose a folder that can be written to", code="output.folder") from error
