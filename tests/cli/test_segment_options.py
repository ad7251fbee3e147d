"""From the command line to the job: every option arrives, and texts of the wrong form are refused."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import typer

from vostool.cli import segment_run
from vostool.cli.app import run
from vostool.cli.segment_run import parse_files, parse_rate, parse_scales, parse_stills
from vostool.pipelines.finesse import FinesseOptions
from vostool.pipelines.segment_options import SegmentOptions


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> list[SegmentOptions]:
    """The options of every job that was about to begin."""
    seen: list[SegmentOptions] = []
    read = segment_run.read_options

    def catch(values: Any, clip: Path, records: Path | None) -> SegmentOptions:
        seen.append(read(values, clip, records))
        raise typer.Exit(0)

    monkeypatch.setattr(segment_run, "read_options", catch)
    return seen


EVERY_OPTION: dict[str, tuple[list[str], object]] = {
    "outputs": (["-o", "a", "-o", "b.mov"], ("a", "b.mov")),
    "emits": (["--emit", "masks", "--emit", "cutout"], ("masks", "cutout")),
    "preset": (["--preset", "corridorkey"], "corridorkey"),
    "exports": (["--export", "coco=a.json", "--export", "yolo=b"], ("coco=a.json", "yolo=b")),
    "records": (["--records", "r.jsonl"], Path("r.jsonl")),
    "overwrite": (["--overwrite"], True),
    "copy_audio": (["--no-audio"], False),
    "premultiplied": (["--premultiply"], True),
    "still_suffix": (["--stills", "exr"], ".exr"),
    "stream_format": (["--stdout-format", "y4m"], "y4m"),
    "frame_rate": (["--fps", "30000/1001"], Fraction(30000, 1001)),
    "deinterlace": (["--no-deinterlace"], False),
    "start": (["--start", "1.5s"], "1.5s"),
    "end": (["--end", "00:00:09:12"], "00:00:09:12"),
    "direction": (["--direction", "both"], "both"),
    "drops": (["--drop", "2@3", "--drop", "1@4s"], ("2@3", "1@4s")),
    "scene_cuts": (["--scene-cuts", "reset"], "reset"),
    "checkpoint_every": (["--checkpoint-every", "7"], 7),
    "resume": (["--resume"], True),
    "resume_from": (["--resume-from", "120"], "120"),
    "keep_states": (["--no-keep-states"], False),
    "size": (["--size", "240"], 240),
    "system": (["--system", "stcn"], "stcn"),
    "weights": (["--weights", "w.safetensors"], Path("w.safetensors")),
    "device": (["--device", "cpu"], "cpu"),
    "precision": (["--precision", "bf16"], "bf16"),
    "flip": (["--flip"], True),
    "scales": (["--scales", "0.75,1.0"], (0.75, 1.0)),
    "ensemble": (["--ensemble", "a.safetensors, b.safetensors"], (Path("a.safetensors"), Path("b.safetensors"))),
    "max_vram": (["--max-vram", "8G"], 8 * 2**30),
    "max_ram": (["--max-ram", "500M"], 500 * 2**20),
    "fallback": (["--no-fallback"], False),
    "finetune_first_frame": (["--finetune-first-frame"], True),
    "finetune_steps": (["--finetune-steps", "5"], 5),
    "memory": (["--memory", "every-k"], "every-k"),
    "memory_frames": (["--memory-frames", "2.5"], 2.5),
    "memory_every": (["--memory-every", "3"], 3),
    "top_k": (["--top-k", "20"], 20),
    "counting": (["--memory-count", "softmax"], "softmax"),
    "pin": (["--no-pin"], False),
    "floor": (["--memory-floor", "0.1"], 0.1),
    "temporary_previous": (["--memory-previous"], True),
    "restarts": (["--memory-restart"], True),
}
FINESSE: dict[str, tuple[list[str], object]] = {
    "grow": (["--grow", "1.5"], 1.5),
    "feather": (["--feather", "2"], 2),
    "fill_holes": (["--fill-holes", "30"], 30),
    "drop_islands": (["--drop-islands", "20"], 20),
    "clean_black": (["--clean-black", "0.1"], 0.1),
    "clean_white": (["--clean-white", "0.2"], 0.2),
    "refine": (["--refine", "guided"], "guided"),
    "temporal": (["--temporal", "5"], 5),
}
MASKS: dict[str, tuple[list[str], object]] = {
    "masks": (["-m", "120=fix.png"], ("first.png", "120=fix.png")),
    "mask_folder": (["--masks", "drawn"], Path("drawn")),
    "mask_base": (["--mask-base", "1001"], 1001),
    "objects": (["--object", "1=a.png"], ("1=a.png",)),
    "object_folder": (["--objects", "folder"], Path("folder")),
    "mode": (["--mask-mode", "index"], "index"),
    "is_exact": (["--mask-exact"], True),
}
COMMAND = ["segment", "clip.mp4", "-m", "first.png"]


def options_of(caught: list[SegmentOptions], *arguments: str) -> SegmentOptions:
    assert run([*COMMAND, *arguments, "-q"]) == 0
    return caught[-1]


def test_no_option_of_a_job_is_left_out_here() -> None:
    assert {*EVERY_OPTION, "source", "masks", "finesse"} == {each.name for each in fields(SegmentOptions)}
    assert FINESSE.keys() == {each.name for each in fields(FinesseOptions)}


@pytest.mark.parametrize("name", EVERY_OPTION)
def test_every_option_arrives(caught: list[SegmentOptions], name: str) -> None:
    arguments, expected = EVERY_OPTION[name]
    given = getattr(options_of(caught, *arguments), name)
    assert given == expected
    assert type(given) is type(expected)
    assert given != getattr(SegmentOptions(Path("clip.mp4"), caught[-1].masks), name)


@pytest.mark.parametrize("name", FINESSE)
def test_every_finesse_arrives(caught: list[SegmentOptions], name: str) -> None:
    arguments, expected = FINESSE[name]
    assert options_of(caught, *arguments).finesse == FinesseOptions(**{name: expected})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MASKS)
def test_every_way_to_give_masks_arrives(caught: list[SegmentOptions], name: str) -> None:
    arguments, expected = MASKS[name]
    assert getattr(options_of(caught, *arguments).masks, name) == expected


def test_defaults_are_those_of_a_job(caught: list[SegmentOptions]) -> None:
    options = options_of(caught)
    plain = SegmentOptions(Path("clip.mp4"), options.masks)
    assert {each.name: getattr(options, each.name) for each in fields(options)} == {
        each.name: getattr(plain, each.name) for each in fields(plain)
    }


def test_shrinking_is_growing_backward(caught: list[SegmentOptions]) -> None:
    assert options_of(caught, "--shrink", "1.5").finesse == FinesseOptions(grow=-1.5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--grow", "1", "--shrink", "1"], "--grow and --shrink contradict each other"),
        (["--grow", "-1"], "--grow"),
        (["--grow", "999"], "--grow 999 makes no sense"),
        (["--clean-black", "0.6", "--clean-white", "0.6"], "leave nothing between"),
        (["--refine", "magic"], "give none or guided"),
        (["--temporal", "4"], "give 3 or 5"),
        (["--stills", "tiff"], "give png or exr"),
        (["--export", "coco"], "'coco' is not an export"),
        (["--fps", "1/0"], "--fps is '1/0'"),
        (["--max-ram", "8"], "--max-ram is '8'"),
        (["--checkpoint-every", "-1"], "--checkpoint-every"),
        (["--mask-base", "-1"], "--mask-base"),
        (["--fill-holes", "1.5"], "--fill-holes"),
    ],
)
def test_texts_that_make_no_sense(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*COMMAND, *arguments]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("vostool: error: ")]
    assert len(errors) == 1
    assert words in errors[0]


def test_texts_are_parsed_as_said() -> None:
    assert parse_stills("png") == ".png"
    assert parse_scales(None) == ()
    assert parse_files(None) == ()
    assert parse_rate(None) is None
    assert parse_rate("23.976") == Fraction(2997, 125)
    for parse, text in ((parse_scales, "1,"), (parse_files, "a,,b"), (parse_rate, "nan")):
        with pytest.raises(typer.BadParameter):
            parse(text)
