"""Where training clips come from: real video, stills moved as a whole, and objects pasted on backgrounds.

Random numbers are drawn on the CPU; pictures are sampled where the library lies. Shapes: T frames of H, W.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vostool.datasets.augmentation import Augmentation, ClipShape
from vostool.datasets.clip import TrainingClip, keep_seen
from vostool.datasets.colour import recolour
from vostool.datasets.draft import Draft
from vostool.datasets.frame_choice import choose_frames
from vostool.datasets.framing import cover_scale, frame_objects, keep_within, orientation, still_scale, video_scale
from vostool.datasets.library import Library, Still, VideoClip
from vostool.datasets.motion import draw_bends, draw_drift, draw_nudge, draw_shake
from vostool.datasets.objects import STILL_SHARES, ObjectIndex, choose_objects, pick, renumber
from vostool.datasets.paste import MAIN_SHARE, SECOND_SHARE, paste_object, paste_occluder
from vostool.datasets.subjects import MAX_TRIES, ObjectPool, Subject, draw_still
from vostool.datasets.warp import Sampler, Warp, displace, place
from vostool.errors import InputError

# Objects of a video may be small; clips do not start where they cover less or more of the frame.
VIDEO_SHARES = (0.0005, 0.9)
# A background shows between all of itself and a part, and moves less than what is before it.
BACKGROUND_ZOOM = (1.0, 1.8)
BACKGROUND_MOTION = 0.5
# Share of the copies of an object that are objects themselves; the others must not be taken for it.
LOOK_ALIKE_OBJECTS = 0.5


class ClipSource(ABC):
    """Draws random clips of a library.

    Args:
        library: Pictures and masks on one device.
        index: Objects of masks that were looked up before; sources may share it.
    """

    def __init__(self, library: Library, index: ObjectIndex | None = None) -> None:
        self._library = library
        self._index = index or ObjectIndex()
        self._pool = ObjectPool(library, self._index)

    def draw(self, generator: np.random.Generator, shape: ClipShape, augmentation: Augmentation) -> TrainingClip:
        """A clip that shows an object in its first frame.

        Raises:
            InputError: If many draws in a row show none.
        """
        for _ in range(MAX_TRIES):
            draft = self._draft(generator, shape, augmentation)
            if draft is None:
                continue
            draft = self._paste_others(draft, generator, shape, augmentation)
            labels, priors, num_objects = keep_seen(draft.labels, draft.priors)
            if num_objects:
                return TrainingClip(recolour(draft.frames, augmentation, generator), labels, priors, draft.name)
        raise InputError(f"{MAX_TRIES} clips drawn show no object of usable size", "give other clips or stills")

    def _paste_others(
        self, draft: Draft, generator: np.random.Generator, shape: ClipShape, augmentation: Augmentation
    ) -> Draft:
        """Pastes objects until one is not wanted or there are enough."""
        for _ in range(shape.max_objects - draft.num_objects):
            if generator.random() >= augmentation.second_object:
                break
            if generator.random() < augmentation.look_alike:
                subject, is_object = draft.subject, generator.random() < LOOK_ALIKE_OBJECTS
            else:
                subject, is_object = self._pool.draw(generator, shape, augmentation.moving), True
            draft = paste_object(
                draft, subject, shape, augmentation, generator, share=SECOND_SHARE, is_object=is_object
            )
        return draft

    @staticmethod
    @abstractmethod
    def fits(library: Library) -> bool:
        """True if the library has what this source draws from."""

    @abstractmethod
    def _draft(self, generator: np.random.Generator, shape: ClipShape, augmentation: Augmentation) -> Draft | None:
        """A clip without other objects and colours, or None if the draw has no object of usable size."""


class VideoSource(ClipSource):
    """Frames of real video with random gaps; one crop near the objects for all of them but for a small shake."""

    @staticmethod
    def fits(library: Library) -> bool:
        """See ``ClipSource.fits``."""
        return bool(library.videos)

    def _draft(self, generator: np.random.Generator, shape: ClipShape, augmentation: Augmentation) -> Draft | None:
        clip = pick(self._library.videos, generator)
        chosen = choose_frames(clip.annotated, shape, generator, reverse=generator.random() < augmentation.reverse)
        images = tuple(clip.images[frame] for frame in chosen)
        masks = tuple(clip.mask(frame) for frame in chosen)
        boxes = choose_objects(self._index.find(masks[0]), shape.max_objects, generator, VIDEO_SHARES)
        if not boxes:
            return None
        size = _size(masks[0])
        scale = video_scale(boxes[0], size, shape, augmentation.zoom, generator)
        base = frame_objects(boxes, size, scale, shape, augmentation, generator)
        shake = draw_shake(shape, augmentation, generator, augmentation.shake)
        warp = Warp(keep_within(shake @ base, size, shape), (shape.height, shape.width))
        sampler = Sampler(warp, size, masks[0].device)
        frames = sampler.pictures(images)
        labels = renumber(sampler.masks(masks), boxes)
        before = [_labels_before(clip, frame, is_reversed=chosen[0] > chosen[-1]) for frame in chosen]
        known = [mask if old is None else old for mask, old in zip(masks, before, strict=True)]
        priors = renumber(sampler.masks(known), boxes)
        guessed = [index for index, old in enumerate(before) if old is None]
        name = f"{clip.name}, frames {', '.join(map(str, chosen))}"
        subject = Subject(clip.name, images, masks, boxes[0])
        return Draft(frames, labels, _nudged(priors, guessed, shape, generator), len(boxes), name, subject)


class StillSource(ClipSource):
    """One still moved as a whole, objects and background together, by affine maps and thin-plate splines."""

    @staticmethod
    def fits(library: Library) -> bool:
        """See ``ClipSource.fits``."""
        return bool(library.stills)

    def _draft(self, generator: np.random.Generator, shape: ClipShape, augmentation: Augmentation) -> Draft | None:
        still = self._pick(generator)
        boxes = choose_objects(self._index.find(still.labels), shape.max_objects, generator, STILL_SHARES)
        if not boxes:
            return None
        size = _size(still.labels)
        scale = still_scale(boxes[0], size, shape, augmentation.zoom, generator)
        base = frame_objects(boxes, size, scale, shape, augmentation, generator)
        drift = draw_drift(shape, augmentation, generator, pivot=(shape.width / 2, shape.height / 2))
        bends = draw_bends(shape, augmentation, generator)
        warp = Warp(keep_within(drift @ base, size, shape), (shape.height, shape.width), bends)
        sampler = Sampler(warp, size, still.labels.device)
        labels = renumber(sampler.masks((still.labels,)), boxes)
        priors = displace(labels, draw_nudge(shape, generator))
        subject = Subject(still.name, (still.image,), (still.labels,), boxes[0])
        return Draft(sampler.pictures((still.image,)), labels, priors, len(boxes), still.name, subject)

    def _pick(self, generator: np.random.Generator) -> Still:
        return pick(self._library.stills, generator)


class VideoStillSource(StillSource):
    """Single frames of video, moved as stills are."""

    @staticmethod
    def fits(library: Library) -> bool:
        """See ``ClipSource.fits``."""
        return bool(library.videos)

    def _pick(self, generator: np.random.Generator) -> Still:
        return draw_still(self._library.videos, generator)


class CompositeSource(ClipSource):
    """An object of a still, a cut-out or a video, pasted on a background; both move, each on its own."""

    @staticmethod
    def fits(library: Library) -> bool:
        """See ``ClipSource.fits``."""
        return bool(library.backgrounds and (library.stills or library.cutouts))

    def _draft(self, generator: np.random.Generator, shape: ClipShape, augmentation: Augmentation) -> Draft | None:
        subject = self._pool.draw(generator, shape, augmentation.moving)
        draft = self._draw_background(generator, shape, augmentation, subject)
        draft = paste_object(draft, subject, shape, augmentation, generator, share=MAIN_SHARE)
        if generator.random() < augmentation.occluder:
            occluder = self._pool.draw(generator, shape, augmentation.moving)
            draft = paste_occluder(draft, occluder, shape, augmentation, generator)
        return draft

    def _draw_background(
        self, generator: np.random.Generator, shape: ClipShape, augmentation: Augmentation, subject: Subject
    ) -> Draft:
        """A picture without objects, of which ``subject`` will be the first."""
        picture = pick(self._library.backgrounds, generator)
        size = _size(picture)
        scale = cover_scale(size, shape) * generator.uniform(*BACKGROUND_ZOOM)
        middle = (shape.width / 2, shape.height / 2)
        base = place(orientation(scale, augmentation, generator), source=(size[1] / 2, size[0] / 2), target=middle)
        drift = draw_drift(shape, augmentation, generator, pivot=middle, strength=BACKGROUND_MOTION)
        sampler = Sampler(Warp(drift @ base, (shape.height, shape.width)), size, picture.device)
        frames = sampler.pictures((picture,))
        empty = torch.zeros(len(frames), *frames.shape[2:], dtype=torch.uint8, device=picture.device)
        return Draft(frames, empty, empty, 0, f"{subject.name}, pasted", subject)


def _labels_before(clip: VideoClip, frame: int, *, is_reversed: bool) -> Tensor | None:
    before = frame + 1 if is_reversed else frame - 1
    return clip.labels[before] if 0 <= before < len(clip.labels) else None


def _nudged(labels: Tensor, which: Sequence[int], shape: ClipShape, generator: np.random.Generator) -> Tensor:
    """Labels of which some frames are moved a little, because they stand for those of the frame before."""
    warp = draw_nudge(shape, generator)
    if not which:
        return labels
    moved = labels.clone()
    moved[list(which)] = displace(labels, warp)[list(which)]
    return moved


def _size(picture: Tensor) -> tuple[int, int]:
    return picture.shape[-2], picture.shape[-1]
