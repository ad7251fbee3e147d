"""Propagation from a reference frame: whole clips of the published code, and what is remembered of which frame."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from golden_fill import fill_network
from torch import Tensor

from vostool.models.rgmp import ChannelLogits, GuidedPyramid, RgmpNetwork
from vostool.propagation.aggregate import Prediction
from vostool.propagation.preprocess import Canvas
from vostool.propagation.propagator import propagate
from vostool.propagation.reference import DEFAULT_SCALES, ReferenceSegmenter, resize, scaled_length
from vostool.propagation.segmenter import FrameInput
from vostool.types import Annotation, Frame

CANVAS = Canvas(stride=32, fill="black", always_pads=True)
CPU = torch.device("cpu")
SIZE = (64, 64)


class BrightnessNetwork:
    """An object has the logits of its guidance plus the mean of its reference, so that each can be told."""

    def __init__(self) -> None:
        self.encoded: list[tuple[int, tuple[int, int]]] = []

    def encode(self, image: Tensor, masks: Tensor, image_of_object: Tensor) -> GuidedPyramid:
        self.encoded.append((len(masks), (masks.shape[-2], masks.shape[-1])))
        planes = image[image_of_object].mean(dim=(1, 2, 3))[:, None, None, None] * torch.ones(1, 2048, 1, 1)
        return GuidedPyramid(planes + 10.0 * masks.mean(dim=(1, 2))[:, None, None, None], masks, masks, masks)

    def decode(self, features: GuidedPyramid, reference_s32: Tensor) -> ChannelLogits:
        logits = torch.logit(features.s4, eps=1e-3) + reference_s32[:, :1, :, 0]
        full = torch.stack([torch.zeros_like(logits), logits], dim=1)
        return ChannelLogits(full, (full, full, full, full))


def brightness(scales: tuple[float, ...] = (1.0,)) -> tuple[ReferenceSegmenter, BrightnessNetwork]:
    network = BrightnessNetwork()
    return ReferenceSegmenter(network, CANVAS, CPU, scales=scales), network


def square(top: int, left: int, side: int = 16) -> Tensor:
    mask = torch.zeros(SIZE)
    mask[top : top + side, left : left + side] = 1.0
    return mask


def picture(index: int, masks: Tensor | None = None, *, level: float = 0.0) -> FrameInput:
    generator = torch.Generator().manual_seed(index)
    return FrameInput(index, 0.5 * torch.rand(1, 3, *SIZE, generator=generator) + level, masks)


@pytest.fixture(scope="module")
def network() -> RgmpNetwork:
    network = RgmpNetwork().eval().requires_grad_(False)
    fill_network(network, 0)
    return network


def with_corners(network: RgmpNetwork, align_corners: bool) -> RgmpNetwork:
    """A network of the same weights, not copied."""
    with torch.device("meta"):
        twin = RgmpNetwork(align_corners)
    twin.load_state_dict(network.state_dict(), assign=True)
    return twin.eval()


FIRST, SECOND, THIRD = square(4, 4), square(30, 30), square(4, 40, 8)


@pytest.mark.parametrize("align_corners", [True, False])
def test_a_clip_of_the_published_code(align_corners: bool, network: RgmpNetwork, shared_folder: Path) -> None:
    """Once as under PyTorch 0.3.1, which the published numbers come from, and once as from 0.4 on."""
    path = shared_folder / "golden" / "golden_rgmp.npz"
    if not path.is_file():
        pytest.skip("the shared folder has no golden/golden_rgmp.npz")
    with np.load(path) as golden:
        frames, labels, meta = golden["frames"], golden["first_mask"], json.loads(str(golden["meta"]))
        expected, raw = (golden[f"{name}_ac{int(align_corners)}"] for name in ("probs", "raw_probs_t1"))
    segmenter = ReferenceSegmenter(with_corners(network, align_corners), CANVAS, CPU, scales=meta["scales"])
    predictions = record_predictions(segmenter)
    clip = [Frame(index, index, Fraction(1, 25), image) for index, image in enumerate(frames)]
    results = list(propagate(segmenter, clip, {0: Annotation(0, labels, (1, 2))}, short_side=None))
    alphas = np.stack([result.alpha for result in results])
    np.testing.assert_allclose(alphas, expected[:, 1:], rtol=0, atol=1e-4)
    background = predictions[0].background
    assert background is not None
    first = torch.cat([1.0 - background[None], predictions[0].objects])
    torch.testing.assert_close(first, torch.from_numpy(raw), rtol=0, atol=1e-4)


def record_predictions(segmenter: ReferenceSegmenter) -> list[Prediction]:
    """What is predicted from now on, before aggregation."""
    predictions: list[Prediction] = []
    predict = segmenter.predict

    def recording(frame: FrameInput) -> Prediction:
        predictions.append(predict(frame))
        return predictions[-1]

    segmenter.predict = recording  # type: ignore[method-assign]
    return predictions


@pytest.mark.parametrize("size", [(32, 64), (64, 96), (96, 160)])
def test_resizing_is_opencvs(size: tuple[int, int]) -> None:
    """RGMP:utils.py resizes frames and soft masks with cv2.INTER_LINEAR."""
    planes = torch.rand(1, 3, 64, 128, generator=torch.Generator().manual_seed(0))
    expected = cv2.resize(planes[0].permute(1, 2, 0).numpy(), size[::-1], interpolation=cv2.INTER_LINEAR)
    torch.testing.assert_close(resize(planes, size)[0].permute(1, 2, 0), torch.from_numpy(expected), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("length", "scale", "expected"), [(512, 0.5, 288), (864, 0.5, 448), (864, 0.75, 672), (512, 0.75, 416)]
)
def test_scaled_sides_grow_to_the_next_multiple(length: int, scale: float, expected: int) -> None:
    assert scaled_length(length, scale, 32) == expected


def test_one_object_is_not_aggregated(network: RgmpNetwork) -> None:
    segmenter = ReferenceSegmenter(network, CANVAS, CPU)
    masks = FIRST[None]
    segmenter.start(picture(0), masks)
    prediction = segmenter.predict(picture(1, masks))
    assert prediction.background is not None
    torch.testing.assert_close(prediction.background, 1.0 - prediction.objects[0], rtol=0, atol=0)
    expected = torch.cat([1.0 - prediction.objects, prediction.objects])
    torch.testing.assert_close(segmenter.aggregate(prediction), expected, rtol=0, atol=0)


def test_objects_do_not_see_each_other_before_aggregation(network: RgmpNetwork) -> None:
    """Alone, beside another, and as one with it: the background is what the merged foreground leaves."""
    segmenter = ReferenceSegmenter(network, CANVAS, CPU, scales=(0.25, 1.0))
    of_each = []
    for masks in (torch.stack([FIRST, SECOND]), FIRST[None], SECOND[None], (FIRST + SECOND)[None]):
        segmenter.start(picture(0), masks)
        of_each.append(segmenter.predict(picture(1, masks)))
    both, first, second, merged = of_each
    torch.testing.assert_close(both.objects, torch.cat([first.objects, second.objects]), rtol=0, atol=1e-4)
    assert both.background is not None
    torch.testing.assert_close(both.background, 1.0 - merged.objects[0], rtol=0, atol=1e-4)
    probabilities = segmenter.aggregate(both)
    torch.testing.assert_close(probabilities.sum(dim=0), torch.ones(SIZE))


def test_half_precision_gives_nearly_the_same(network: RgmpNetwork) -> None:
    masks = torch.stack([FIRST, SECOND])
    objects = []
    for precision in (torch.float32, torch.bfloat16):
        segmenter = ReferenceSegmenter(network, CANVAS, CPU, precision, (0.5,))
        segmenter.start(picture(0), masks)
        objects.append(segmenter.predict(picture(1, masks)).objects)
    assert objects[1].dtype == torch.float32
    torch.testing.assert_close(objects[1], objects[0], rtol=0, atol=0.1)


def test_prediction_is_the_mean_over_scales(network: RgmpNetwork) -> None:
    masks = torch.stack([FIRST, SECOND])
    predictions = []
    for scales in ((0.25, 1.0), (0.25,), (1.0,)):
        segmenter = ReferenceSegmenter(network, CANVAS, CPU, scales=scales)
        segmenter.start(picture(0), masks)
        predictions.append(segmenter.predict(picture(1, masks)))
    torch.testing.assert_close(predictions[0].objects, Prediction.mean(predictions[1:]).objects, rtol=0, atol=1e-6)
    assert (predictions[1].objects - predictions[2].objects).abs().max() > 1e-3


def test_reference_is_encoded_once_per_scale() -> None:
    segmenter, network = brightness((0.25, 1.0, 1.5))
    masks = torch.stack([FIRST, SECOND])
    segmenter.start(picture(0), masks)
    assert network.encoded == [(3, (32, 32)), (3, (64, 64)), (3, (128, 128))]
    for index in (1, 2):
        segmenter.predict(picture(index, masks))
    assert network.encoded == 3 * network.encoded[:3]


def test_the_published_scales_are_the_default() -> None:
    segmenter = ReferenceSegmenter(BrightnessNetwork(), CANVAS, CPU)
    assert segmenter.scales == DEFAULT_SCALES == (0.5, 0.75, 1.0)


def test_many_objects_go_through_in_groups() -> None:
    segmenter, network = brightness()
    masks = torch.zeros(9, *SIZE)
    for index in range(9):
        masks[index, 7 * index : 7 * index + 7, : 6 * index + 6] = 1.0
    segmenter.start(picture(0), masks)
    prediction = segmenter.predict(picture(1, masks))
    assert [count for count, _ in network.encoded] == [4, 4, 2, 4, 4, 2]
    alone = []
    for mask in masks:
        segmenter.start(picture(0), mask[None])
        alone.append(segmenter.predict(picture(1, mask[None])).objects)
    torch.testing.assert_close(prediction.objects, torch.cat(alone))


def test_late_object_has_that_frame_as_its_reference() -> None:
    """The first object's reference is the dark frame still; the second's and that of all together the bright one."""
    segmenter, _ = brightness()
    segmenter.start(picture(0), FIRST[None])
    segmenter.predict(picture(1, FIRST[None], level=0.5))
    both = torch.stack([FIRST, SECOND])
    segmenter.add(picture(1, level=0.5), both)
    found = segmenter.predict(picture(2, both))
    for level, masks, probabilities in (
        (0.0, FIRST, found.objects[:1]),
        (0.5, SECOND, found.objects[1:]),
        (0.5, FIRST + SECOND, 1.0 - found.background[None] if found.background is not None else None),
    ):
        alone, _ = brightness()
        alone.start(picture(int(level > 0), level=level), masks[None])
        torch.testing.assert_close(probabilities, alone.predict(picture(2, masks[None])).objects)


def test_third_object_keeps_the_references_of_two() -> None:
    segmenter, _ = brightness()
    two, three = torch.stack([FIRST, SECOND]), torch.stack([FIRST, SECOND, THIRD])
    segmenter.start(picture(0), two)
    before = segmenter.predict(picture(2, two)).objects
    segmenter.add(picture(1, level=0.5), three)
    after = segmenter.predict(picture(2, three)).objects
    assert after.shape == (3, *SIZE)
    torch.testing.assert_close(after[:2], before)


def test_correction_of_known_objects_changes_no_reference() -> None:
    segmenter, _ = brightness()
    masks = torch.stack([FIRST, SECOND])
    segmenter.start(picture(0), masks)
    before = segmenter.predict(picture(1, masks))
    segmenter.add(picture(1, level=0.5), torch.stack([THIRD, SECOND]))
    after = segmenter.predict(picture(1, masks))
    torch.testing.assert_close(after.objects, before.objects, rtol=0, atol=0)


def test_start_forgets_the_last_clip() -> None:
    segmenter, _ = brightness(DEFAULT_SCALES)
    segmenter.start(picture(0), torch.stack([FIRST, SECOND]))
    assert segmenter.num_memory_bytes > 0
    segmenter.start(picture(1, level=0.5), THIRD[None])
    fresh, _ = brightness(DEFAULT_SCALES)
    fresh.start(picture(1, level=0.5), THIRD[None])
    frame = picture(2, THIRD[None])
    torch.testing.assert_close(segmenter.predict(frame).objects, fresh.predict(frame).objects, rtol=0, atol=0)
    assert segmenter.num_memory_bytes == fresh.num_memory_bytes


def test_memory_is_the_references_and_does_not_grow(network: RgmpNetwork) -> None:
    """Two objects and all together, 2048 float32 channels at stride 32 of two scales."""
    segmenter = ReferenceSegmenter(network, CANVAS, CPU, scales=(0.5, 1.0))
    masks = torch.stack([FIRST, SECOND])
    segmenter.start(picture(0), masks)
    expected = 2 * 3 * 2048 * 4 * 4
    assert segmenter.num_memory_bytes == expected
    probabilities = segmenter.aggregate(segmenter.predict(picture(1, masks)))
    segmenter.commit(picture(1, masks), probabilities)
    assert segmenter.num_memory_bytes == expected


def test_commit_and_add_need_nothing_of_the_prediction() -> None:
    """Averages of several segmenters commit a mask that none of them predicted."""
    segmenter, _ = brightness()
    masks = torch.stack([FIRST, SECOND])
    segmenter.start(picture(0), masks)
    probabilities = segmenter.aggregate(Prediction(masks, 1.0 - masks.sum(dim=0)))
    segmenter.commit(picture(1, masks), probabilities)
    found = segmenter.predict(picture(2, probabilities[1:]))
    again = segmenter.predict(picture(2, probabilities[1:]))
    torch.testing.assert_close(found.objects, again.objects, rtol=0, atol=0)
