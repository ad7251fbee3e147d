"""The quick reader of PNG: equal to Pillow wherever it answers, and silent wherever it must not."""

from __future__ import annotations

import zlib
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from vostool.datasets.layout import read_labels
from vostool.datasets.plain_png import parse_plain_png
from vostool.errors import MaskError
from vostool.video.colour.palette import davis_palette


def indexed_image(labels: np.ndarray) -> Image.Image:
    image = Image.fromarray(labels)
    image.putpalette(davis_palette().tobytes())
    return image


def encode(image: Image.Image, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def by_hand(rows: bytes, width: int, height: int, form: bytes = b"\x08\x00\x00\x00\x00", num_parts: int = 1) -> bytes:
    """A PNG of rows that begin with the number of their filter, its data in several chunks."""
    header = chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + form)
    data = zlib.compress(rows)
    cuts = [len(data) * part // num_parts for part in range(num_parts + 1)]
    parts = [chunk(b"IDAT", data[start:end]) for start, end in pairwise(cuts)]
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(parts) + chunk(b"IEND", b"")


@settings(deadline=None)
@given(npst.arrays(np.uint8, npst.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_indexed_masks_are_as_they_were_written(labels: np.ndarray) -> None:
    pixels = parse_plain_png(encode(indexed_image(labels)))
    assert pixels is not None
    np.testing.assert_array_equal(pixels, labels)


@settings(deadline=None)
@given(npst.arrays(np.uint8, (9, 12), elements=st.integers(0, 255)), st.sampled_from(["L", "P", "RGB", "1"]))
def test_any_other_picture_is_left_to_pillow_or_equal(pixels: np.ndarray, mode: str) -> None:
    image = indexed_image(pixels) if mode == "P" else Image.fromarray(pixels).convert(mode)
    content = encode(image, bits=8) if mode == "P" else encode(image)
    found = parse_plain_png(content)
    if found is not None:
        np.testing.assert_array_equal(found, np.asarray(Image.open(BytesIO(content))))


def test_data_in_several_chunks() -> None:
    rows = b"".join(b"\0" + bytes(range(row, row + 7)) for row in range(5))
    pixels = parse_plain_png(by_hand(rows, 7, 5, num_parts=3))
    assert pixels is not None
    assert pixels.tolist() == [list(range(row, row + 7)) for row in range(5)]


PLAIN = by_hand(b"\0abc\0def", 3, 2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + PLAIN[6:],
        PLAIN[:20] + b"\x01" + PLAIN[21:],
        PLAIN[:45],
        PLAIN[:-12],
        by_hand(b"\0abc\1def", 3, 2),
        by_hand(b"\0abc\0de", 3, 2),
        by_hand(b"\0abc\0defg", 3, 2),
        by_hand(b"\0abc\0def", 3, 2, b"\x08\x00\x00\x00\x01"),
        by_hand(b"\0abc\0def", 1, 2, b"\x08\x02\x00\x00\x00"),
        by_hand(b"\0\0\0\0\0\0", 2**31, 2**31),
        PLAIN.replace(PLAIN[41:50], bytes(9)),
    ],
)
def test_what_is_damaged_or_of_another_form_has_no_answer(content: bytes) -> None:
    assert parse_plain_png(PLAIN) is not None
    assert parse_plain_png(content) is None


def test_damaged_masks_are_told_by_their_path(tmp_path: Path) -> None:
    file = tmp_path / "00000.png"
    file.write_bytes(encode(indexed_image(np.ones((40, 40), np.uint8)))[:-40])
    with pytest.raises(MaskError, match=r"mask .*00000.png cannot be read"):
        read_labels(file, 2017)
