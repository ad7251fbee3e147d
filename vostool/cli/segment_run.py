"""From the options of ``vostool segment`` to a job, and from its report to what is printed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vostool.cli.console import print_json, print_json_with, print_table
from vostool.cli.progress import Narrator, narrate
from vostool.errors import UsageError

if TYPE_CHECKING:
    from vostool.pipelines.segment_options import SegmentOptions

Values = Mapping[str, Any]
_MASK_OPTIONS = ("masks", "mask_folder", "objects", "object_folder")
STILL_SUFFIXES = {"png": ".png", "exr": ".exr"}


def run_segment(values: Values) -> bool:
    """Runs the job.

    Args:
        values: Every option of the command by its name.

    Returns:
        Whether it did less than it should: the clip ended early, or some of several clips failed.
    """
    if values["as_json"] and "-" in (values["outputs"] or ()):
        message = "--json and -o - both want standard output"
        raise UsageError(message, "use --records or --progress json", code="usage.json")
    with narrate(
        values["progress"], values["progress_fd"], values["progress_interval"], quiet=values["quiet"],
        clips=values["clips"],
    ) as narrator:  # fmt: skip
        is_batch = len(values["clips"]) > 1 or values["mask_directory"] is not None
        return _run_batch(values, narrator) if is_batch else _run_one(values, narrator)


def _run_one(values: Values, narrator: Narrator) -> bool:
    from vostool.pipelines.frame_records import read_records
    from vostool.pipelines.segment import segment_video

    (clip,) = values["clips"]
    with tempfile.TemporaryDirectory() as scratch:
        records = values["records"] or (Path(scratch) / "records.jsonl" if values["as_json"] else None)
        report = segment_video(read_options(values, clip, records), listeners=narrator.listeners)
        if values["as_json"]:
            frames = read_records(records) if records is not None and records.exists() else ()
            print_json_with(report.to_dict(), "frames", frames)
    narrator.end(report)
    return report.is_short


def _run_batch(values: Values, narrator: Narrator) -> bool:
    from vostool.pipelines.batch import ClipOutcome, segment_batch
    from vostool.pipelines.segment import segment_video
    from vostool.pipelines.segmenter_cache import SegmenterCache

    if values["mask_directory"] is None or any(values[name] for name in _MASK_OPTIONS):
        raise UsageError(
            "several clips take their masks from --mask-dir, and from nowhere else",
            "put STEM.png for each clip into a folder and name that", code="usage.batch",
        )  # fmt: skip
    cache, clips = SegmenterCache(), values["clips"]

    def tell(index: int, outcome: ClipOutcome) -> None:
        if outcome.report is not None:
            narrator.end(outcome.report)
        elif outcome.state == "failed":
            narrator.fail(outcome.clip, outcome.error, outcome.code)

    report = segment_batch(
        clips, values["mask_directory"], tuple(values["outputs"] or ()),
        read_options(values, clips[0], values["records"]),
        lambda options: segment_video(options, listeners=narrator.listeners, make_segmenter=cache.make),
        skips_existing=values["skip_existing"], fails_fast=values["fail_fast"],
        on_begin=lambda index, options: narrator.note(f"clip {index + 1} of {len(clips)}: {options.source}"),
        on_end=tell,
    )  # fmt: skip
    if values["as_json"]:
        print_json(report.to_dict())
    else:
        print_table(report.summary, report.to_rows())
    return bool(report.exit_code)


def read_options(values: Values, clip: Path, records: Path | None) -> SegmentOptions:
    """The job that the options describe.

    Raises:
        typer.BadParameter: A text is not of the form that its option wants.
    """
    from vostool.pipelines.finesse import FinesseOptions
    from vostool.pipelines.limits import parse_bytes
    from vostool.pipelines.masks import MaskSource
    from vostool.pipelines.segment_options import SegmentOptions

    masks = MaskSource(
        masks=tuple(values["masks"] or ()), objects=tuple(values["objects"] or ()), mask_base=values["mask_base"],
        object_folder=values["object_folder"], mode=values["mask_mode"], mask_folder=values["mask_folder"],
        is_exact=values["mask_exact"],
    )  # fmt: skip
    if values["grow"] and values["shrink"]:
        raise typer.BadParameter("--grow and --shrink contradict each other")
    sizes = {"grow": values["grow"] - values["shrink"]}
    finesse = FinesseOptions(
        **{each.name: values[each.name] for each in fields(FinesseOptions) if each.name != "grow"} | sizes
    )
    parsed = {
        "source": clip, "masks": masks, "finesse": finesse, "records": records, "copy_audio": values["audio"],
        "premultiplied": values["premultiply"], "still_suffix": parse_stills(values["stills"]),
        "stream_format": values["stdout_format"], "frame_rate": parse_rate(values["fps"]),
        "scales": parse_scales(values["scales"]), "ensemble": parse_files(values["ensemble"]),
        "max_vram": values["max_vram"] and parse_bytes(values["max_vram"], "--max-vram"),
        "max_ram": values["max_ram"] and parse_bytes(values["max_ram"], "--max-ram"),
        **{name: tuple(values[name] or ()) for name in ("outputs", "emits", "drops", "exports")},
    }  # fmt: skip
    plain = {each.name: values[each.name] for each in fields(SegmentOptions) if each.name not in parsed}
    return SegmentOptions(**parsed, **plain)


def parse_stills(name: str) -> str:
    """``png`` or ``exr`` as a suffix.

    Raises:
        typer.BadParameter: It is neither.
    """
    if name not in STILL_SUFFIXES:
        raise typer.BadParameter(f"--stills is '{name}'; give {' or '.join(STILL_SUFFIXES)}")
    return STILL_SUFFIXES[name]


def parse_scales(text: str | None) -> tuple[float, ...]:
    """``0.75,1.0`` as factors.

    Raises:
        typer.BadParameter: One is not a number.
    """
    try:
        return tuple(float(each) for each in text.split(",")) if text else ()
    except ValueError:
        raise typer.BadParameter(f"--scales is '{text}'; give factors such as 0.75,1.0") from None


def parse_files(text: str | None) -> tuple[Path, ...]:
    """``a.safetensors,b.safetensors`` as paths.

    Raises:
        typer.BadParameter: A name between the commas is missing.
    """
    if text is None:
        return ()
    names = [each.strip() for each in text.split(",")]
    if not all(names):
        raise typer.BadParameter(f"--ensemble is '{text}'; give files such as a.safetensors,b.safetensors")
    return tuple(map(Path, names))


def parse_rate(text: str | None) -> Fraction | None:
    """``25``, ``23.976`` or ``30000/1001`` as a fraction.

    Raises:
        typer.BadParameter: It is not a positive number.
    """
    if text is None:
        return None
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        raise typer.BadParameter(f"--fps is '{text}'; give a rate such as 25 or 30000/1001")
    return rate
