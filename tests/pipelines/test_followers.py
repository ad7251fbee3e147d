"""Baselines and segmenters behind one call: each answer carries the stem of its own frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vostool.errors import MaskError, UsageError
from vostool.pipelines import followers
from vostool.pipelines.followers import build_follower


class ReadsTheFrame:
    """Answers with the picture itself, and refuses to step before it has started."""

    def start(self, frame: np.ndarray, labels: np.ndarray) -> None:
        self.first = frame[..., 0]

    def step(self, frame: np.ndarray) -> np.ndarray:
        assert (self.first == 3).all()
        return frame[..., 0]


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Frames 1 to 6, each filled with its number."""
    for number in range(1, 7):
        Image.fromarray(np.full((8, 10, 3), number, np.uint8)).save(tmp_path / f"{number}.png")
    return tmp_path


def test_answers_belong_to_their_frames(frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(followers.BASELINES, "reads", lambda backbone: ReadsTheFrame())
    answers = list(build_follower("reads")(frames, "3", np.ones((8, 10), np.uint8)))
    assert [(stem, int(labels.max()), int(labels.min())) for stem, labels in answers] == [
        ("4", 4, 4),
        ("5", 5, 5),
        ("6", 6, 6),
    ]


def test_first_mask_of_another_size_is_refused(frames: Path) -> None:
    with pytest.raises(MaskError, match=r"mask 1 of sequence .* is 5x4, its frame 10x8"):
        next(build_follower("first-mask")(frames, "1", np.ones((4, 5), np.uint8)))


def test_unknown_name_is_refused_with_all_names() -> None:
    with pytest.raises(UsageError, match=r"'nothing'; choose among first-mask, .*, lite"):
        build_follower("nothing")
