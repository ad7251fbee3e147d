"""Presentation times: put in order, filled in where they are missing, and known for pictures that were lost.

All times are integers in the time base of one stream.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import av

Item = TypeVar("Item")

# An H.264 stream that does not say how far it reorders can give a few pictures too early until the decoder has learnt.
REORDER_DEPTH = 4

# A decoder reports an error at most this many packets late: 16 frames of reordering and 16 threads, and some to spare.
LONGEST_DELAY = 64


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture on its way out, or the place of one that was lost.

    Attributes:
        pts: None if unknown.
        duration: 0 if unknown.
        frame: None if the picture was lost.
    """

    pts: int | None
    duration: int = 0
    frame: av.VideoFrame | None = None


class LostPictures:
    """Finds the times of pictures that were sent to the decoder and never came out of it.

    A packet without a picture is normal in many streams (hidden references, the second packet of a packed pair), and a
    decoder with threads reports an error some packets late. Only a gap that an error explains is therefore a loss.

    Args:
        is_every_gap_lost: Each packet of this stream is a picture; a decoder also drops some without an error.
    """

    def __init__(self, is_every_gap_lost: bool = False) -> None:
        self._is_every_gap_lost = is_every_gap_lost
        self._durations: dict[int, int] = {}
        self._num_sent = 0
        self._num_failures = 0
        self._last_failure = 0
        self._has_keyframe = False

    def sent(self, pts: int | None, duration: int, is_keyframe: bool) -> None:
        """Note a packet; those before the first keyframe cannot be decoded and are not missed."""
        self._num_sent += 1
        self._has_keyframe = self._has_keyframe or is_keyframe or self._is_every_gap_lost
        if pts is not None and self._has_keyframe:
            self._durations[pts] = duration

    def failed(self) -> None:
        """Note that the decoder reported an error."""
        self._num_failures += 1
        self._last_failure = self._num_sent

    def before(self, pts: int) -> list[Picture]:
        """The pictures that must have been lost, now that the one at ``pts`` is shown."""
        passed = sorted(time for time in self._durations if time < pts)
        lost = [Picture(time, self._durations.pop(time)) for time in passed]
        self._durations.pop(pts, None)
        if self._num_sent - self._last_failure > LONGEST_DELAY:
            self._num_failures = 0
        if not self._num_failures and not self._is_every_gap_lost:
            return []
        self._num_failures -= min(self._num_failures, len(lost))
        return lost

    def rest(self) -> list[Picture]:
        """The pictures lost at the end, after the decoder gave all that it had."""
        return self.before(max(self._durations, default=0) + 1)


def in_order(pictures: Iterable[Picture], depth: int = REORDER_DEPTH) -> Iterator[Picture]:
    """Sort by time within a window of ``depth`` pictures; a picture without a time keeps its place."""
    window: list[tuple[int, int, Picture]] = []
    for serial, picture in enumerate(pictures):
        if picture.pts is None:
            yield from _drain(window)
            yield picture
            continue
        heapq.heappush(window, (picture.pts, serial, picture))
        if len(window) > depth:
            yield heapq.heappop(window)[2]
    yield from _drain(window)


def _drain(window: list[tuple[int, int, Picture]]) -> Iterator[Picture]:
    while window:
        yield heapq.heappop(window)[2]


def with_lost(pictures: Iterable[Picture], lost: LostPictures) -> Iterator[Picture]:
    """Put a picture without a frame where one was lost; ``pictures`` are in order."""
    for picture in pictures:
        if picture.pts is not None:
            yield from lost.before(picture.pts)
        yield picture
    yield from lost.rest()


def strictly_increasing(pictures: Iterable[Picture], step: int) -> Iterator[Picture]:
    """Give every picture a time after the one before it, and the duration until the next one.

    A missing time is one ``step`` after the last; a repeated one goes half way to the next, so that those that follow
    keep theirs. Times that are in order are not touched.

    Args:
        step: Usual duration of a picture, at least 1.
    """
    last: int | None = None
    for picture, following in with_following(pictures):
        next_pts = following.pts if following else None
        pts = _repaired(picture.pts, last, next_pts, step)
        # Not the container's durations: MP4 derives them from decoding times, which says nothing with B-frames.
        is_known = next_pts is not None and next_pts > pts
        duration = next_pts - pts if is_known and next_pts is not None else picture.duration or step
        yield replace(picture, pts=pts, duration=duration)
        last = pts


def _repaired(pts: int | None, last: int | None, next_pts: int | None, step: int) -> int:
    """The time nearest to ``pts`` that is after ``last``."""
    if last is None:
        return pts if pts is not None else (next_pts - step if next_pts is not None else 0)
    if pts is not None and pts > last:
        return pts
    if next_pts is None:
        return last + step
    return max(last + 1, min(last + step, (last + next_pts) // 2))


def with_following(items: Iterable[Item]) -> Iterator[tuple[Item, Item | None]]:
    """Each item with the one after it, None after the last."""
    waiting: Item | None = None
    for item in items:
        if waiting is not None:
            yield waiting, item
        waiting = item
    if waiting is not None:
        yield waiting, None
