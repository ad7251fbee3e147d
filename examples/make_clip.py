"""Paint the demo clip: two koi cross in a pond, five seconds at 854x480, with sound.

    python examples/make_clip.py OUT_FOLDER [--truth]

writes OUT_FOLDER/clip.mp4 (H.264 and AAC) and OUT_FOLDER/first.png (indexed PNG of the first frame: 1 the red and white
koi, 2 the golden one); with --truth also OUT_FOLDER/truth/00000.png and so on, the true masks of all frames.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from koi_pond.scene import FRAME_RATE, LOWER, NUM_FRAMES, UPPER, Pond
from koi_pond.sound import RATE, compose
from PIL import Image

PALETTE = (0, 0, 0, 128, 0, 0, 0, 128, 0)
# BT.709, limited range, in the numbers of ITU-T H.273 and of FFmpeg's scaler.
BT709, LIMITED_RANGE, SCALER_BT709 = 1, 1, 1
AUDIO_FRAME = 1024


def main() -> None:
    """Write the clip and its first mask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="OUT_FOLDER")
    parser.add_argument("--truth", action="store_true", help="write the true masks of all frames as well")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    unfinished = options.folder / "clip.part.mp4"
    write_clip(unfinished, painted_frames(options.folder, options.truth))
    unfinished.replace(options.folder / "clip.mp4")


def painted_frames(folder: Path, with_truth: bool) -> Iterator[np.ndarray]:
    """Frames in order, painted on all cores; their masks are saved on the way."""
    pond = Pond()
    cv2.setNumThreads(1)  # frames are painted side by side instead
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        yield from save_masks(pool.map(pond.frame, range(NUM_FRAMES)), folder, with_truth)


def save_masks(frames: Iterator[tuple[np.ndarray, np.ndarray]], folder: Path, with_truth: bool) -> Iterator[np.ndarray]:
    """Pass the images on, save the masks that are wanted, and tell how far it is."""
    for index, (image, labels) in enumerate(frames):
        if index == 0:
            save_mask(labels, folder / "first.png")
        if with_truth:
            save_mask(labels, folder / "truth" / f"{index:05d}.png")
        if index % FRAME_RATE == 0:
            print(f"painting the clip: {index}/{NUM_FRAMES} frames", file=sys.stderr)
        yield image


def save_mask(labels: np.ndarray, path: Path) -> None:
    """Save HxW uint8 labels as an indexed PNG."""
    path.parent.mkdir(exist_ok=True)
    image = Image.fromarray(labels)
    image.putpalette(PALETTE)  # turns a grey image into an indexed one with the same values
    image.save(path)


def write_clip(path: Path, frames: Iterator[np.ndarray]) -> None:
    """Encode the frames, then the sound."""
    with av.open(path, "w", format="mp4", options={"movflags": "faststart"}) as container:
        video = container.add_stream("libx264", rate=FRAME_RATE, options={"crf": "17", "preset": "fast"})
        audio = container.add_stream("aac", rate=RATE, layout="stereo")
        for number, image in enumerate(frames):
            if number == 0:
                video.height, video.width = image.shape[:2]
                video.pix_fmt = "yuv420p"
                video.codec_context.colorspace = video.codec_context.color_primaries = BT709
                video.codec_context.color_trc, video.codec_context.color_range = BT709, LIMITED_RANGE
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=SCALER_BT709, dst_color_range=LIMITED_RANGE)
            frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        write_sound(container, audio)


def write_sound(container: av.container.OutputContainer, audio: av.AudioStream) -> None:
    """Encode the sound that belongs to the motion."""
    sound = compose((UPPER, LOWER), NUM_FRAMES / FRAME_RATE)
    for start in range(0, sound.shape[1], AUDIO_FRAME):
        piece = np.ascontiguousarray(sound[:, start : start + AUDIO_FRAME])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        container.mux(audio.encode(frame))
    container.mux(audio.encode())


if __name__ == "__main__":
    main()
