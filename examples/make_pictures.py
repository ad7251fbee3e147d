"""The pictures of the README, from what ``make demo`` wrote: ``python examples/make_pictures.py demo docs/images``."""

from __future__ import annotations

import sys
from pathlib import Path

import av
import cv2
import numpy as np

FRAMES = (0, 50, 92, 110, 149)
WIDTH = 380
CHECK = 12
CAPTION = 26


def read_frames(path: Path, pixel_format: str) -> dict[int, np.ndarray]:
    """The chosen frames of a video as HxWx3 or HxWx4 uint8."""
    with av.open(str(path)) as container:
        frames = enumerate(container.decode(video=0))
        return {index: frame.to_ndarray(format=pixel_format) for index, frame in frames if index in FRAMES}


def on_checkerboard(image: np.ndarray) -> np.ndarray:
    """An RGBA picture over a grey checkerboard, as editors show alpha."""
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    board = np.where((rows // CHECK + columns // CHECK) % 2, 205, 165).astype(np.float32)[..., None]
    alpha = image[..., 3:].astype(np.float32) / 255
    return np.rint(alpha * image[..., :3] + (1 - alpha) * board).astype(np.uint8)


def shrink(image: np.ndarray) -> np.ndarray:
    """To the width of one column."""
    height = round(image.shape[0] * WIDTH / image.shape[1])
    return cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_AREA)


def caption(text: str) -> np.ndarray:
    """A white strip with a few words, one column wide."""
    strip = np.full((CAPTION, WIDTH, 3), 255, np.uint8)
    cv2.putText(strip, text, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (60, 60, 60), 1, cv2.LINE_AA)
    return strip


def main(demo: Path, output: Path) -> None:
    """Writes demo.jpg: the clip, the overlay and the alpha at a few frames, one above the other."""
    clip = read_frames(demo / "clip.mp4", "rgb24")
    overlay = read_frames(demo / "overlay.mp4", "rgb24")
    alpha = {index: on_checkerboard(image) for index, image in read_frames(demo / "alpha.mov", "rgba").items()}
    rows = [np.hstack([caption(f"frame {index}") for index in FRAMES])]
    rows += [np.hstack([shrink(pictures[index]) for index in FRAMES]) for pictures in (clip, overlay, alpha)]
    output.mkdir(parents=True, exist_ok=True)
    sheet = np.vstack(rows)[..., ::-1]
    cv2.imwrite(str(output / "demo.jpg"), sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
