"""A small scored data set with something special on it, and a reader of HTML that insists on balanced tags."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from PIL import Image

VOID_TAGS = {"br", "img", "meta"}
NUM_FRAMES = 20
# Frames on which a prediction of "a" is special.
POOR, NEAR_POOR, LOST, GONE = 9, 10, 4, 15


class Page(HTMLParser):
    """Tags with their attributes, and the text; fails on tags that are not balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID_TAGS:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        """All that can be read."""
        return " ".join(" ".join(self.words).split())

    def values(self, tag: str, name: str) -> list[str | None]:
        """One attribute of all elements of a tag."""
        return [attributes.get(name) for found, attributes in self.tags if found == tag]


def write_data_set(root: Path, names: tuple[str, ...] = ("a", "b"), has_frames: bool = True) -> None:
    """ROOT/data in DAVIS layout and ROOT/predictions, two objects that stand still.

    Of the first sequence object 1 is almost missed on frames ``POOR`` and ``NEAR_POOR`` and lost on ``LOST``, and
    object 2 is not to be seen on ``GONE``; of the others the predictions of object 2 are half again as wide as it is.
    """
    for name in names:
        for index in range(NUM_FRAMES):
            truth = np.zeros((40, 60), np.uint8)
            truth[4:24, 4:24], truth[28:36, 10:30] = 1, 2
            prediction = truth.copy()
            if name == names[0]:
                truth[truth == 2] = 0 if index == GONE else 2
                prediction[truth == 0] = 0
                prediction[_special_rows(index), :] = 0
            else:
                prediction[28:36, 10:40] = 2
            _save(root / "predictions" / name / f"{index:05d}.png", prediction)
            _save(root / "data/Annotations" / name / f"{index:05d}.png", truth)
            if has_frames:
                _save(root / "data/JPEGImages" / name / f"{index:05d}.jpg", np.full((40, 60, 3), 10 * index, np.uint8))


def _special_rows(index: int) -> slice:
    """Rows of object 1 that the prediction has not."""
    return {POOR: slice(0, 22), NEAR_POOR: slice(0, 21), LOST: slice(0, 26)}.get(index, slice(0, 0))


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
