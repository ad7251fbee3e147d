"""What is told about a mask, and masks written and read back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mask_pictures import draw_scene, save
from PIL import Image

from vostool.errors import MaskError, OutputError
from vostool.types import Annotation
from vostool.video.colour.palette import davis_palette
from vostool.video.masks.annotation import load_masks
from vostool.video.masks.convert import save_indexed_mask
from vostool.video.masks.report import describe, summary_line


def test_report_measures_each_object(tmp_path):
    labels = np.zeros((50, 80), np.uint8)
    labels[10:20, 5:25] = 4
    labels[49, 79] = 9
    annotation = load_masks(save_indexed_mask(tmp_path / "m.png", labels), (50, 80), frame_index=3)
    report = describe(annotation)
    assert (report.source, report.kind, report.width, report.height) == ("m.png", "indexed PNG", 80, 50)
    assert report.objects[0].box == (5, 10, 25, 20)
    assert report.objects[0].share == 200 / 4000
    assert report.objects[1].box == (79, 49, 80, 50)
    assert report.notes == ("object 9 has only 1 pixel",)
    record = json.loads(json.dumps(report.to_dict()))
    assert record["objects"][0] == {"object_id": 4, "num_pixels": 200, "share": 0.05, "box": [5, 10, 25, 20]}
    assert record["frame_index"] == 3


def test_summary_line_joins_the_notes():
    annotation = Annotation(0, np.ones((2, 3), np.uint8), (1,), ("first thing", "second thing"), "a.png", "indexed PNG")
    assert summary_line(annotation) == "a.png: indexed PNG, 3x2, 1 object (1); first thing; second thing"


def test_converting_keeps_the_ids(tmp_path):
    labels = np.asarray(draw_scene([1, 2, 250]))
    path = save_indexed_mask(tmp_path / "out.png", labels)
    with Image.open(path) as image:
        assert image.mode == "P"
        assert image.getpalette() == davis_palette().ravel().tolist()
    np.testing.assert_array_equal(load_masks(path, None).labels, labels)
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.png"]


def test_converting_overwrites_only_when_asked(tmp_path):
    path = save_indexed_mask(tmp_path / "out.png", np.ones((4, 4), np.uint8))
    with pytest.raises(OutputError, match="exists"):
        save_indexed_mask(path, np.zeros((4, 4), np.uint8))
    save_indexed_mask(path, np.full((4, 4), 2, np.uint8), overwrite=True)
    assert load_masks(path, None).object_ids == (2,)


def test_converting_into_a_missing_folder(tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        save_indexed_mask(tmp_path / "absent" / "out.png", np.ones((4, 4), np.uint8))


def _read_verbatim(path: Path) -> None:
    with Image.open(path) as image:
        wanted = np.asarray(image)
    if not wanted.any() or len(np.unique(wanted[wanted > 0])) > 64:
        return
    annotation = load_masks(path, None)
    np.testing.assert_array_equal(annotation.labels, wanted, err_msg=str(path))


def test_davis_masks_read_verbatim(shared_folder):
    for path in sorted((shared_folder / "data/davis2016-train/Annotations").rglob("*.png"))[::40]:
        _read_verbatim(path)


def test_grey_id_masks_read_verbatim(shared_folder):
    for path in sorted((shared_folder / "data/stills").glob("*/masks/*.png"))[::25]:
        _read_verbatim(path)


@pytest.mark.parametrize("suffix", ["webp", "jpg"])
def test_real_photographs_are_refused(shared_folder, tmp_path, suffix):
    for path in sorted((shared_folder / "data/stills").glob("*/images/*.webp"))[::400]:
        with Image.open(path) as image:
            copy = save(image.convert("RGB"), tmp_path, f"photo.{suffix}")
        with pytest.raises(MaskError):
            load_masks(copy, None)
