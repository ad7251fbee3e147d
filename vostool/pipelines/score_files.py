"""Around scoring: which sequences a split names, and tables of scores as files."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from vostool.datasets.layout import read_split
from vostool.errors import InputError, OutputError, UsageError

SPLIT_YEARS = (2017, 2016)


def choose_sequences(root: Path, names: str | None, split: str | None, year: int | None) -> tuple[str, ...] | None:
    """Names of the sequences to score.

    Args:
        root: Of the data set, or its folder of annotations.
        names: Separated by commas.
        split: Name of a list in ``ImageSets``.
        year: Whose list; None for 2017, or 2016 if only that is there.

    Returns:
        None for all.

    Raises:
        UsageError: If both are given.
        InputError: If there is no such list.
    """
    if names and split:
        raise UsageError("--sequences and --split both say what to score", "give one of them")
    if not split:
        return tuple(name.strip() for name in names.split(",")) if names else None
    home = next((each for each in (root, *root.resolve().parents[:2]) if (each / "ImageSets").is_dir()), root)
    years = [each for each in SPLIT_YEARS if (home / "ImageSets" / str(each) / f"{split}.txt").is_file()]
    chosen = read_split(home, split, year or next(iter(years), SPLIT_YEARS[0]))
    if not chosen:
        raise InputError(f"the list of {split} in {home / 'ImageSets'} is empty", "name the sequences one by one")
    return chosen


def check_table(path: Path | None, *, is_replaced: bool) -> None:
    """Refuses, before anything is scored, a file that exists or that cannot be made.

    Raises:
        OutputError: It exists and is not to be replaced, or its folder is missing.
    """
    if path is None:
        return
    if path.is_dir() or (path.exists() and not is_replaced):
        raise OutputError(f"output {path} exists", "give another name or --overwrite", code="output.exists")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"no such folder: {path.absolute().parent}", "make it first", code="output.folder")


def write_table(path: Path, rows: Sequence[Mapping[str, str | float]]) -> None:
    """Writes rows of equal keys as CSV with a header, figures at full precision.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error}", "choose another place") from error
