"""Chapters of the source in the output."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av

from vostool.video.tracks.span import Span
from vostool.video.tracks.timeline import round_half_up

if TYPE_CHECKING:
    from av.container.core import Chapter

MILLISECOND = Fraction(1, 1000)


def copy_chapters(
    source: av.container.InputContainer,
    target: av.container.OutputContainer,
    delay: Fraction,
    span: Span | None = None,
) -> None:
    """Write the chapters, ``delay`` seconds later, or what lies in the span; the header must have been written."""
    chapters = source.chapters()
    if span is not None:
        chapters = [cut for chapter in chapters if (cut := _cut(chapter, span)) is not None]
    for chapter in chapters:
        shift = round_half_up(delay / (chapter["time_base"] or MILLISECOND))
        chapter["start"] += shift
        chapter["end"] += shift
    if chapters:
        target.set_chapters(chapters)


def _cut(chapter: Chapter, span: Span) -> Chapter | None:
    """What of the chapter lies in the span, counted from its start; None if nothing does."""
    unit = chapter["time_base"] or MILLISECOND
    start, stop = (round_half_up(time / unit) for time in (span.start, span.stop))
    begin, end = max(chapter["start"], start), min(chapter["end"], stop)
    if begin >= end:
        return None
    return {**chapter, "start": begin - start, "end": end - start}
