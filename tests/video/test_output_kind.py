from __future__ import annotations

from pathlib import Path

import pytest

from vostool.errors import OutputError, UsageError
from vostool.video.writing.encoding import ENCODINGS
from vostool.video.writing.output_kind import (
    KINDS,
    VIDEO_EXTENSIONS,
    OutputPlan,
    check_outputs,
    clip_stem,
    expand_objects,
    joined_path,
    part_path,
    resolve_outputs,
)


def resolved(paths: list[str], emits: list[str] | None = None) -> list[tuple[str, str]]:
    return [(plan.kind, str(plan.path)) for plan in resolve_outputs(paths, emits or [], "films/clip.mp4")]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("out", "masks"), ("out/", "masks"), ("shot.v2/", "masks"), ("a.mp4", "overlay"), ("a.MP4", "overlay"),
        ("a.mov", "alpha"), ("a.webm", "alpha"), ("x/a.b.mkv", "alpha"), (".hidden", "masks"),
    ],
)  # fmt: skip
def test_extension_decides(path: str, kind: str) -> None:
    assert resolved([path]) == [(kind, path.rstrip("/"))]


def test_defaults_lie_in_the_current_folder() -> None:
    assert resolved([]) == [("masks", "clip_masks")]
    assert resolved([], list(KINDS)) == [
        ("masks", "clip_masks"), ("overlay", "clip_overlay.mp4"), ("alpha", "clip_alpha.mov"),
        ("matte", "clip_matte.mp4"), ("cutout", "clip_cutout.mov"),
    ]  # fmt: skip


def test_defaults_can_be_written() -> None:
    for plan in resolve_outputs([], list(KINDS), "clip.mp4"):
        assert plan.is_folder or plan.path.suffix in ENCODINGS[plan.kind]


def test_one_emit_for_all_or_one_for_each() -> None:
    assert resolved(["a.mov", "b"], ["matte"]) == [("matte", "a.mov"), ("matte", "b")]
    assert resolved(["a.mov", "b"], ["cutout", "overlay"]) == [("cutout", "a.mov"), ("overlay", "b")]


def test_every_pair_is_either_coded_or_refused() -> None:
    for kind in KINDS:
        for extension in VIDEO_EXTENSIONS:
            if extension in ENCODINGS.get(kind, {}):
                assert resolved([f"a{extension}"], [kind]) == [(kind, f"a{extension}")]
            else:
                with pytest.raises(UsageError):
                    resolved([f"a{extension}"], [kind])


@pytest.mark.parametrize(
    ("paths", "emits", "words"),
    [
        (["a.mp4"], ["alpha"], [".mov (ProRes 4444)", ".webm (VP9)", ".mkv (FFV1)"]),
        (["a.MP4"], ["cutout"], [".mov (ProRes 4444)"]),
        (["a.mov"], ["masks"], ["folder", "matte"]),
        (["a.avi"], [], [".avi", ".mp4", ".mov", ".webm", ".mkv"]),
        (["a.avi"], ["matte"], [".avi"]),
        (["a"], ["mask"], ["'mask'", "masks", "overlay", "alpha", "matte", "cutout"]),
        (["a", "b", "c"], ["masks", "matte"], ["2 times", "3 outputs"]),
        (["a", "./a"], ["masks", "matte"], ["two outputs"]),
        ([], ["masks", "masks"], ["two outputs"]),
        (["-", "-"], ["matte"], ["two outputs"]),
        ([""], [], ["''"]),
        (["."], [], ["'.' is not an output"]),
        ([".."], [], ["'..' is not an output"]),
        (["/"], [], ["'/' is not an output"]),
        (["a.mp4/"], [], ["folder", "extension of a video"]),
    ],
)  # fmt: skip
def test_refusals_name_what_to_use(paths: list[str], emits: list[str], words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        resolved(paths, emits)
    assert [word for word in words if word not in str(caught.value)] == []


def test_standard_output_takes_any_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (plan,) = resolve_outputs(["-"], [], "clip.mp4")
    assert (plan.kind, plan.path, plan.is_stream, plan.is_folder) == ("alpha", Path("-"), True, False)
    assert {resolve_outputs(["-"], [kind], "clip.mp4")[0].kind for kind in KINDS} == set(KINDS)
    check_outputs([plan])
    (folder,) = resolve_outputs(["./-"], [], "clip.mp4")
    assert (folder.kind, folder.path, folder.is_folder) == ("masks", tmp_path / "-", True)


def test_clip_stem_keeps_the_dots_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "shot.v2").mkdir()
    assert clip_stem(str(tmp_path / "shot.v2")) == "shot.v2"
    assert clip_stem("films/shot.v2.mp4") == "shot.v2"


