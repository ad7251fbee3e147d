"""Interlaced pictures made progressive, one for each, in place: times, order and number stay as they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import av
from av.filter import Graph

from vostool.video.reading.timestamps import Picture

# Motion-adaptive, from the picture before and the one after; what is not marked as interlaced is not touched.
FILTER = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")


class Deinterlacer:
    """Passes pictures on until the first interlaced one; from there through a filter that needs one more to see ahead.

    Attributes:
        is_used: True once there was an interlaced picture.
    """

    def __init__(self) -> None:
        self.is_used = False
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None
        self._waiting: deque[Picture] = deque()

    def run(self, pictures: Iterable[Picture]) -> Iterator[Picture]:
        """As many pictures as come in, those that were lost at their places."""
        for picture in pictures:
            frame = picture.frame
            self.is_used = self.is_used or (frame is not None and frame.interlaced_frame)
            if not self.is_used:
                yield picture
                continue
            if frame is not None and shape_of(frame) != self._shape:
                yield from self._drain()
                self._start(frame)
            self._waiting.append(picture)
            if frame is not None:
                assert self._graph is not None
                self._graph.push(frame)
                yield from self._ready()
        yield from self._drain()

    def _start(self, frame: av.VideoFrame) -> None:
        self._shape = shape_of(frame)
        graph = Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1)
        )
        bwdif, sink = graph.add(*FILTER), graph.add("buffersink")
        source.link_to(bwdif)
        bwdif.link_to(sink)
        graph.configure()
        self._graph = graph

    def _drain(self) -> Iterator[Picture]:
        """What still waits, the filter told that there is no more."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._ready()
            self._graph = None
        while self._waiting:
            yield self._waiting.popleft()

    def _ready(self) -> Iterator[Picture]:
        """The pictures that the filter has finished, with those that were lost before them."""
        assert self._graph is not None
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(frame, av.VideoFrame)
            while self._waiting[0].frame is None:
                yield self._waiting.popleft()
            yield _with_frame(self._waiting.popleft(), frame)


def shape_of(frame: av.VideoFrame) -> tuple[int, int, str]:
    """What must not change within one filter."""
    return frame.height, frame.width, frame.format.name


def _with_frame(picture: Picture, frame: av.VideoFrame) -> Picture:
    """The picture with a filtered frame that carries the tags of its own."""
    source = picture.frame
    assert source is not None
    frame.color_primaries, frame.color_trc = source.color_primaries, source.color_trc
    frame.colorspace, frame.color_range = source.colorspace, source.color_range
    return replace(picture, frame=frame)
