"""What each format says, read as the tools that know it read it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw
from synthetic_clips import pattern_image
from video_results import make_info, make_results

from vostool.datasets.exports.export import open_export
from vostool.datasets.exports.plan import ExportKind
from vostool.datasets.footage import find_footage
from vostool.datasets.layout import find_sequences, read_split
from vostool.pipelines.evaluate import evaluate
from vostool.types import Frame, FrameResult, VideoInfo
from vostool.video.colour.palette import davis_palette
from vostool.video.masks.run_length import decode_runs, unpack_runs

SIZE = (96, 128)
OBJECT_IDS = (1, 2, 3)


def labels_of(index: int) -> np.ndarray:
    """A ring, a moving disc and, on odd frames, an object of two parts."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    ring = np.hypot(rows - 30, columns - 34)
    labels = ((ring < 28) & (ring > 12)).astype(np.uint8)
    labels[np.hypot(rows - 65, columns - 90 - index) < 20] = 2
    if index % 2:
        labels[70:90, 10:30] = labels[70:84, 34:50] = 3
    return labels


def make_labelled(num_frames: int = 5, first: int = 0) -> list[FrameResult]:
    results = []
    for index in range(first, first + num_frames):
        labels = labels_of(index)
        alpha = np.stack([labels == found for found in OBJECT_IDS]).astype(np.float32)
        frame = Frame(index, 512 * index, Fraction(1, 12800), pattern_image(index, *SIZE))
        confidence = alpha.any(axis=(1, 2)) * np.float32(0.9)
        results.append(FrameResult(frame, labels, alpha, OBJECT_IDS, confidence=confidence))
    return results


def export(
    kind: ExportKind, path: Path, results: Iterable[FrameResult], info: VideoInfo | None = None
) -> tuple[str, ...]:
    """The warnings of a whole export of a clip named bear."""
    info = info or make_info(Path("bear.mp4"), SIZE)
    with open_export(kind, path, info, OBJECT_IDS, source=info.path) as sink:
        for result in results:
            sink.write(result)
        sink.finish()
    return tuple(sink.warnings)


def iou(first: np.ndarray, second: np.ndarray) -> float:
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 1.0


def folder_info(folder: Path, names: tuple[str, ...]) -> VideoInfo:
    """Of a folder of pictures, which is made."""
    folder.mkdir()
    for name in names:
        Image.fromarray(pattern_image(0, *SIZE)).save(folder / name)
    stems = tuple(Path(name).stem for name in names)
    return make_info(folder, SIZE, is_image_folder=True, frame_names=stems)


def test_coco_keeps_masks_exactly(tmp_path: Path) -> None:
    results = make_labelled()
    assert export("coco", tmp_path / "set.json", results) == ()
    data = json.loads((tmp_path / "set.json").read_text())
    assert data["categories"] == [
        {"id": found, "name": f"object {found}", "supercategory": "object"} for found in OBJECT_IDS
    ]
    assert [image["id"] for image in data["images"]] == [1, 2, 3, 4, 5]
    assert [image["file_name"] for image in data["images"]][:2] == ["00000.jpg", "00001.jpg"]
    assert {(image["height"], image["width"], image["time_base"]) for image in data["images"]} == {(*SIZE, "1/12800")}
    assert [image["pts"] for image in data["images"]] == [result.frame.pts for result in results]
    assert [record["id"] for record in data["annotations"]] == list(range(1, 13)), "2 objects and 3 in turn"
    for record in data["annotations"]:
        mask = decode_runs(unpack_runs(record["segmentation"]["counts"]), tuple(record["segmentation"]["size"]))
        assert np.array_equal(mask, labels_of(record["image_id"] - 1) == record["category_id"])
        left, top, width, height = record["bbox"]
        assert mask[top : top + height, left : left + width].sum() == mask.sum() == record["area"]
        assert mask[top].any()
        assert mask[:, left + width - 1].any()
        assert (record["iscrowd"], record["track_id"], record["score"]) == (0, record["category_id"], 0.9)


