"""Each format of stills, read back by other means than those that wrote it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from video_results import make_results

from vostool.types import FrameResult
from vostool.video.writing.output_kind import Kind
from vostool.video.writing.pictures import PictureStyle, combined_alpha, compose, only_object
from vostool.video.writing.stills import is_own_still, still_suffix, write_still

EXR = PictureStyle(still_suffix=".exr")


def make_result(is_deep: bool = False) -> FrameResult:
    (result,) = make_results(1)
    noise = np.random.default_rng(0).integers(0, 65536, result.frame.image.shape, dtype=np.uint16)
    return replace(result, frame=replace(result.frame, deep=noise)) if is_deep else result


def read_exr(path: Path) -> list[np.ndarray]:
    """HxW float32 each: G, B, R, A, or Y."""
    with av.open(str(path)) as container:
        frame = next(iter(container.decode(video=0)))
        planes = [np.frombuffer(plane, np.float32).reshape(frame.height, -1) for plane in frame.planes]
        return [plane[:, : frame.width].copy() for plane in planes]


@pytest.mark.parametrize("kind", ["alpha", "cutout"])
def test_a_deep_png_is_exact(kind: Kind, tmp_path: Path) -> None:
    result, path = make_result(is_deep=True), tmp_path / "a.png"
    write_still(kind, result, path, PictureStyle())
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    alpha = combined_alpha(result.alpha)
    is_shown = alpha > 0.5 / 255 if kind == "cutout" else np.ones_like(alpha, bool)
    assert pixels.dtype == np.uint16
    assert result.frame.deep is not None
    np.testing.assert_array_equal(pixels[..., 2::-1], result.frame.deep * is_shown[..., None])
    np.testing.assert_array_equal(pixels[..., 3], np.rint(alpha * is_shown * np.float32(65535)))
    assert is_own_still(path)


def test_other_files_are_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".png", np.zeros((4, 4, 4), np.uint16))[1].tobytes())
    assert not is_own_still(path)
    (tmp_path / "a.exr").write_bytes(b"v/1\x01 of another program")
    assert not is_own_still(tmp_path / "a.exr")
    assert not is_own_still(tmp_path / "none.exr")


@pytest.mark.parametrize("is_deep", [False, True])
def test_exr_holds_the_probabilities_themselves(is_deep: bool, tmp_path: Path) -> None:
    result, path = make_result(is_deep), tmp_path / "a.exr"
    write_still("alpha", result, path, EXR)
    green, blue, red, alpha = read_exr(path)
    np.testing.assert_array_equal(alpha, combined_alpha(result.alpha))
    source = (
        result.frame.image / np.float32(255) if result.frame.deep is None else result.frame.deep / np.float32(65535)
    )
    np.testing.assert_array_equal(np.dstack([red, green, blue]), source)
    assert is_own_still(path)


def test_an_exr_matte_is_one_channel(tmp_path: Path) -> None:
    result, path = make_result(), tmp_path / "a.exr"
    write_still("matte", result, path, EXR)
    (luma,) = read_exr(path)
    np.testing.assert_array_equal(luma, combined_alpha(result.alpha))
    assert b"Y\0\x02\0\0\0" in path.read_bytes()[:100]


def test_masks_are_png_in_any_style(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert still_suffix("masks", EXR) == ".png"
    assert still_suffix("matte", EXR) == ".exr"
    write_still("masks", make_result(), path, EXR)
    with Image.open(path) as image:
        assert image.mode == "P"


def test_binary_masks_of_one_object(tmp_path: Path) -> None:
    result, path = make_result(), tmp_path / "a.png"
    for object_id in (1, 7, 9):
        write_still("masks", result, path, PictureStyle(object_id=object_id, is_binary=True))
        with Image.open(path) as image:
            assert image.mode == "L"
            np.testing.assert_array_equal(np.asarray(image), (result.labels == object_id) * np.uint8(255))


def test_one_object_is_alone() -> None:
    result = replace(make_result(), confidence=np.array([0.5, 0.75], np.float32))
    for row, object_id in enumerate(result.object_ids):
        alone = only_object(result, object_id)
        assert alone.object_ids == (object_id,)
        assert set(np.unique(alone.labels)) == {0, object_id}
        assert alone.confidence is not None
        assert alone.confidence.tolist() == [[0.5], [0.75]][row]
        picture = compose("matte", result, PictureStyle(object_id=object_id))
        np.testing.assert_array_equal(picture.alpha, result.alpha[row])
    nobody = only_object(result, 200)
    assert nobody.alpha.shape == (0, *result.labels.shape)
    assert not combined_alpha(nobody.alpha).any()


@pytest.mark.parametrize("is_deep", [False, True])
@pytest.mark.parametrize("kind", ["alpha", "cutout"])
def test_premultiplied(kind: Kind, is_deep: bool) -> None:
    result = make_result(is_deep)
    straight, multiplied = (compose(kind, result, PictureStyle(premultiplied=flag)) for flag in (False, True))
    assert straight.colour is not None
    assert straight.alpha is not None
    assert multiplied.colour is not None
    assert multiplied.colour.dtype == straight.colour.dtype
    np.testing.assert_array_equal(multiplied.alpha, straight.alpha)
    np.testing.assert_array_equal(multiplied.colour, np.rint(straight.colour * straight.alpha[..., None]))
    assert (multiplied.colour != straight.colour).any()
    assert compose("matte", result, PictureStyle(premultiplied=True)).colour is None
