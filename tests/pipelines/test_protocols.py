"""What counts by each protocol, missing predictions, years, splits and processes, on masks on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vostool.errors import InputError, MaskError, OutputError, UsageError, VostoolError
from vostool.pipelines.evaluate import evaluate
from vostool.pipelines.score_files import check_table, choose_sequences, write_table

SIZE = (24, 30)


def square(object_id: int, left: int) -> np.ndarray:
    labels = np.zeros(SIZE, np.uint8)
    labels[4:14, left : left + 8] = object_id
    return labels


def write(folder: Path, masks: list[np.ndarray], stride: int = 1) -> Path:
    folder.mkdir(parents=True)
    for index, mask in enumerate(masks):
        Image.fromarray(mask).save(folder / f"{index * stride:05d}.png")
    return folder


@pytest.fixture
def late(tmp_path: Path) -> tuple[Path, Path]:
    """Five frames; object 1 from the first on, object 3 from the third, object 4 only on the last."""
    one, three, four = square(1, 2), square(3, 12), square(4, 21)
    masks = [one, one, one + three, one + three, one + three + four]
    return write(tmp_path / "predictions/clip", masks, 5).parent, write(tmp_path / "valid/Annotations/clip", masks, 5)


def write_meta(file: Path, categories: dict[int, str], frames: list[str] | None = None) -> Path:
    objects = {str(key): {"category": name, "frames": frames or []} for key, name in categories.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"videos": {"clip": {"objects": objects}}}))
    return file


def test_youtube_scores_objects_after_their_first_frame(late: tuple[Path, Path], tmp_path: Path) -> None:
    scores = evaluate(late[0], tmp_path / "valid", protocol="youtube")
    assert [(each.object_id, each.frames) for each in scores.objects] == [
        (1, ("00005", "00010", "00015", "00020")),
        (3, ("00015", "00020")),
    ]
    assert scores.region_and_boundary == 1.0


def test_youtube_does_not_mind_what_stands_before_an_object_is_given(late: tuple[Path, Path], tmp_path: Path) -> None:
    Image.fromarray(square(1, 2) + square(3, 20)).save(late[0] / "clip/00005.png")
    assert evaluate(late[0], tmp_path / "valid", protocol="youtube").region_and_boundary == 1.0


def test_youtube_takes_predictions_as_they_are_handed_in(late: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "upload").mkdir()
    late[0].rename(tmp_path / "upload/Annotations")
    assert evaluate(tmp_path / "upload", tmp_path / "valid", protocol="youtube").region.mean == 1.0


def test_seen_and_unseen_from_the_meta_of_the_training_set(late: tuple[Path, Path], tmp_path: Path) -> None:
    write_meta(tmp_path / "valid/meta.json", {1: "dog", 3: "sloth"})
    Image.fromarray(square(1, 2)).save(late[0] / "clip/00020.png")
    assert evaluate(late[0], tmp_path / "valid", protocol="youtube").overall is None
    write_meta(tmp_path / "train/meta.json", {1: "dog"})
    scores = evaluate(late[0], tmp_path / "valid", protocol="youtube")
    assert [each.is_seen for each in scores.objects] == [True, False]
    assert scores.overall == (1.0 + 1.0 + 0.5 + 0.5) / 4
    (tmp_path / "names.json").write_text('["sloth"]')
    for root in (tmp_path / "valid", tmp_path / "valid/Annotations"):
        swapped = evaluate(late[0], root, protocol="youtube", seen=tmp_path / "names.json")
        assert [each.is_seen for each in swapped.objects] == [False, True]


def test_meta_that_does_not_fit_is_refused(late: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "names.json").write_text('["dog"]')
    meta = write_meta(tmp_path / "valid/meta.json", {1: "dog"})
    with pytest.raises(InputError, match="no object 3 of sequence clip"):
        evaluate(late[0], tmp_path / "valid", protocol="youtube", seen=tmp_path / "names.json")
    write_meta(meta, {1: "dog", 3: "sloth"}, ["00005", "00025"])
    with pytest.raises(InputError, match=r"frame 00025 of sequence clip counts by meta.json and has no annotation"):
        evaluate(late[0], tmp_path / "valid", protocol="youtube")
    meta.write_text('{"videos": []}')
    with pytest.raises(InputError, match=r"meta.json is not as YouTube-VOS writes it"):
        evaluate(late[0], tmp_path / "valid", protocol="youtube")
    meta.write_text("{")
    with pytest.raises(InputError, match=r"meta.json cannot be read"):
        evaluate(late[0], tmp_path / "valid", protocol="youtube")


def test_segtrack_scores_the_last_frame_too(tmp_path: Path) -> None:
    write(tmp_path / "truth/clip", [square(1, 2)] * 4)
    write(tmp_path / "predictions/clip", [square(1, 2)] * 3 + [square(1, 6)])
    folders = tmp_path / "predictions", tmp_path / "truth"
    assert evaluate(*folders).objects[0].regions == (1.0, 1.0)
    assert evaluate(*folders, protocol="segtrack").objects[0].regions == (1.0, 1.0, 4 / 12)


def test_year_is_recognised_over_all_sequences(tmp_path: Path) -> None:
    for name in ("predictions", "truth"):
        write(tmp_path / name / "white", [square(255, 2)] * 3)
    folders = tmp_path / "predictions", tmp_path / "truth"
    assert evaluate(*folders).region.mean == 1.0
    write(tmp_path / "truth/ids", [square(1, 2) + square(2, 12)] * 3)
    write(tmp_path / "predictions/ids", [square(1, 2) + square(2, 12)] * 3)
    assert [each.object_id for each in evaluate(*folders, sequences=["ids"]).objects] == [1, 2]
    with pytest.raises(MaskError, match="sequence white has no object"):
        evaluate(*folders)
    assert [each.object_id for each in evaluate(*folders, year=2016).objects] == [1, 1]


@pytest.fixture
def incomplete(tmp_path: Path) -> tuple[Path, Path]:
    """Sequence a lacks a frame on which there is no object, b lacks all."""
    masks = [square(1, 2), square(1, 3), np.zeros(SIZE, np.uint8), square(1, 4), square(1, 5)]
    for name in "abc":
        write(tmp_path / "truth" / name, masks)
    for name in "ac":
        write(tmp_path / "predictions" / name, masks)
    (tmp_path / "predictions/a/00002.png").unlink()
    return tmp_path / "predictions", tmp_path / "truth"


@pytest.mark.parametrize("num_jobs", [1, 2])
def test_what_is_missing_counts_as_zero_if_allowed(incomplete: tuple[Path, Path], num_jobs: int) -> None:
    scores = evaluate(*incomplete, allow_missing=True, num_jobs=num_jobs)
    assert [each.objects[0].regions for each in scores.sequences] == [(1, 0, 1), (0, 0, 0), (1, 1, 1)]
    assert [each.num_missing for each in scores.sequences] == [1, 3, 0]
    assert scores.to_dict() == evaluate(*incomplete, allow_missing=True).to_dict()


@pytest.mark.parametrize("num_jobs", [1, 2])
def test_first_error_comes_from_any_number_of_processes(incomplete: tuple[Path, Path], num_jobs: int) -> None:
    with pytest.raises(MaskError, match=r"frame 00002 of sequence a has no prediction.*--allow-missing") as caught:
        evaluate(*incomplete, num_jobs=num_jobs)
    assert caught.value.hint
    with pytest.raises(MaskError, match=r"sequence b has no predictions.*--allow-missing"):
        evaluate(*incomplete, sequences=["b", "c"], num_jobs=num_jobs)


def test_only_the_first_mask_cannot_be_scored(tmp_path: Path) -> None:
    write(tmp_path / "clip", [square(1, 2)])
    with pytest.raises(InputError, match=r"sequence clip has 1 mask;.*test-dev"):
        evaluate(tmp_path, tmp_path)
    with pytest.raises(InputError, match="give 2 or more: the first never counts"):
        evaluate(tmp_path, tmp_path, protocol="segtrack")


def test_nothing_after_the_first_object_is_refused(tmp_path: Path) -> None:
    empty = np.zeros(SIZE, np.uint8)
    write(tmp_path / "none", [empty] * 3)
    write(tmp_path / "last", [empty, empty, square(2, 2)])
    with pytest.raises(MaskError, match="sequence none have no object"):
        evaluate(tmp_path, tmp_path, sequences=["none"], protocol="youtube")
    with pytest.raises(InputError, match="sequence last has nothing to score"):
        evaluate(tmp_path, tmp_path, sequences=["last"], protocol="youtube", year=2017)
    with pytest.raises(UsageError, match="no protocol 'jumpcut'"):
        evaluate(tmp_path, tmp_path, protocol="jumpcut")


def test_split_is_a_list_of_the_year(tmp_path: Path) -> None:
    for year, names in ((2016, "cow\ndog\n"), (2017, "bee\n")):
        (tmp_path / f"ImageSets/{year}").mkdir(parents=True)
        (tmp_path / f"ImageSets/{year}/val.txt").write_text(names)
    (tmp_path / "ImageSets/2016/train.txt").write_text("ant")
    (tmp_path / "ImageSets/2016/none.txt").write_text("")
    inner = tmp_path / "Annotations/480p"
    assert choose_sequences(tmp_path, None, "val", 2016) == ("cow", "dog")
    assert choose_sequences(inner, None, "val", None) == ("bee",)
    assert choose_sequences(tmp_path, None, "train", None) == ("ant",)
    assert choose_sequences(tmp_path, "a, b", None, None) == ("a", "b")
    assert choose_sequences(tmp_path, None, None, None) is None
    for split in ("test", "none"):
        with pytest.raises(InputError, match="name the sequences one by one"):
            choose_sequences(tmp_path, None, split, None)
    with pytest.raises(UsageError, match="give one of them"):
        choose_sequences(tmp_path, "a", "val", None)


def test_table_is_checked_first_and_has_full_precision(tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    check_table(None, is_replaced=False)
    check_table(file, is_replaced=False)
    write_table(file, [{"name": "a, b", "J": 1 / 3}])
    assert file.read_text().splitlines() == ["name,J", f'"a, b",{1 / 3!r}']
    check_table(file, is_replaced=True)
    problems: list[tuple[Path, bool]] = [(file, False), (tmp_path, True), (tmp_path / "no/scores.csv", False)]
    for path, is_replaced in problems:
        with pytest.raises(OutputError):
            check_table(path, is_replaced=is_replaced)
    with pytest.raises(VostoolError, match="cannot write"):
        write_table(tmp_path / "no/scores.csv", [{"J": 1.0}])
