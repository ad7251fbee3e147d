"""Systems that are run by YouTube-VOS rules: objects that appear later are given when they do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_network import save_tiny_weights

from vostool.cli.app import run
from vostool.errors import InputError, MaskError, UsageError
from vostool.pipelines import compare as compare_module
from vostool.pipelines.compare import CompareOptions, compare
from vostool.pipelines.evaluate import evaluate
from vostool.pipelines.followers import build_late_follower
from vostool.pipelines.ground_truth import read_truth

SIZE = (48, 64)
FRAMES = tuple(f"{index:05d}" for index in range(0, 30, 5))


def labels_on(index: int) -> np.ndarray:
    """Object 3 from the third annotated frame on, object 4 from the fourth; object 1 is nowhere on the fourth."""
    labels = np.zeros(SIZE, np.uint8)
    labels[4:20, 4 + index : 20 + index] = 1 if index != 3 else 0
    labels[28:44, 8:24] = 3 if index >= 2 else 0
    labels[24:44, 36:56] = 4 if index >= 3 else 0
    return labels


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A part in YouTube-VOS layout: every frame is there, every fifth is annotated."""
    (tmp_path / "valid/JPEGImages/clip").mkdir(parents=True)
    (tmp_path / "valid/Annotations/clip").mkdir(parents=True)
    for number in range(28):
        Image.new("RGB", SIZE[::-1], (number * 5, 60, 90)).save(tmp_path / f"valid/JPEGImages/clip/{number:05d}.png")
    for index, stem in enumerate(FRAMES):
        Image.fromarray(labels_on(index)).save(tmp_path / f"valid/Annotations/clip/{stem}.png")
    objects = {str(key): {"category": name, "frames": []} for key, name in {1: "dog", 3: "sloth", 4: "dog"}.items()}
    (tmp_path / "valid/meta.json").write_text(json.dumps({"videos": {"clip": {"objects": objects}}}))
    return tmp_path / "valid"


def options(root: Path, **changes: object) -> CompareOptions:
    return CompareOptions(root, ("lite",), protocol="youtube", device="cpu", **changes)  # type: ignore[arg-type]


def test_objects_are_given_alone_where_they_first_appear(root: Path) -> None:
    files = tuple(sorted((root / "Annotations/clip").iterdir()))
    given = read_truth("clip", files, 2017, "youtube").given()
    assert {stem: np.unique(labels).tolist() for stem, labels in given.items()} == {
        "00000": [0, 1],
        "00010": [0, 3],
        "00015": [0, 4],
    }
    np.testing.assert_array_equal(given["00010"], np.where(labels_on(2) == 3, 3, 0))


def test_a_perfect_system_is_scored_as_masks_on_disk_are(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def follow(folder: Path, given: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        assert list(given) == ["00000", "00010", "00015"]
        return ((stem, labels_on(index)) for index, stem in enumerate(FRAMES) if index)

    monkeypatch.setattr(compare_module, "build_late_follower", lambda name, **_: follow)
    (root.parent / "seen.json").write_text('["dog"]')
    scores = compare(options(root, seen=root.parent / "seen.json"))["lite"]
    expected = evaluate(root / "Annotations", root, protocol="youtube", seen=root.parent / "seen.json")
    assert scores == expected
    assert [(each.object_id, each.frames[0], each.is_seen) for each in scores.objects] == [
        (1, "00005", True),
        (3, "00015", False),
        (4, "00020", True),
    ]
    assert scores.overall == 1.0


def test_a_network_takes_on_objects_in_the_middle_of_a_clip(root: Path, tmp_path: Path) -> None:
    weights = save_tiny_weights(tmp_path / "tiny.safetensors")
    follow = build_late_follower("lite", weights=weights, device="cpu", short_side=48)
    given = {"00005": np.where(labels_on(0) == 1, 1, 0), "00010": np.where(labels_on(2) == 3, 3, 0)}
    answers = dict(follow(root / "JPEGImages/clip", {key: each.astype(np.uint8) for key, each in given.items()}))
    assert list(answers) == [f"{number:05d}" for number in range(6, 28)]
    assert all(not (answers[f"{number:05d}"] == 3).any() for number in range(6, 10))
    np.testing.assert_array_equal(answers["00010"] == 3, given["00010"] == 3)


def test_objects_that_begin_after_the_first_mask(root: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(root / "Annotations/clip/00000.png")
    weights = save_tiny_weights(tmp_path / "tiny.safetensors")
    scores = compare(options(root, weights=weights, size=48, year=2017))["lite"]
    assert {each.object_id: each.frames for each in scores.objects} == {1: FRAMES[2:], 3: FRAMES[3:], 4: FRAMES[4:]}


def test_command(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = save_tiny_weights(tmp_path / "tiny.safetensors")
    (tmp_path / "seen.json").write_text('["dog"]')
    arguments = ["eval", "--data", str(root), "--protocol", "youtube", "--weights", str(weights), "--device", "cpu"]
    assert run([*arguments, "--size", "48", "--seen", str(tmp_path / "seen.json"), "-q"]) == 0
    assert "overall" in capsys.readouterr().out


def test_what_does_not_fit_is_told(root: Path, tmp_path: Path) -> None:
    for name in ("first-mask", "optical-flow"):
        with pytest.raises(UsageError, match=f"'{name}' cannot take on objects that appear later; choose among lite"):
            compare(CompareOptions(root, (name,), protocol="youtube"))
    with pytest.raises(UsageError, match="no system 'nothing'"):
        build_late_follower("nothing")
    weights = save_tiny_weights(tmp_path / "tiny.safetensors")
    Image.fromarray(np.full((24, 32), 4, np.uint8)).save(root / "Annotations/clip/00015.png")
    with pytest.raises(MaskError, match=r"mask 00015 of sequence clip is 32x24, its frame 64x48"):
        compare(options(root, weights=weights, size=48))
    (root / "JPEGImages/clip/00025.png").unlink()
    with pytest.raises(InputError, match="mask 00025 of sequence clip has no frame"):
        compare(options(root, weights=weights, size=48))
