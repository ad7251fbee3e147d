"""What all exports have in common: whole or not there, kept when stopped, continued; files of others are spared."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from video_results import OBJECT_IDS, make_info, make_results

from vostool.datasets.exports.export import open_export
from vostool.datasets.exports.plan import EXPORT_KINDS, ExportKind, clip_name, resolve_exports
from vostool.errors import OutputError, UsageError, VostoolError
from vostool.types import FrameResult
from vostool.video.writing.background import background
from vostool.video.writing.sink_state import SinkState
from vostool.video.writing.sinks import Sink

RESULTS = tuple(make_results())
FOLDER_KINDS = tuple(kind for kind in EXPORT_KINDS if kind != "coco")
every_kind = pytest.mark.parametrize("kind", EXPORT_KINDS)
every_folder = pytest.mark.parametrize("kind", FOLDER_KINDS)


def place_of(kind: ExportKind, folder: Path) -> Path:
    return folder / ("set.json" if kind == "coco" else "set")


def open_in(kind: ExportKind, folder: Path, clip: str = "a clip.mp4", **options: object) -> Sink:
    source = Path(clip)
    return open_export(kind, place_of(kind, folder), make_info(source), OBJECT_IDS, source=source, **options)  # type: ignore[arg-type]


def write(sink: Sink, results: Iterable[FrameResult] = RESULTS) -> None:
    with sink:
        for result in results:
            sink.write(result)
        assert sink.finish() == sink.path


def write_all(sink: Sink) -> SinkState:
    for result in RESULTS:
        sink.write(result)
    return sink.checkpoint()


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@every_kind
def test_nothing_is_there_until_it_is_whole(kind: ExportKind, tmp_path: Path) -> None:
    with open_in(kind, tmp_path) as sink:
        assert not list(tmp_path.iterdir())
        assert sink.parts == ()
        for result in RESULTS:
            sink.write(result)
        assert not sink.path.exists()
        assert all(part.exists() for part in sink.parts)
        parts = sink.parts
    assert parts
    assert all(part.exists() for part in parts), "kept without finish()"
    with open_in(kind, tmp_path) as sink:
        assert all(part.exists() for part in parts), "an earlier part stays until the first frame"
    write(open_in(kind, tmp_path), RESULTS[:2])
    assert [path.name for path in tmp_path.iterdir()] == [sink.path.name]


@every_kind
@pytest.mark.parametrize("cut", [0, 3, 7])
def test_a_killed_run_is_continued(kind: ExportKind, cut: int, tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    write(open_in(kind, whole), RESULTS[: cut + 1])
    with open_in(kind, stopped) as first:
        for result in RESULTS[:cut]:
            first.write(result)
        state: SinkState = json.loads(json.dumps(first.checkpoint()))
        assert state["num_frames"] == cut
        for result in RESULTS[cut:]:
            first.write(result)
        first.checkpoint()
    write(open_in(kind, stopped, resume=state), RESULTS[cut : cut + 1])
    assert contents(stopped) == contents(whole)


@every_kind
def test_a_run_that_replaces_goes_on_to_do_so(kind: ExportKind, tmp_path: Path) -> None:
    replaced, plain = tmp_path / "replaced", tmp_path / "plain"
    for folder, results in ((replaced, RESULTS), (plain, RESULTS[:3])):
        folder.mkdir()
        write(open_in(kind, folder), results)
    with open_in(kind, replaced, overwrite=True) as first:
        first.write(RESULTS[0])
        state = first.checkpoint()
    write(open_in(kind, replaced, resume=state), RESULTS[1:3])
    assert contents(replaced) == contents(plain)


@every_kind
def test_a_run_that_was_killed_at_its_end_is_done(kind: ExportKind, tmp_path: Path) -> None:
    with open_in(kind, tmp_path) as sink:
        state = write_all(sink)
        sink.finish()
    before = contents(tmp_path)
    with open_in(kind, tmp_path, resume=state) as sink:
        with pytest.raises(OutputError, match=r"exists|already"):
            sink.write(RESULTS[0])
        sink.finish()
    assert contents(tmp_path) == before


@every_kind
def test_lost_parts_are_noticed(kind: ExportKind, tmp_path: Path) -> None:
    with open_in(kind, tmp_path) as sink:
        state = write_all(sink)
        part = sink.parts[0]
        victim = part if part.is_file() else next(path for path in sorted(part.rglob("*")) if path.is_file())
    victim.unlink()
    with pytest.raises(OutputError, match="cannot be continued"):
        open_in(kind, tmp_path, resume=state)


@every_kind
def test_what_is_there_is_replaced_only_if_asked(kind: ExportKind, tmp_path: Path) -> None:
    write(open_in(kind, tmp_path))
    before = contents(tmp_path)
    with pytest.raises(OutputError, match="--overwrite"):
        open_in(kind, tmp_path)
    assert contents(tmp_path) == before
    write(open_in(kind, tmp_path, overwrite=True), RESULTS[:3])
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    write(open_in(kind, fresh), RESULTS[:3])
    expected = contents(fresh)
    assert {name: content for name, content in contents(tmp_path).items() if name in expected} == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["fresh", place_of(kind, tmp_path).name])
    assert not any("00005" in name for name in contents(tmp_path))


@every_folder
def test_files_of_others_are_spared(kind: ExportKind, tmp_path: Path) -> None:
    write(open_in(kind, tmp_path))
    own = {"notes.txt": b"mine", "fix.json": b"mine", "labels/train/mine.txt": b"mine"}
    for name, content in own.items():
        (place_of(kind, tmp_path) / name).parent.mkdir(parents=True, exist_ok=True)
        (place_of(kind, tmp_path) / name).write_bytes(content)
    write(open_in(kind, tmp_path, overwrite=True), RESULTS[:3])
    found = contents(place_of(kind, tmp_path))
    assert {name: found[name] for name in own} == own


@every_folder
def test_a_folder_of_something_else_is_refused(kind: ExportKind, tmp_path: Path) -> None:
    place = place_of(kind, tmp_path)
    place.mkdir()
    open_in(kind, tmp_path)
    (place / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        open_in(kind, tmp_path)
    place.joinpath("notes.txt").unlink()
    place.rmdir()
    place.write_text("mine")
    with pytest.raises(OutputError, match="a file, not a folder"):
        open_in(kind, tmp_path, overwrite=True)


@pytest.mark.parametrize("kind", ["yolo", "davis"])
def test_a_data_set_takes_clip_after_clip(kind: ExportKind, tmp_path: Path) -> None:
    write(open_in(kind, tmp_path, "first.mp4"))
    before = contents(tmp_path)
    write(open_in(kind, tmp_path, "second.mp4"), RESULTS[:3])
    after = contents(tmp_path)
    frames = {name for name in before if "first" in name}
    assert len(frames) == 16
    assert {name: after[name] for name in frames} == {name: before[name] for name in frames}
    assert sum("second" in name for name in after) == 6
    with pytest.raises(OutputError, match="holds this clip already"):
        open_in(kind, tmp_path, "second.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize("kind", ["yolo", "davis"])
@pytest.mark.parametrize("num_moved", [1, 9])
def test_a_run_killed_while_files_move_is_continued(
    kind: ExportKind, num_moved: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(open_in(kind, tmp_path, "first.mp4"))
    with open_in(kind, tmp_path, "second.mp4") as sink:
        for result in RESULTS:
            sink.write(result)
        state = sink.checkpoint()
        moved: list[Path] = []

        def replace(source: Path, target: Path) -> None:
            if len(moved) == num_moved:
                raise KeyboardInterrupt
            moved.append(target)
            Path(source).rename(target)

        with monkeypatch.context() as patch:
            patch.setattr("os.replace", replace)
            with pytest.raises(KeyboardInterrupt):
                sink.finish()
    write(open_in(kind, tmp_path, "second.mp4", resume=state), ())
    assert sum("second" in name for name in contents(tmp_path)) == 16
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@every_kind
def test_no_frame_is_an_error(kind: ExportKind, tmp_path: Path) -> None:
    with open_in(kind, tmp_path) as sink, pytest.raises(VostoolError, match="no frame was written"):
        sink.finish()
    with pytest.raises(OutputError, match=r"the folder .* is missing"):
        open_in(kind, tmp_path / "absent")


@every_folder
def test_the_source_is_safe(kind: ExportKind, tmp_path: Path) -> None:
    for source in (place_of(kind, tmp_path), place_of(kind, tmp_path) / "JPEGImages" / "480p" / "bear"):
        with pytest.raises(UsageError, match="would overwrite the source"):
            open_in(kind, tmp_path, str(source), overwrite=True)


@every_kind
def test_an_export_works_in_the_background(kind: ExportKind, tmp_path: Path) -> None:
    write(open_in(kind, tmp_path))
    other = tmp_path / "other"
    other.mkdir()
    write(background(open_in(kind, other)))
    found = contents(tmp_path)
    assert {name: content for name, content in found.items() if not name.startswith("other/")} == contents(other)


def test_exports_are_named_with_their_path() -> None:
    plans = resolve_exports(["coco=a.json", "YOLO=sets/yolo", "davis=a=b/"])
    assert [(plan.kind, plan.path) for plan in plans] == [
        ("coco", Path("a.json")),
        ("yolo", Path("sets/yolo")),
        ("davis", Path("a=b")),
    ]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["voc=x"], "'voc=x' is not an export"),
        (["coco"], "'coco' is not an export"),
        (["coco="], "is not an export"),
        (["yolo=."], "is not an export"),
        (["coco=x"], "one file named .json"),
        (["davis=x.json"], "is no folder"),
        (["davis=x", "yolo=./x"], "two exports go to x"),
    ],
)
def test_other_exports_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_exports(texts)


def test_clips_have_names_of_one_word() -> None:
    assert clip_name(Path("some folder/my clip (2).mp4")) == "my_clip_2_"
    assert clip_name(Path("bear.mov")) == "bear"
