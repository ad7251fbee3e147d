"""Pasted objects: they move as in their video, pass behind, grow, leave and come back, and have copies."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from clip_cases import MOVING, SHAPE, STEADY, make_library, make_video, seen_colours

from vostool.datasets.augmentation import Augmentation
from vostool.datasets.clip import TrainingClip
from vostool.datasets.colour import draw_colour_maps
from vostool.datasets.library import Library, VideoClip
from vostool.datasets.motion import draw_absence, draw_growth
from vostool.datasets.objects import ObjectIndex
from vostool.datasets.sources import CompositeSource, VideoSource
from vostool.datasets.subjects import ObjectPool

LIBRARY = make_library()
LONG = replace(SHAPE, num_frames=5)
SEEDS = range(12)


def draw_composites(augmentation: Augmentation, **shape: int) -> list[TrainingClip]:
    """One for each seed."""
    source = CompositeSource(LIBRARY)
    return [source.draw(np.random.default_rng(seed), replace(LONG, **shape), augmentation) for seed in SEEDS]


def test_subjects_of_videos_have_a_picture_for_each_frame() -> None:
    pool = ObjectPool(LIBRARY, ObjectIndex())
    for seed in SEEDS:
        subject = pool.draw(np.random.default_rng(seed), LONG, moving=1.0)
        assert len(subject.images) == len(subject.labels) == LONG.num_frames
        assert subject.name == "squares"
        assert len({image.data_ptr() for image in subject.images}) == LONG.num_frames
        assert len(pool.draw(np.random.default_rng(seed), LONG).images) == 1


def test_without_videos_nothing_moves_as_in_one() -> None:
    pool = ObjectPool(Library(cutouts=LIBRARY.cutouts), ObjectIndex())
    assert len(pool.draw(np.random.default_rng(0), LONG, moving=1.0).images) == 1


def test_a_pasted_object_takes_its_pixels_along() -> None:
    for clip in draw_composites(replace(MOVING, moving=1.0), max_objects=1):
        coloured = seen_colours(clip.frames) > 0
        assert (coloured == (clip.labels > 0)).float().mean() > 0.985


def test_a_pasted_object_moves_as_in_its_video() -> None:
    """Squares move there by a tenth of the larger one's height from frame to frame, an eighth of the smaller one's."""
    found = set()
    for clip in draw_composites(replace(STEADY, moving=1.0), max_objects=1, max_gap=1):
        places = [labels.nonzero().float() for labels in clip.labels]
        if any(place.amin() == 0 or place.amax() == 63 for place in places):
            continue
        height = float(places[0][:, 0].amax() - places[0][:, 0].amin() + 1)
        steps = [float(later - earlier) / height for earlier, later in pairwise(place[:, 1].mean() for place in places)]
        found |= {round(abs(step), 2) for step in steps}
    assert found
    assert all(min(abs(step - 0.1), abs(step - 0.12)) < 0.03 for step in found)


def test_an_object_behind_hides_nothing() -> None:
    """The first object is what it is without the other one."""
    changed = 0
    for seed in SEEDS:
        alone, both = (
            CompositeSource(LIBRARY).draw(
                np.random.default_rng(seed), SHAPE, replace(STEADY, second_object=share, behind=1.0)
            )
            for share in (0.0, 1.0)
        )
        assert torch.equal(alone.labels == 1, both.labels == 1)
        inner = torch.nn.functional.max_pool2d((alone.labels != 1).float(), 5, 1, 2) == 0
        assert torch.equal(alone.frames.movedim(1, -1)[inner], both.frames.movedim(1, -1)[inner])
        changed += int((both.labels == 2).any())
    assert changed > len(SEEDS) / 2


def test_an_object_that_leaves_comes_back() -> None:
    for clip in draw_composites(replace(STEADY, leaving=1.0), max_objects=1):
        seen = clip.labels.flatten(1).any(dim=1).tolist()
        assert seen[0]
        assert not all(seen)
        away = [index for index, is_seen in enumerate(seen) if not is_seen]
        assert away == list(range(away[0], away[-1] + 1))


def test_absences_end_within_the_clip() -> None:
    for seed in SEEDS:
        maps = draw_absence(LONG, np.random.default_rng(seed))
        distance = np.abs(maps[:, :2, 2]).max(axis=1)
        assert distance[0] == 0.0
        assert distance.max() > 64
        assert distance[-1] <= 0.2 * 64


def test_short_clips_have_no_time_to_leave() -> None:
    for clip in draw_composites(replace(STEADY, leaving=1.0), num_frames=2, max_objects=1):
        assert clip.labels.flatten(1).any(dim=1).all()


def test_growth_keeps_to_its_limit() -> None:
    augmentation = replace(STEADY, growth=1.5)
    last = [draw_growth(LONG, augmentation, np.random.default_rng(seed), pivot=(9.0, 9.0))[-1] for seed in range(50)]
    factors = [each[0, 0] for each in last]
    assert 1 / 1.5 <= min(factors) < 0.75
    assert 1.4 < max(factors) <= 1.5
    for each in last:
        assert each @ (9, 9, 1) == pytest.approx((9, 9, 1))


@pytest.mark.parametrize("max_objects", [2, 3, 4])
def test_objects_are_pasted_until_there_are_enough(max_objects: int) -> None:
    clips = draw_composites(replace(MOVING, second_object=1.0), max_objects=max_objects)
    counts = [clip.num_objects for clip in clips]
    assert max(counts) == max_objects


def test_copies_are_objects_or_background() -> None:
    """Of the video's red and blue squares one is alone; copies make more of its colour than its label covers."""
    red = VideoClip("red", *(_without_blue(make_video())))
    source = VideoSource(Library(videos=(red,)))
    augmentation = replace(STEADY, second_object=1.0, look_alike=1.0)
    kinds = set()
    for seed in range(30):
        clip = source.draw(np.random.default_rng(seed), SHAPE, augmentation)
        reds = (seen_colours(clip.frames) == 1).sum() / (clip.labels > 0).sum()
        kinds.add((clip.num_objects, bool(reds > 1.3)))
    assert (2, False) in kinds
    assert (1, True) in kinds


def test_light_changes_steadily() -> None:
    maps = draw_colour_maps(5, replace(STEADY, lighting=1.0), np.random.default_rng(0))
    steps = np.diff(maps[:, :, 3], axis=0)
    assert np.abs(steps).min() > 0
    assert steps == pytest.approx(np.broadcast_to(steps[0], steps.shape), rel=1e-3)


def _without_blue(video: VideoClip) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor | None, ...]]:
    labels = tuple(None if each is None else (each == 1).byte() for each in video.labels)
    images = tuple(image.clone() for image in video.images)
    for image in images:
        image[2][image[2] > 100] = 20
    return images, labels
