"""The demo clip as a data set in DAVIS layout, to score systems on.

    python examples/make_data_set.py demo demo/data

Reads demo/clip.mp4 and demo/truth, as ``make_clip.py demo --truth`` writes them; writes demo/data/JPEGImages/koi and
demo/data/Annotations/koi.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import av

NAME = "koi"
JPEG_QUALITY = 92


def main(demo: Path, root: Path) -> None:
    """Writes frames and masks of one sequence."""
    images, masks = root / "JPEGImages" / NAME, root / "Annotations" / NAME
    images.mkdir(parents=True, exist_ok=True)
    masks.mkdir(parents=True, exist_ok=True)
    for file in sorted((demo / "truth").glob("*.png")):
        shutil.copyfile(file, masks / file.name)
    with av.open(str(demo / "clip.mp4")) as container:
        for index, frame in enumerate(container.decode(video=0)):
            frame.to_image().save(images / f"{index:05d}.jpg", quality=JPEG_QUALITY)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
