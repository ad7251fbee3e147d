"""Masks of several frames through the whole job: corrections, new objects, exact masks, objects that are dropped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from segment_jobs import (
    FIRST_BOXES,
    draw,
    make_job,
    read_masks,
    read_pixels,
    same_masks,
    save_mask,
)

from vostool.errors import MaskError, UsageError, VostoolError
from vostool.pipelines.masks import MaskSource
from vostool.pipelines.segment import segment_video
from vostool.pipelines.segment_options import SegmentOptions

FIX_BOXES = {1: (28, 8), 2: (4, 40)}


@pytest.fixture
def job(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> SegmentOptions:
    monkeypatch.setenv("VOSTOOL_STATES", str(tmp_path / "states"))
    return make_job(tmp_path, weights)


def with_masks(job: SegmentOptions, *texts: str, **values: object) -> SegmentOptions:
    return replace(job, masks=replace(job.masks, masks=texts), **values)  # type: ignore[arg-type]


def test_the_network_of_these_tests_is_alive(job: SegmentOptions, tmp_path: Path) -> None:
    """What the other tests compare would be the same by chance if all masks were empty, full or at rest."""
    segment_video(job)
    masks = read_masks(tmp_path / "masks")
    for object_id in FIRST_BOXES:
        areas = [np.count_nonzero(masks[index] == object_id) for index in range(1, 12)]
        assert min(areas) > 0
        assert len(set(areas)) > 5
    assert all(np.count_nonzero(labels == 0) for labels in masks.values())


def test_every_mask_comes_out_as_it_was_drawn_and_helps_afterwards(job: SegmentOptions, tmp_path: Path) -> None:
    segment_video(job)
    plain = read_masks(tmp_path / "masks")
    fix = save_mask(tmp_path / "fix.png", FIX_BOXES)
    timed = save_mask(tmp_path / "timed.png", {1: (2, 2), 2: (30, 44)})
    # 25 frames a second: 0.36 s is frame 9.
    segment_video(with_masks(job, f"5={fix}", f"00:00:00.36={timed}", overwrite=True))
    corrected = read_masks(tmp_path / "masks")
    np.testing.assert_array_equal(corrected[0], draw(FIRST_BOXES))
    np.testing.assert_array_equal(corrected[5], read_pixels(fix))
    np.testing.assert_array_equal(corrected[9], read_pixels(timed))
    for index in range(5):
        np.testing.assert_array_equal(corrected[index], plain[index])
    for index in (6, 7, 8, 10, 11):
        assert not np.array_equal(corrected[index], plain[index])


def test_a_folder_of_masks_does_what_single_masks_do(job: SegmentOptions, tmp_path: Path) -> None:
    folder = tmp_path / "drawn"
    folder.mkdir()
    save_mask(folder / "shot_1001.png", FIRST_BOXES)
    save_mask(folder / "shot_1006.png", FIX_BOXES)
    fix = save_mask(tmp_path / "fix.png", FIX_BOXES)
    segment_video(with_masks(job, f"5={fix}"))
    expected = read_masks(tmp_path / "masks")
    segment_video(replace(job, masks=MaskSource(mask_folder=folder, mask_base=1001), overwrite=True))
    assert same_masks(read_masks(tmp_path / "masks"), expected)


def test_an_object_that_appears_later(job: SegmentOptions, tmp_path: Path) -> None:
    late = save_mask(tmp_path / "late.png", {7: (28, 6)})
    report = segment_video(with_masks(job, f"4={late}", direction="forward"))
    masks = read_masks(tmp_path / "masks")
    assert [each.object_id for each in report.objects] == [1, 2, 7]
    assert report.objects[2].first_frame == 4
    assert not any((masks[index] == 7).any() for index in range(4))
    assert all((masks[index] == 7).any() for index in (4, 5))
    drawn = draw({7: (28, 6)}) == 7
    np.testing.assert_array_equal(masks[4] == 7, drawn)
    # Objects that the mask does not show go on being followed.
    assert (masks[4] == 2).any()


def test_in_an_exact_mask_what_is_not_shown_is_absent(job: SegmentOptions, tmp_path: Path) -> None:
    only_first = save_mask(tmp_path / "only.png", {1: (28, 8)})
    loose = with_masks(job, f"5={only_first}")
    segment_video(loose)
    assert (read_masks(tmp_path / "masks")[5] == 2).any()
    segment_video(replace(loose, masks=replace(loose.masks, is_exact=True), overwrite=True))
    np.testing.assert_array_equal(read_masks(tmp_path / "masks")[5], read_pixels(only_first))


def test_a_dropped_object_is_gone_until_it_is_drawn_again(job: SegmentOptions, tmp_path: Path) -> None:
    again = save_mask(tmp_path / "again.png", {2: (4, 40)})
    report = segment_video(with_masks(job, f"9={again}", drops=("2@4",)))
    masks = read_masks(tmp_path / "masks")
    seen = [bool((masks[index] == 2).any()) for index in range(12)]
    assert seen == [True] * 4 + [False] * 5 + [True] * 3
    assert all((masks[index] == 1).any() for index in range(12))
    assert report.objects[1].num_frames == 7


def test_both_objects_dropped_at_one_moment(job: SegmentOptions, tmp_path: Path) -> None:
    segment_video(replace(job, drops=("1,2@00:00:00.2",)))
    masks = read_masks(tmp_path / "masks")
    assert [bool(masks[index].any()) for index in range(12)] == [True] * 5 + [False] * 7


@pytest.mark.parametrize(
    ("texts", "error", "words"),
    [
        (("5={fix}", "00:00:00.2={fix}"), UsageError, "frame 5 is drawn twice"),
        (("99={fix}",), UsageError, "99"),
        (("5={missing}",), MaskError, "missing.png"),
    ],
)
def test_masks_that_cannot_be_used_are_named(
    job: SegmentOptions, tmp_path: Path, texts: tuple[str, ...], error: type[Exception], words: str
) -> None:
    fix = save_mask(tmp_path / "fix.png", FIX_BOXES)
    filled = [text.format(fix=fix, missing=tmp_path / "missing.png") for text in texts]
    with pytest.raises(error, match=words):
        segment_video(with_masks(job, *filled))
    assert not (tmp_path / "masks").exists()


@pytest.mark.parametrize("text", ["2", "2@", "0@4", "x@4", "2@99"])
def test_drops_that_mean_nothing_are_refused(job: SegmentOptions, text: str) -> None:
    with pytest.raises(VostoolError) as caught:
        segment_video(replace(job, drops=(text,)))
    assert caught.value.exit_code in (2, 3)
