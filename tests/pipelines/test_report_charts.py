"""Lines where they belong."""

from __future__ import annotations

from itertools import pairwise

from report_pages import Page

from vostool.pipelines.report_charts import (
    BOTTOM,
    HEIGHT,
    LABEL_HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Curve,
    Mark,
    line_chart,
)


def chart(*curves: Curve, across: tuple[float, float] = (1, 5)) -> Page:
    return Page(line_chart("title", "more", curves, across, "frame", "J"))


def test_corners() -> None:
    points = chart(Curve([(1, 0.0), (5, 1.0)], "o1")).values("polyline", "points")
    assert points == [f"{LEFT:.1f},{HEIGHT - BOTTOM:.1f} {WIDTH - RIGHT:.1f},{TOP:.1f}"]


def test_a_gap_breaks_the_line_and_a_single_point_is_a_dot() -> None:
    page = chart(Curve([(1, 0.5), (2, 0.5), (3, None), (4, 0.5), (5, None)], "o1"))
    assert len(page.values("polyline", "points")) == 1
    assert page.values("circle", "class") == ["dot"]


def test_one_frame_alone_can_be_drawn() -> None:
    page = chart(Curve([(7, 0.5)], "o1", marks=[Mark(7, 0.5, "worst", "tip", "0.50 on 7")]), across=(7, 7))
    assert "0.50 on 7" in page.text
    assert "nan" not in str(page.tags)


def test_ticks_stay_within_the_frames() -> None:
    assert "1 2 3 4 5 frame" in chart().text.replace("title more", "")


def test_labels_at_the_end_are_moved_apart_and_stay_inside() -> None:
    page = chart(*(Curve([(1, 0.0), (5, 0.001 * number)], f"o{number}", str(number)) for number in range(1, 6)))
    heights = sorted(
        float(str(attributes["y"])) for tag, attributes in page.tags if str(attributes.get("class")).startswith("end")
    )
    assert len(heights) == 5
    assert min(upper - lower for lower, upper in pairwise(heights)) >= LABEL_HEIGHT - 1e-3
    assert heights[-1] <= HEIGHT - BOTTOM + 4