def test_coco_names_the_pictures_of_a_folder(tmp_path: Path) -> None:
    info = folder_info(tmp_path / "bear", ("a.png", "b.jpg"))
    export("coco", tmp_path / "set.json", make_labelled(2), info)
    data = json.loads((tmp_path / "set.json").read_text())
    assert [image["file_name"] for image in data["images"]] == ["a.png", "b.jpg"]
    assert data["videos"] == [{"id": 1, "name": "bear", "width": 128, "height": 96}]


def read_yolo(path: Path) -> dict[int, np.ndarray]:
    """Masks by class, as Ultralytics makes them: shares times size, cut down to whole pixels, filled by OpenCV."""
    masks = {}
    for line in path.read_text().splitlines():
        number, *shares = line.split()
        points = np.array(shares, np.float32).reshape(-1, 2) * np.array(SIZE[::-1], np.float32)
        canvas = np.zeros(SIZE, np.uint8)
        cv2.fillPoly(canvas, [points.astype(np.int32)], 1)
        assert int(number) not in masks, "an object has one line"
        masks[int(number)] = canvas.view(bool)
    return masks


def test_yolo_polygons_fit(tmp_path: Path) -> None:
    results = make_labelled()
    assert export("yolo", tmp_path / "set", results) == ()
    text = (tmp_path / "set" / "data.yaml").read_text()
    assert text.endswith(
        'train: images/train\nval: images/train\nnames:\n  0: "object 1"\n  1: "object 2"\n  2: "object 3"\n'
    )
    for result in results:
        stem = f"bear_{result.frame.index:05d}"
        masks = read_yolo(tmp_path / "set" / "labels" / "train" / f"{stem}.txt")
        assert len(masks) == 2 + result.frame.index % 2
        for number, mask in masks.items():
            assert iou(mask, result.labels == number + 1) >= 0.97
        with Image.open(tmp_path / "set" / "images" / "train" / f"{stem}.jpg") as image:
            assert image.size == SIZE[::-1]


def test_yolo_frames_without_objects_have_empty_labels(tmp_path: Path) -> None:
    empty = [replace(result, labels=np.zeros(SIZE, np.uint8)) for result in make_labelled(2)]
    export("yolo", tmp_path / "set", empty)
    assert (tmp_path / "set" / "labels" / "train" / "bear_00001.txt").read_text() == ""