def test_part_names() -> None:
    assert part_path(Path("x/a.b.mov")) == Path("x/a.b.part.mov")
    assert part_path(Path("x/a.b")) == Path("x/a.b.part")
    assert joined_path(Path("x/a.mov")) == Path("x/a.joined.part.mov")


class TestCheckOutputs:
    def check(self, path: Path, overwrite: bool = False, source: Path | None = None) -> None:
        check_outputs([OutputPlan("overlay", path)], overwrite, source)

    def test_a_free_place_stays_as_it_was(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        for name in ("a.mp4", "folder", "empty"):
            self.check(tmp_path / name)
        assert [path.name for path in tmp_path.iterdir()] == ["empty"]

    @pytest.mark.parametrize("name", ["a.mp4", "folder"])
    def test_a_missing_parent_is_named(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(OutputError, match="nowhere") as caught:
            self.check(tmp_path / "nowhere" / name)
        assert caught.value.exit_code == 6

    def test_a_file_as_parent(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match="not a folder"):
            self.check(tmp_path / "file" / "a.mp4")

    def test_existing_outputs_need_overwrite(self, tmp_path: Path) -> None:
        (tmp_path / "a.mp4").write_text("")
        (tmp_path / "masks").mkdir()
        (tmp_path / "masks" / "note.txt").write_text("")
        for name in ("a.mp4", "masks"):
            with pytest.raises(OutputError, match="--overwrite"):
                self.check(tmp_path / name)
            self.check(tmp_path / name, overwrite=True)

    def test_overwrite_does_not_turn_files_into_folders(self, tmp_path: Path) -> None:
        (tmp_path / "a.mp4").mkdir()
        (tmp_path / "masks").write_text("")
        for name in ("a.mp4", "masks"):
            with pytest.raises(OutputError):
                self.check(tmp_path / name, overwrite=True)

    def test_the_source_is_never_overwritten(self, tmp_path: Path) -> None:
        source = tmp_path / "clip.part.mp4"
        source.write_text("")
        (tmp_path / "link.mp4").symlink_to(source)
        for name in ("clip.part.mp4", "clip.mp4", "link.mp4"):
            with pytest.raises(UsageError, match="source"):
                self.check(tmp_path / name, overwrite=True, source=source)

    def test_the_source_folder_is_never_overwritten(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="source"):
            self.check(tmp_path, overwrite=True, source=tmp_path)

    def test_a_place_that_cannot_be_written_to(self) -> None:
        if not Path("/proc/self").is_dir():
            pytest.skip("needs /proc")
        with pytest.raises(OutputError, match="cannot write"):
            self.check(Path("/proc/self/a.mp4"))

    def test_a_name_that_is_too_long(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="cannot write"):
            self.check(tmp_path / ("x" * 248 + ".mp4"))


def test_a_path_for_each_object() -> None:
    plans = resolve_outputs(["m_{object}", "{object}.mov", "all.mkv"], ["masks", "cutout", "alpha"], "a.mp4", (2, 11))
    assert [(plan.kind, str(plan.path), plan.object_id) for plan in plans] == [
        ("masks", "m_2", 2), ("masks", "m_11", 11), ("cutout", "2.mov", 2), ("cutout", "11.mov", 11),
        ("alpha", "all.mkv", None),
    ]  # fmt: skip


def test_what_cannot_be_looked_at_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for path in ("x" * 300, str(tmp_path / "loop")):
        with pytest.raises(OutputError, match="cannot write output"):
            resolve_outputs([path], [], "a.mp4")


def test_a_video_needs_a_name_that_is_text() -> None:
    with pytest.raises(UsageError, match=r"the name of output bad\?.mov is not UTF-8"):
        resolve_outputs(["bad\udcff.mov"], [], "a.mp4")
    assert resolve_outputs(["bad\udcff"], [], "a.mp4")[0].kind == "masks"


def test_objects_can_be_filled_in_later() -> None:
    (plan,) = resolve_outputs(["m_{object}.mov"], [], "a.mp4")
    assert plan.is_for_each_object
    (one,) = expand_objects([plan], [5])
    assert (str(one.path), one.object_id, one.is_for_each_object) == ("m_5.mov", 5, False)


def test_objects_that_meet_another_output_are_refused() -> None:
    with pytest.raises(UsageError, match="two outputs go to m_2"):
        resolve_outputs(["m_{object}", "m_2"], [], "a.mp4", (1, 2))


def test_objects_that_are_filled_in_later_must_not_meet_another_output_either() -> None:
    plans = resolve_outputs(["{object}.mov", "1.mov"], [], "a.mp4")
    with pytest.raises(UsageError, match=r"two outputs go to 1\.mov"):
        expand_objects(plans, (1, 2))
