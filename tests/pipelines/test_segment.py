"""The main job on tiny clips: every output of one run, its report, what is refused, and stopping in the middle."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from synthetic_clips import make_clip
from tiny_network import save_tiny_weights

from vostool.errors import Interrupted, MaskError, MemoryExhausted, OutputError, UsageError, VideoError
from vostool.pipelines import segment as segment_module
from vostool.pipelines.masks import MaskSource
from vostool.pipelines.report import FrameProgress, Listeners
from vostool.pipelines.segment import segment_video
from vostool.pipelines.segment_options import SegmentOptions
from vostool.propagation.propagator import Propagator

SIZE = (48, 64)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "lite.safetensors")


def save_mask(path: Path, size: tuple[int, int] = SIZE, *object_ids: int) -> Path:
    labels = np.zeros(size, np.uint8)
    for place, object_id in enumerate(object_ids or (1,)):
        labels[8:20, 4 + 20 * place : 18 + 20 * place] = object_id
    image = Image.fromarray(labels, mode="P")
    image.putpalette([value for index in range(256) for value in (index, 255 - index, index // 2)])
    image.save(path)
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", num_frames=7, has_audio=True)


@pytest.fixture
def options(tmp_path: Path, clip: Path, weights: Path) -> SegmentOptions:
    mask = save_mask(tmp_path / "first.png", SIZE, 2, 5)
    outputs = (str(tmp_path / "masks"),)
    return SegmentOptions(clip, MaskSource(mask), outputs=outputs, weights=weights, device="cpu")


def changed(options: SegmentOptions, **values: object) -> SegmentOptions:
    return SegmentOptions(**{**{name: getattr(options, name) for name in options.__dataclass_fields__}, **values})  # type: ignore[arg-type]


def read_pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def count_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_all_outputs_of_one_run(options: SegmentOptions, tmp_path: Path) -> None:
    names = ("masks", "overlay.mp4", "alpha.mov", "alpha.webm", "alpha.mkv")
    options = changed(options, outputs=tuple(str(tmp_path / name) for name in names))
    report = segment_video(options)
    assert report.frames_in == report.frames_out == 7
    assert [output["kind"] for output in report.outputs] == ["masks", "overlay", "alpha", "alpha", "alpha"]
    masks = sorted((tmp_path / "masks").iterdir())
    assert [path.name for path in masks] == [f"{index:05d}.png" for index in range(7)]
    np.testing.assert_array_equal(read_pixels(masks[0]), read_pixels(tmp_path / "first.png"))
    for name in names[1:]:
        assert count_frames(tmp_path / name) == 7
    with av.open(str(tmp_path / "overlay.mp4")) as overlay:
        assert len(overlay.streams.audio) == 1
    assert not list(tmp_path.glob("*.part*"))


def test_report_tells_what_was_done(options: SegmentOptions) -> None:
    seen: list[FrameProgress] = []
    report = segment_video(options, on_frame=seen.append)
    assert [progress.num_done for progress in seen] == list(range(1, 8))
    assert seen[-1].num_frames == 7
    record = report.to_dict()
    assert next(iter(record)) == "schema"
    assert record["source_size"] == record["network_size"] == SIZE
    assert [entry["object_id"] for entry in record["objects"]] == [2, 5]
    assert record["objects"][0]["first_frame"] == 0
    assert len(record["weights_sha256"]) == 64
    assert record["memory_bank_bytes"] > 0


def test_network_sees_a_smaller_picture_but_outputs_keep_their_size(options: SegmentOptions, tmp_path: Path) -> None:
    report = segment_video(changed(options, size=32))
    assert report.network_size == (32, 43)
    assert read_pixels(tmp_path / "masks" / "00006.png").shape == SIZE


def test_folder_of_images_keeps_its_names(tmp_path: Path, options: SegmentOptions) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for name in ("shot2", "shot10", "shot1"):
        Image.new("RGB", (64, 48), (90, 40, 20)).save(folder / f"{name}.jpg")
    report = segment_video(changed(options, source=folder))
    assert report.frames_out == 3
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["shot1.png", "shot10.png", "shot2.png"]


def test_one_picture_per_object(tmp_path: Path, options: SegmentOptions) -> None:
    for name, left in (("a", 4), ("b", 40)):
        picture = np.zeros(SIZE, np.uint8)
        picture[5:20, left : left + 15] = 255
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    objects = (f"3={tmp_path / 'a.png'}", f"9={tmp_path / 'b.png'}")
    report = segment_video(changed(options, masks=MaskSource(objects=objects)))
    assert [entry.object_id for entry in report.objects] == [3, 9]


def test_mistakes_are_told_before_the_network_is_loaded(
    options: SegmentOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("the network was loaded")

    monkeypatch.setattr(segment_module, "build_segmenter", refuse)
    wrong_size = save_mask(tmp_path / "wrong.png", (30, 64))
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "00000.png").touch()
    cases: list[tuple[type[Exception], dict[str, object]]] = [
        (UsageError, {"masks": MaskSource()}),
        (UsageError, {"masks": MaskSource(tmp_path / "first.png", objects=("1=a.png",))}),
        (MaskError, {"masks": MaskSource(wrong_size)}),
        (MaskError, {"masks": MaskSource(tmp_path / "none.png")}),
        (VideoError, {"source": tmp_path / "none.mp4"}),
        (OutputError, {"outputs": (str(tmp_path / "taken"),)}),
        (OutputError, {"outputs": (str(tmp_path / "nowhere" / "masks"),)}),
        (UsageError, {"outputs": (str(tmp_path / "x.mp4"),), "emits": ("alpha",)}),
    ]
    for error, values in cases:
        with pytest.raises(error):
            segment_video(changed(options, **values))


def test_mask_of_another_size_names_both(options: SegmentOptions, tmp_path: Path) -> None:
    mask = save_mask(tmp_path / "wrong.png", (30, 64))
    with pytest.raises(MaskError, match=r"64x30.*64x48"):
        segment_video(changed(options, masks=MaskSource(mask)))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_leaves_a_readable_part(options: SegmentOptions, tmp_path: Path, number: signal.Signals) -> None:
    def interrupt(progress: FrameProgress) -> None:
        if progress.num_done == 3:
            os.kill(os.getpid(), number)

    options = changed(options, outputs=(str(tmp_path / "alpha.mov"), str(tmp_path / "masks")))
    with pytest.raises(Interrupted) as caught:
        segment_video(options, listeners=Listeners(on_frame=interrupt))
    assert caught.value.exit_code == 128 + number
    assert "after 3 frames" in str(caught.value)
    assert not (tmp_path / "alpha.mov").exists()
    assert count_frames(tmp_path / "alpha.part.mov") == 3
    assert len(list((tmp_path / "masks.part").glob("*.png"))) == 3


def test_handlers_are_put_back(options: SegmentOptions) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    segment_video(options)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_short_file_finishes_and_warns(options: SegmentOptions, tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mp4", num_frames=40, container_options={"movflags": "faststart"})
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    report = segment_video(changed(options, source=broken))
    assert report.is_short
    assert 0 < report.frames_out < 40
    assert any("ends early" in text for text in report.warnings)
    assert len(list((tmp_path / "masks").iterdir())) == report.frames_out


def test_running_out_of_memory_is_one_line(options: SegmentOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhaust(*arguments: object, **named: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: 9 bytes")

    monkeypatch.setattr(Propagator, "step", exhaust)
    with pytest.raises(MemoryExhausted) as caught:
        segment_video(changed(options, fallback=False))
    assert caught.value.exit_code == 5
    assert "--size" in str(caught.value)


def test_other_faults_are_not_called_memory(options: SegmentOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(Propagator, "step", fail)
    with pytest.raises(RuntimeError, match="shapes differ"):
        segment_video(options)
