"""Chapters of the source in the output."""

from __future__ import annotations

from fractions import Fraction

import av

from vostool.video.timeline import round_half_up

MILLISECOND = Fraction(1, 1000)


def copy_chapters(source: av.container.InputContainer, target: av.container.OutputContainer, delay: Fraction) -> None:
    """Write the chapters, ``delay`` seconds later; the header must have been written."""
    chapters = source.chapters()
    for chapter in chapters:
        shift = round_half_up(delay / (chapter["time_base"] or MILLISECOND))
        chapter["start"] += shift
        chapter["end"] += shift
    if chapters:
        target.set_chapters(chapters)
