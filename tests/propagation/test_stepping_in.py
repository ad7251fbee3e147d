"""What a caller may ask of a Propagator between frames, exact annotations, and how sure a result is."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

import numpy as np
import pytest
import torch
from segmenter_cases import KnownSegmenter, make_member
from tiny_network import tiny_network

from vostool.propagation.aggregate import Prediction, aggregate
from vostool.propagation.augmentation import augment
from vostool.propagation.outcome import expected_overlap, without_objects
from vostool.propagation.preprocess import Canvas
from vostool.propagation.propagator import Propagator
from vostool.propagation.segmenter import FrameInput
from vostool.types import Annotation, Frame, FrameResult

SIZE = (40, 56)
PLACES = {4: (slice(4, 20), slice(6, 22)), 7: (slice(18, 34), slice(30, 46)), 9: (slice(2, 14), slice(36, 50))}


def make_frame(index: int, *, is_corrupt: bool = False) -> Frame:
    image = np.random.default_rng(0).integers(0, 60, (*SIZE, 3), dtype=np.uint8)
    for colour, place in zip(((230, 200, 40), (40, 90, 230), (60, 230, 60)), PLACES.values(), strict=True):
        image[place] = colour
    return Frame(index, index, Fraction(1, 25), image, is_corrupt=is_corrupt)


def annotate(index: int, *object_ids: int, is_exact: bool = False) -> Annotation:
    labels = np.zeros(SIZE, np.uint8)
    for object_id in object_ids:
        labels[PLACES[object_id]] = object_id
    return Annotation(index, labels, object_ids, is_exact=is_exact)


def make_propagator(canvas: Canvas | None = None, *, flip: bool = False) -> Propagator:
    network = tiny_network()
    return Propagator(augment(lambda: make_member(canvas or Canvas(), network), flip=flip), None)


def check_absent(result: FrameResult, *object_ids: int) -> None:
    for object_id in object_ids:
        row = result.object_ids.index(object_id)
        assert not result.alpha[row].any()
        assert result.confidence is not None
        assert result.confidence[row] == 0
    assert not np.isin(result.labels, object_ids).any()


@pytest.mark.parametrize("flip", [False, True])
def test_dropped_objects_stay_away_until_they_are_drawn_again(flip: bool) -> None:
    propagator = make_propagator(flip=flip)
    propagator.step(make_frame(0), annotate(0, 4, 7))
    propagator.drop([7, 200])
    for index in (1, 2):
        result = propagator.step(make_frame(index))
        assert result.object_ids == (4, 7)
        check_absent(result, 7)
        assert result.alpha[0].any()
    corrected = propagator.step(make_frame(3), annotate(3, 4, 9))
    assert corrected.object_ids == (4, 7, 9)
    check_absent(corrected, 7)
    check_absent(propagator.step(make_frame(4)), 7)
    drawn = propagator.step(make_frame(5), annotate(5, 7))
    np.testing.assert_array_equal(drawn.labels == 7, annotate(5, 7).labels == 7)
    assert propagator.step(make_frame(6)).alpha[1].any()


def test_what_repeats_a_frame_knows_who_was_dropped() -> None:
    propagator = make_propagator()
    propagator.step(make_frame(0), annotate(0, 4, 7))
    propagator.drop([4])
    result = propagator.step(make_frame(1, is_corrupt=True))
    assert result.is_repeated
    check_absent(result, 4)
    np.testing.assert_array_equal(result.labels, annotate(0, 7).labels)
    propagator.step(make_frame(2))
    propagator.drop([7])
    check_absent(propagator.step(make_frame(3, is_corrupt=True)), 4, 7)


def test_dropped_objects_take_nothing_from_others() -> None:
    """Of two objects that claim the same pixels the one that stays gets them as if it were alone."""
    prediction = Prediction(torch.tensor([[[0.9, 0.2]], [[0.8, 0.1]]]))
    left = aggregate(without_objects(prediction, [0]).objects)
    torch.testing.assert_close(left[2], aggregate(prediction.objects[1:])[1], atol=1e-6, rtol=0)
    assert without_objects(prediction, []) is prediction


class GreedySegmenter(KnownSegmenter):
    """Each object claims everything."""

    def predict(self, frame: FrameInput) -> Prediction:
        return Prediction(torch.full_like(self.masks[-1], 0.9))

    def release(self, objects: Collection[int]) -> None:
        self.released = tuple(objects)


def test_who_stays_gets_what_dropped_objects_claim() -> None:
    alone, both = GreedySegmenter(Canvas()), GreedySegmenter(Canvas())
    expected, propagator = Propagator(alone, None), Propagator(both, None)
    expected.step(make_frame(0), annotate(0, 7))
    propagator.step(make_frame(0), annotate(0, 4, 7))
    propagator.drop([4])
    assert both.released == (0,)
    found = propagator.step(make_frame(1)).alpha[1]
    np.testing.assert_allclose(found, expected.step(make_frame(1)).alpha[0], atol=1e-5)


def test_a_predicted_background_takes_what_dropped_objects_claimed() -> None:
    prediction = Prediction(torch.tensor([[[0.9, 0.2]], [[0.05, 0.1]]]), torch.tensor([[0.06, 0.9]]))
    background = without_objects(prediction, [0]).background
    assert background is not None
    torch.testing.assert_close(background, torch.tensor([[0.96, 1.0]]))


def test_all_may_be_dropped() -> None:
    propagator = make_propagator()
    propagator.step(make_frame(0), annotate(0, 4, 7))
    propagator.drop([4, 7])
    check_absent(propagator.step(make_frame(1)), 4, 7)


def test_a_pause_lasts_until_the_next_annotation() -> None:
    propagator = make_propagator()
    propagator.step(make_frame(0), annotate(0, 4, 7))
    propagator.step(make_frame(1))
    propagator.pause()
    for index in (2, 3):
        result = propagator.step(make_frame(index, is_corrupt=index == 3))
        assert result.object_ids == (4, 7)
        assert not result.is_repeated
        check_absent(result, 4, 7)
    resumed = propagator.step(make_frame(4), annotate(4, 4))
    np.testing.assert_array_equal(resumed.labels == 4, annotate(4, 4).labels == 4)
    assert propagator.step(make_frame(5)).alpha.any(axis=(1, 2)).all()


def test_the_network_rests_in_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = make_member(Canvas())
    propagator = Propagator(segmenter, None)
    propagator.step(make_frame(0), annotate(0, 4))
    propagator.pause()
    monkeypatch.setattr(segmenter, "predict", None)
    check_absent(propagator.step(make_frame(1)), 4)


def test_a_pause_before_the_first_annotation() -> None:
    propagator = make_propagator()
    propagator.pause()
    assert propagator.step(make_frame(0)).object_ids == ()
    assert propagator.step(make_frame(1), annotate(1, 4)).object_ids == (4,)


def test_after_a_cut_only_annotated_frames_are_known() -> None:
    """As if the clip had begun with the annotated frame and gone on with this one, nothing known of where it was."""
    cut, fresh = make_propagator(), make_propagator()
    for propagator in (cut, fresh):
        propagator.step(make_frame(0), annotate(0, 4, 7))
    for index in range(1, 6):
        cut.step(make_frame(index))
    for propagator in (cut, fresh):
        propagator.reset()
    found, expected = (each.step(make_frame(6)) for each in (cut, fresh))
    np.testing.assert_array_equal(found.alpha, expected.alpha)


def test_a_cut_changes_what_follows() -> None:
    cut, uncut = make_propagator(), make_propagator()
    for propagator in (cut, uncut):
        for index in range(5):
            propagator.step(make_frame(index), annotate(0, 4, 7) if index == 0 else None)
    cut.reset()
    assert np.abs(cut.step(make_frame(5)).alpha - uncut.step(make_frame(5)).alpha).max() > 1e-6


def test_exact_annotations_show_who_is_absent() -> None:
    propagator = make_propagator()
    propagator.step(make_frame(0), annotate(0, 4, 7))
    result = propagator.step(make_frame(1), annotate(1, 4, is_exact=True))
    assert result.object_ids == (4, 7)
    check_absent(result, 7)
    np.testing.assert_array_equal(result.labels, annotate(1, 4).labels)
    np.testing.assert_array_equal(result.alpha[0], result.labels == 4)


def test_absence_is_remembered() -> None:
    plain, exact = make_propagator(), make_propagator()
    for propagator, is_exact in ((plain, False), (exact, True)):
        propagator.step(make_frame(0), annotate(0, 4, 7))
        propagator.step(make_frame(1), annotate(1, 4, is_exact=is_exact))
    later = [propagator.step(make_frame(2)).alpha[1][PLACES[7]].mean() for propagator in (plain, exact)]
    assert later[1] < later[0]


def test_an_exact_annotation_without_objects() -> None:
    propagator = make_propagator()
    assert propagator.step(make_frame(0), annotate(0, is_exact=True)).object_ids == ()
    propagator.step(make_frame(1), annotate(1, 4))
    check_absent(propagator.step(make_frame(2), annotate(2, is_exact=True)), 4)
    assert np.isfinite(propagator.step(make_frame(3)).alpha).all()


def test_confidence_is_the_overlap_that_probabilities_lead_to_expect() -> None:
    probabilities = torch.tensor([[[0.1, 0.3, 0.6]], [[0.9, 0.7, 0.3]], [[0.0, 0.0, 0.1]]])
    torch.testing.assert_close(expected_overlap(probabilities), torch.tensor([1.6 / 2.3, 0.0]))


def test_confidence_of_frames() -> None:
    propagator = make_propagator()
    drawn = propagator.step(make_frame(0), annotate(0, 4, 7))
    predicted = propagator.step(make_frame(1))
    both = propagator.step(make_frame(2), annotate(2, 9))
    for result in (drawn, predicted, both):
        assert result.confidence is not None
        assert result.confidence.dtype == np.float32
        assert result.confidence.shape == (len(result.object_ids),)
    np.testing.assert_array_equal(drawn.confidence, [1, 1])
    for row, object_id in enumerate(predicted.object_ids):
        own = predicted.alpha[row][predicted.labels == object_id]
        assert predicted.confidence[row] == pytest.approx(own.mean() if own.size else 0.0, abs=1e-5)
    assert both.confidence[2] == 1
    assert 0 <= both.confidence[:2].min() <= both.confidence[:2].max() < 1
