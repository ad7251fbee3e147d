"""The terminal's tables for the report's page: systems under one another, the best of them in bold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from vostool.metrics.tables import ALL, Row
from vostool.pipelines.report_html import Markup, element, join, table

COMPARED = ("J", "F", "J&F", "IoU")

Tables = Mapping[str, Sequence[Row]]


def score_tables(tables: Tables, names: Sequence[str]) -> Markup:
    """Over all, and sequence by sequence, which lead to their lines.

    Args:
        tables: The rows that the terminal shows, by system.
        names: Of the sequences, in order.
    """
    means = {system: [row for row in rows if row["object"] == ALL] for system, rows in tables.items()}
    over_all = [
        {"part": row["sequence"], "system": system, **_figures(row)}
        for system, rows in means.items()
        for row in rows[len(names) :]
    ]
    if len(over_all) == len(tables):
        over_all = [{key: value for key, value in row.items() if key != "part"} for row in over_all]
    by_sequence = [
        _with_system(means[system][number], system, tables) for number in range(len(names)) for system in tables
    ]
    numbers = {name: number for number, name in enumerate(names, 1)}
    linked = [{**row, "sequence": _link(str(row["sequence"]), numbers)} for row in by_sequence]
    return join([
        table("Over all: means over objects", over_all, _best(over_all, "part")),
        table("Sequences: means over their objects", linked, _best(by_sequence, "sequence")),
    ])  # fmt: skip


def object_table(tables: Tables) -> Markup:
    """Object by object."""
    first = next(iter(tables.values()))
    numbers = [number for number, row in enumerate(first) if row["object"] != ALL]
    rows = [_with_system(tables[system][number], system, tables) for number in numbers for system in tables]
    return table("Objects: means over their frames", rows, _best(rows, "sequence", "object"))


def _with_system(row: Row, system: str, tables: Tables) -> Row:
    """A row that says whose it is, if there are several."""
    named = {key: row[key] for key in ("sequence", "object") if row[key] != ALL or key == "sequence"}
    return named | ({"system": system} if len(tables) > 1 else {}) | _figures(row)


def _figures(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in ("sequence", "object")}


def _best(rows: Sequence[Row], *keys: str) -> Callable[[int, str], bool]:
    """Tells whether a figure is the highest among the rows of equal keys that do not all have it."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)

    def stands_out(index: int, name: str) -> bool:
        if name not in COMPARED:
            return False
        values = {row[name] for row in groups[tuple(rows[index].get(key) for key in keys)]}
        return len(values) > 1 and rows[index][name] == max(values, key=float)

    return stands_out


def _link(name: str, numbers: Mapping[str, int]) -> Markup:
    return element("a", name, href=f"#sequence-{numbers[name]}")