def test_yolo_classes_keep_their_numbers_over_clips(tmp_path: Path) -> None:
    export("yolo", tmp_path / "set", make_labelled(2))
    info = make_info(Path("dog.mp4"))
    with open_export("yolo", tmp_path / "set", info, (1, 7)) as sink:
        for result in make_results(2):
            sink.write(result)
        sink.finish()
    names = (tmp_path / "set" / "data.yaml").read_text().split("names:\n")[1]
    assert names == '  0: "object 1"\n  1: "object 2"\n  2: "object 3"\n  3: "object 7"\n'
    lines = (tmp_path / "set" / "labels" / "train" / "dog_00000.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["0", "3"]


def test_polygons_that_do_not_fit_are_told(tmp_path: Path) -> None:
    labels = np.zeros(SIZE, np.uint8)
    labels[8:90:16, 8:120:16] = 1
    scattered = [replace(result, labels=labels) for result in make_labelled(2)]
    (line,) = export("yolo", tmp_path / "set", scattered)
    assert "2 of 2 masks do not fit into polygons" in line
    assert export("labelme", tmp_path / "other", scattered) == (), "its parts are polygons of their own"


def test_labelme_polygons_fit(tmp_path: Path) -> None:
    results = make_labelled()
    assert export("labelme", tmp_path / "set", results) == ()
    for result in results:
        page = json.loads((tmp_path / "set" / f"{result.frame.index:05d}.json").read_text())
        assert (page["imageHeight"], page["imageWidth"], page["imageData"], page["flags"]) == (*SIZE, None, {})
        assert (tmp_path / "set" / page["imagePath"]).is_file()
        masks = {found: Image.new("1", SIZE[::-1]) for found in OBJECT_IDS}
        for shape in page["shapes"]:
            assert shape["shape_type"] == "polygon"
            assert shape["label"] == f"object {shape['group_id']}"
            points = [tuple(point) for point in shape["points"]]
            ImageDraw.Draw(masks[shape["group_id"]]).polygon(xy=points, outline=1, fill=1)
        assert len(page["shapes"]) == 2 + 2 * (result.frame.index % 2)
        for found, image in masks.items():
            assert iou(np.asarray(image), result.labels == found) >= 0.97


@pytest.mark.parametrize(("kind", "folder", "prefix"), [("labelme", "", ""), ("yolo", "images/train", "bear_")])
def test_pictures_of_a_folder_keep_their_names(kind: ExportKind, folder: str, prefix: str, tmp_path: Path) -> None:
    info = folder_info(tmp_path / "bear", ("x 1.png", "x 2.png"))
    export(kind, tmp_path / "set", make_labelled(2), info)
    found = sorted(path.name for path in (tmp_path / "set" / folder).glob("*.jpg"))
    assert found == [f"{prefix}x 1.jpg", f"{prefix}x 2.jpg"]


def test_davis_is_read_by_our_own_tools(tmp_path: Path) -> None:
    root = tmp_path / "set"
    results = make_labelled(first=1)
    assert export("davis", root, results) == ()
    assert read_split(root, "val", 2017) == ("bear",)
    (sequence,) = find_sequences(root, read_split(root, "val", 2017))
    assert [path.name for path in sequence.frame_files] == [f"{index:05d}.jpg" for index in range(1, 6)]
    for result, file in zip(results, sequence.mask_files, strict=True):
        with Image.open(file) as image:
            assert image.mode == "P"
            assert image.getpalette() == davis_palette().ravel().tolist()
            assert np.array_equal(np.asarray(image), result.labels)
    (clip,) = find_footage(root).clips
    assert (clip.name, clip.num_objects, clip.size, sorted(clip.masks)) == ("bear", 3, SIZE, [0, 1, 2, 3, 4])
    scores = evaluate(root / "Annotations" / "480p", root, sequences=read_split(root, "val", 2017))
    assert [(found.region.mean, found.boundary.mean) for found in scores.objects] == [(1.0, 1.0)] * 3


def test_davis_says_which_objects_come_late(tmp_path: Path) -> None:
    root = tmp_path / "set"
    (line,) = export("davis", root, make_labelled())
    assert "objects 3 come in after the first frame" in line
    scores = evaluate(root / "Annotations" / "480p", root, protocol="youtube")
    assert [found.region.mean for found in scores.objects] == [1.0, 1.0, 1.0]
    with open_export("davis", tmp_path / "other", make_info(Path("bear.mp4"), SIZE), OBJECT_IDS) as sink:
        for result in make_labelled(2):
            sink.write(result)
        state = sink.checkpoint()
    with open_export("davis", tmp_path / "other", make_info(Path("bear.mp4"), SIZE), OBJECT_IDS, resume=state) as sink:
        sink.finish()
    assert len(sink.warnings) == 1


def test_davis_frames_are_those_of_the_clip(tmp_path: Path) -> None:
    results = make_labelled(3, first=40)
    info = folder_info(tmp_path / "my bear", ("x.png", "y.png"))
    export("davis", tmp_path / "set", results, info)
    folder = tmp_path / "set" / "JPEGImages" / "480p" / "my_bear"
    assert sorted(path.name for path in folder.iterdir()) == ["00040.jpg", "00041.jpg", "00042.jpg"]
    with Image.open(folder / "00041.jpg") as image:
        error = np.abs(np.asarray(image).astype(int) - results[1].frame.image)
    assert error.mean() < 5


def test_davis_says_that_numbers_have_gaps(tmp_path: Path) -> None:
    sink = open_export("davis", tmp_path / "set", make_info(tmp_path / "bear.mp4"), (1, 7))
    assert "objects 1, 7 keep their numbers" in sink.warnings[0]
