"""HTML piece by piece: whatever is not ``Markup`` is text, and is escaped."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from PIL import Image

JPEG_QUALITY = 82
VOID_TAGS = frozenset({"br", "img", "meta"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | None
Cell = Child | float
Cells = Mapping[str, Cell]


def element(tag: str, *children: Child, **attributes: str | float | None) -> Markup:
    """One element.

    Args:
        tag: Its name.
        children: Texts, which are escaped, and ``Markup``; None for nothing.
        attributes: ``class_`` is class, ``stroke_width`` is stroke-width; None for none.
    """
    written = "".join(
        f' {_name(key)}="{html.escape(_value(value))}"' for key, value in attributes.items() if value is not None
    )
    if tag in VOID_TAGS:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{join(children)}</{tag}>")


def join(children: Iterable[Child]) -> Markup:
    """Pieces one after the other."""
    texts = (each if isinstance(each, Markup) else html.escape(each) for each in children if each is not None)
    return Markup("".join(texts))


def table(caption: Child, rows: Sequence[Cells], emphasis: Callable[[int, str], bool] | None = None) -> Markup:
    """Rows of equal keys, at least one; texts to the left, figures at three places to the right.

    Args:
        caption: What it shows.
        rows: The first column names the row.
        emphasis: Tells of the number of a row and a column whether the figure stands out.
    """
    names = list(rows[0])
    head = element("tr", *(element("th", name, scope="col", class_=_kind(rows[0][name])) for name in names))
    body = [_row(index, row, emphasis) for index, row in enumerate(rows)]
    whole = element("table", element("caption", caption), element("thead", head), element("tbody", *body))
    # Scrolls by itself where it is wider than the page, also by keyboard.
    return element("div", whole, class_="scroll", tabindex=0, role="group", aria_label=_plain(caption))


def picture(image: np.ndarray, alternative: str, is_photo: bool = True) -> Markup:
    """An image in the page itself.

    Args:
        image: HxWx3 uint8 RGB.
        alternative: What it shows, for those who do not see it.
        is_photo: JPEG if so, else PNG.
    """
    target = io.BytesIO()
    kind = "JPEG" if is_photo else "PNG"
    Image.fromarray(image).save(target, kind, quality=JPEG_QUALITY, optimize=True)
    address = f"data:image/{kind.lower()};base64,{base64.b64encode(target.getvalue()).decode('ascii')}"
    return element("img", src=address, alt=alternative, width=image.shape[1], height=image.shape[0])


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 frame``, ``2 frames``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _row(index: int, row: Cells, emphasis: Callable[[int, str], bool] | None) -> Markup:
    first, *others = row
    cells = [element("th", _text(row[first]), scope="row")]
    for name in others:
        text = _text(row[name])
        stands_out = emphasis is not None and emphasis(index, name)
        cells.append(element("td", element("strong", text) if stands_out else text, class_=_kind(row[name])))
    return element("tr", *cells)


def _text(cell: Cell) -> Child:
    return f"{cell:.3f}" if isinstance(cell, float) else cell if isinstance(cell, str) else str(cell)


def _kind(cell: Cell) -> str | None:
    return None if isinstance(cell, str) else "figure"


def _plain(caption: Child) -> str:
    return caption or "table"


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
