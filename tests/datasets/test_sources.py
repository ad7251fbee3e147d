"""Clips of every source: masks lie on their pixels, ids have no gaps, and gaps, priors and objects are as asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from clip_cases import MOVING, SHAPE, STEADY, make_labels, make_library, make_video, paint, seen_colours

from vostool.datasets.clip import keep_seen
from vostool.datasets.frame_choice import choose_frames
from vostool.datasets.framing import cover_scale, keep_within, still_scale, video_scale
from vostool.datasets.library import Library, Still
from vostool.datasets.motion import draw_bends
from vostool.datasets.objects import ObjectIndex, choose_objects, find_objects, renumber
from vostool.datasets.sources import ClipSource, CompositeSource, StillSource, VideoSource, VideoStillSource
from vostool.datasets.subjects import ObjectPool
from vostool.datasets.warp import linear
from vostool.errors import InputError

SOURCES = (VideoSource, StillSource, CompositeSource, VideoStillSource)
LIBRARY = make_library()


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_sources_draw_whole_clips(source: type[ClipSource], size: tuple[int, int]) -> None:
    shape = replace(SHAPE, height=size[0], width=size[1])
    for seed in range(6):
        clip = source(LIBRARY).draw(np.random.default_rng(seed), shape, replace(MOVING, second_object=0.5, blur=0.5))
        assert clip.frames.shape == (3, 3, *size)
        assert clip.frames.dtype == torch.float32
        assert 0.0 <= clip.frames.min() < clip.frames.max() <= 1.0
        assert clip.labels.shape == clip.priors.shape == (3, *size)
        assert clip.labels.dtype == clip.priors.dtype == torch.int64
        assert clip.labels[0].unique().tolist()[-clip.num_objects :] == list(range(1, clip.num_objects + 1))
        assert max(clip.labels.max(), clip.priors.max()) <= clip.num_objects <= 2
        assert clip.name


@pytest.mark.parametrize("source", SOURCES)
def test_draws_can_be_repeated(source: type[ClipSource]) -> None:
    first, again = (source(LIBRARY).draw(np.random.default_rng(5), SHAPE, MOVING) for _ in range(2))
    assert torch.equal(first.frames, again.frames)
    assert torch.equal(first.labels, again.labels)
    assert torch.equal(first.priors, again.priors)
    assert first.name == again.name


@pytest.mark.parametrize("source", [VideoSource, StillSource, VideoStillSource])
def test_masks_lie_on_their_pixels(source: type[ClipSource]) -> None:
    """Objects are told from their colours; only pixels on edges are mixtures."""
    for seed in range(8):
        clip = source(LIBRARY).draw(np.random.default_rng(seed), replace(SHAPE, max_objects=3), MOVING)
        colours = seen_colours(clip.frames)
        assert ((colours > 0) == (clip.labels > 0)).float().mean() > 0.99
        for object_id in range(1, clip.num_objects + 1):
            found = colours[clip.labels == object_id]
            assert (found == found.mode().values).float().mean() > 0.95


def test_composites_show_their_object_on_the_background() -> None:
    only = Library(cutouts=LIBRARY.cutouts, backgrounds=LIBRARY.backgrounds)
    for seed in range(8):
        clip = CompositeSource(only).draw(np.random.default_rng(seed), SHAPE, MOVING)
        green = clip.frames[:, 1]
        assert ((green > 0.5) == (clip.labels == 1)).float().mean() > 0.99


def test_one_object_of_several_is_alone() -> None:
    seen = set()
    for seed in range(12):
        clip = StillSource(LIBRARY).draw(np.random.default_rng(seed), replace(SHAPE, max_objects=1), MOVING)
        assert clip.num_objects == 1
        seen |= set(seen_colours(clip.frames)[clip.labels == 1].mode().values.unique().tolist())
    assert seen == {1, 3}


def test_priors_of_video_are_the_frame_before() -> None:
    """Squares move by three pixels a frame; the crop stands still."""
    for reverse, step in ((0.0, 3), (1.0, -3)):
        library = Library(videos=(make_video(num_frames=9),))
        shape = replace(SHAPE, height=80, width=120, max_objects=1)
        clip = VideoSource(library).draw(np.random.default_rng(2), shape, replace(STEADY, reverse=reverse))
        for labels, priors in zip(clip.labels[1:], clip.priors[1:], strict=True):
            assert (labels.nonzero().float().mean(0) - priors.nonzero().float().mean(0))[1] == pytest.approx(step)


def test_priors_that_no_mask_tells_are_close_to_the_labels() -> None:
    sparse = Library(videos=(make_video(every=4),), stills=LIBRARY.stills)
    for source in (VideoSource(sparse), StillSource(sparse)):
        clip = source.draw(np.random.default_rng(1), SHAPE, STEADY)
        agreement = (clip.labels == clip.priors).float().mean()
        assert 0.85 < agreement < 1.0


@pytest.mark.parametrize(("share", "max_objects", "expected"), [(0.0, 2, {1}), (1.0, 2, {2}), (1.0, 1, {1})])
def test_second_objects_come_as_often_as_asked(share: float, max_objects: int, expected: set[int]) -> None:
    """A pasted object sometimes hides the whole other one, which then does not count."""
    labels = (make_labels(20) == 1).byte()
    source = StillSource(Library(stills=(Still("one", paint(labels), labels),), cutouts=LIBRARY.cutouts))
    shape, augmentation = replace(SHAPE, max_objects=max_objects), replace(MOVING, second_object=share)
    counts = [source.draw(np.random.default_rng(seed), shape, augmentation).num_objects for seed in range(12)]
    assert set(counts) - {1} == expected - {1}
    assert np.mean(counts) >= 0.8 * max(expected)


def test_objects_of_videos_are_pasted_where_there_are_no_others() -> None:
    subject = ObjectPool(Library(videos=(make_video(),)), ObjectIndex()).draw(np.random.default_rng(0), SHAPE)
    assert subject.name.startswith("squares, frame")
    assert subject.box.object_id in (1, 3)


def test_an_occluder_hides_a_part_later_and_is_no_object() -> None:
    hidden = 0
    for seed in range(10):
        clips = [
            CompositeSource(LIBRARY).draw(np.random.default_rng(seed), SHAPE, replace(STEADY, occluder=share))
            for share in (0.0, 1.0)
        ]
        assert clips[1].labels.max() == 1
        lost = [((clips[0].labels[frame] == 1) & (clips[1].labels[frame] != 1)).sum() for frame in range(3)]
        hidden += int(sum(lost[1:]) > 0)
        assert lost[0] <= 0.6 * (clips[0].labels[0] == 1).sum()
    assert hidden >= 8


def test_pasted_objects_end_where_their_pictures_end() -> None:
    """Beyond the picture there is no mirror image of an object that its border cuts."""
    whole = Still("whole", torch.full((3, 30, 30), 250, dtype=torch.uint8), torch.zeros(30, 30, dtype=torch.uint8))
    whole.labels[:, :20] = 1
    library = Library(cutouts=(whole,), backgrounds=LIBRARY.backgrounds)
    for seed in range(6):
        clip = CompositeSource(library).draw(np.random.default_rng(seed), SHAPE, STEADY)
        height, width = (int(each) for each in (clip.labels[0].nonzero().amax(0) - clip.labels[0].nonzero().amin(0)))
        assert height <= 0.72 * 64
        assert width <= 0.72 * 64


def test_the_first_frame_of_a_still_is_not_bent() -> None:
    bends = draw_bends(SHAPE, MOVING, np.random.default_rng(0))
    assert bends is not None
    assert not bends[0].any()
    assert bends[1].any()
    assert draw_bends(SHAPE, STEADY, np.random.default_rng(0)) is None


def test_frames_keep_their_gaps() -> None:
    shape = replace(SHAPE, num_frames=4, max_gap=5)
    gaps = set()
    for seed in range(40):
        chosen = choose_frames(range(30), shape, np.random.default_rng(seed), reverse=bool(seed % 2))
        assert len(chosen) == 4
        steps = np.diff(chosen) * (-1 if seed % 2 else 1)
        assert 1 <= steps.min() <= steps.max() <= 5
        gaps |= set(steps.tolist())
    assert gaps == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    ("annotated", "max_gap"), [(range(0, 50, 5), 12), (range(0, 50, 5), 1), ((0, 5), 3), ((7,), 3)]
)
def test_sparse_masks_are_kept_to(annotated: tuple[int, ...], max_gap: int) -> None:
    for seed in range(10):
        shape = replace(SHAPE, max_gap=max_gap)
        chosen = choose_frames(annotated, shape, np.random.default_rng(seed), reverse=False)
        assert len(chosen) == 3
        assert set(chosen) <= set(annotated)
        assert max(np.diff(chosen)) <= max(max_gap, 5)
        assert min(np.diff(chosen)) >= (5 if len(annotated) > 2 else 0)


def test_windows_stay_near_their_pictures() -> None:
    far = np.stack([linear(0, 1, 1, 0), np.array([[1.0, 0, -500], [0, 1, 300], [0, 0, 1]])])
    kept = keep_within(far, (100, 200), SHAPE)
    x, y, _ = np.linalg.inv(kept[1]) @ (32, 32, 1)
    assert (x, y) == pytest.approx((200 - 0.8 * 32, 0.8 * 32))


@pytest.mark.parametrize("zoom", [(0.1, 0.2), (0.5, 1.0), (5.0, 9.0)])
def test_scales_suit_object_and_picture(zoom: tuple[float, float]) -> None:
    box = find_objects(make_labels(10).numpy())[0]
    cover = cover_scale((80, 120), SHAPE)
    for seed in range(10):
        scale = video_scale(box, (80, 120), SHAPE, zoom, np.random.default_rng(seed))
        assert cover <= scale <= max(cover, 1.2 * 64 / 30)
        scale = still_scale(box, (80, 120), SHAPE, zoom, np.random.default_rng(seed))
        assert 0.9 * cover <= scale
        assert 0.9 * 0.3 <= scale * 30 / 64 <= max(1.0, zoom[1]) * 0.91


def test_objects_are_found_with_their_boxes() -> None:
    one, three = find_objects(make_labels(10).numpy())
    assert (one.object_id, three.object_id) == (1, 3)
    assert (one.low, one.high, one.extent) == ((10, 20), (36, 50), (26, 30))
    assert three.centre == pytest.approx((50.0, 57.5))
    assert one.share == pytest.approx(26 * 30 / 9600)
    assert choose_objects((one, three), 2, np.random.default_rng(0), (0.06, 1.0)) == (one,)
    assert renumber(make_labels(10), (three, one)).unique().tolist() == [0, 1, 2]
    assert torch.equal(renumber(make_labels(10), (three,)), (make_labels(10) == 3).byte())


def test_objects_of_a_mask_are_looked_up_once() -> None:
    index, labels = ObjectIndex(), make_labels(10)
    assert index.find(labels) is index.find(labels)
    assert index.find(labels) is not index.find(labels.clone())


def test_only_objects_of_the_first_frame_are_kept() -> None:
    labels = torch.zeros(2, 32, 32, dtype=torch.uint8)
    labels[0, :8], labels[0, 8, 0], labels[0, 20:] = 2, 4, 5
    labels[1, :8], labels[1, 8:16], labels[1, 20:] = 4, 3, 5
    kept, priors, num_objects = keep_seen(labels, labels.flip(0))
    assert num_objects == 2
    assert kept[0, :, 0].tolist() == [1] * 8 + [0] * 12 + [2] * 12
    assert kept[1, :, 0].tolist() == [0] * 20 + [2] * 12
    assert torch.equal(priors, kept.flip(0))


def test_stills_without_usable_objects_are_told() -> None:
    empty = Still("empty", torch.zeros(3, 40, 40, dtype=torch.uint8), torch.zeros(40, 40, dtype=torch.uint8))
    with pytest.raises(InputError, match="no object of usable size"):
        StillSource(Library(stills=(empty,))).draw(np.random.default_rng(0), SHAPE, STEADY)
