"""Make the part files of a checkpoint again from the finished output, so that it can be redone from there on.

The first frames of the redone output are then the very packets, or files, of the one that is there. That one is only
read; the redone one takes its place in ``finish()``.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from PIL import Image

from vostool.types import VideoInfo
from vostool.video.disk_errors import disk_errors
from vostool.video.durable import sync
from vostool.video.tracks.timeline import Timeline
from vostool.video.writing.encoding import Encoding, encoded_size, encoding_of
from vostool.video.writing.growing_folder import MOVING
from vostool.video.writing.output_kind import Kind, is_folder_path, part_path
from vostool.video.writing.picture_folder import still_name
from vostool.video.writing.pictures import PictureStyle
from vostool.video.writing.sink_state import SinkState, cannot_resume
from vostool.video.writing.stills import is_own_still, still_suffix
from vostool.video.writing.writer import CRASH_SAFE_OPTIONS

# Attribute of an OpenEXR file: name, type, number of bytes; then left, top, right, bottom of the stored pixels.
_EXR_WINDOW = b"dataWindow\0box2i\0\x10\0\0\0"
_EXR_HEADER_BYTES = 1024


def reopen(
    kind: Kind, path: Path, info: VideoInfo, state: SinkState, *, style: PictureStyle | None = None
) -> SinkState:
    """The state by which ``open_sink(..., resume=...)`` goes on after the checkpoint, in place of the finished output.

    A video is copied into one part file, without its sound; stills get a second name where the file system can do that.

    Args:
        kind, path, info, style: As for ``open_sink``.
        state: A checkpoint of the run that made the output; its part files need not be there.

    Raises:
        OutputError: What is there is not what that run made, or the disk refuses; no part file is left behind.
    """
    if not state["num_frames"]:
        return {**state, "overwrite": True}
    if is_folder_path(path):
        _link_stills(path, info, state, still_suffix(kind, style or PictureStyle()))
        return {**state, "overwrite": True}
    part = part_path(path)
    with disk_errors(path, part):
        try:
            _rebuild_part(path, part, encoding_of(kind, path, info), info, state)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    segment = {
        "name": part.name,
        "num_frames": state["num_frames"],
        "first_time": state["segments"][0]["first_time"],
        "num_bytes": part.stat().st_size,
    }
    return {**state, "segments": [segment], "overwrite": True}


def _rebuild_part(path: Path, part: Path, encoding: Encoding, info: VideoInfo, state: SinkState) -> None:
    """Copy the first frames of a finished video, and see that they are those of the checkpoint."""
    if not path.is_file():
        raise cannot_resume(path, "it is not there")
    try:
        container = av.open(str(path))
    except av.error.InvalidDataError as error:
        raise cannot_resume(path, "it is no video") from error
    with container:
        _require_encoding(path, container, encoding, info)
        found = _copy(container, part, info, state["num_frames"])
    expected = Timeline(path.suffix)
    expected.restore(state["timeline"])
    if found.num_frames != expected.num_frames:
        raise cannot_resume(path, f"it holds {found.num_frames} frames of {expected.num_frames}")
    # What begins before zero was moved there.
    first = max(expected.first or Fraction(0), Fraction(0))
    if found.first != first or found.find_difference(expected) is not None:
        raise cannot_resume(path, "it shows its frames at other times")
    sync(part)
    sync(part.absolute().parent)


def _require_encoding(path: Path, container: av.container.InputContainer, encoding: Encoding, info: VideoInfo) -> None:
    """Raise OutputError unless the video is of the codec and size that is about to be written."""
    if not container.streams.video:
        raise cannot_resume(path, "it is no video")
    context = container.streams.video[0].codec_context
    codec = av.Codec(encoding.codec, "w").canonical_name
    if (found := context.codec.canonical_name) != codec:
        raise cannot_resume(path, f"it is {found} and not {codec}")
    _require_size(path, (context.height, context.width), encoded_size(encoding, info))


def _copy(container: av.container.InputContainer, part: Path, info: VideoInfo, num_frames: int) -> Timeline:
    """Copy the first packets; no encoding of ours reorders pictures. Gives the times that were copied."""
    timeline = Timeline(part.suffix)
    video = container.streams.video[0]
    with av.open(str(part), "w", options=CRASH_SAFE_OPTIONS[part.suffix.lower()]) as output:
        stream = output.add_stream_from_template(video, opaque=True)
        # A copied stream forgets it.
        stream.codec_context.sample_aspect_ratio = info.sample_aspect_ratio
        for packet in islice(_pictures(container), num_frames):
            assert packet.pts is not None
            assert packet.time_base is not None
            timeline.add(packet.pts * packet.time_base)
            packet.stream = stream
            output.mux(packet)
    return timeline


def _pictures(container: av.container.InputContainer) -> Iterator[av.Packet]:
    return (packet for packet in container.demux(video=0) if packet.size and packet.pts is not None)


def _link_stills(path: Path, info: VideoInfo, state: SinkState, suffix: str) -> None:
    """Give the first stills of a finished folder a second name in the part folder."""
    part, num_frames = part_path(path), state["num_frames"]
    numbers = range(state["first_index"], state["end_index"])
    stills = [still for number in numbers if (still := path / still_name(info.frame_names, number, suffix)).is_file()]
    if len(stills) != num_frames:
        raise cannot_resume(path, f"it holds {len(stills)} files of {num_frames}")
    for still in stills:
        if not is_own_still(still):
            raise cannot_resume(path, f"{still.name} is of another program")
        _require_size(still, _still_size(still), info.size)
    with disk_errors(path, part):
        part.mkdir(exist_ok=True)
        (part / MOVING).unlink(missing_ok=True)
        for still in stills:
            _link(still, part / still.name)
        sync(part)
        sync(part.absolute().parent)


def _link(still: Path, target: Path) -> None:
    """A second name, since stills are replaced and never changed; else a copy that is on the disk."""
    target.unlink(missing_ok=True)
    try:
        os.link(still, target)
    except OSError:
        shutil.copyfile(still, target)
        sync(target)


def _still_size(still: Path) -> tuple[int, int]:
    """Height and width of one of our stills."""
    if still.suffix != ".exr":
        with Image.open(still) as image:
            return image.height, image.width
    with still.open("rb") as file:
        _, found, window = file.read(_EXR_HEADER_BYTES).partition(_EXR_WINDOW)
    if not found or len(window) < 16:
        return 0, 0
    left, top, right, bottom = struct.unpack("<4i", window[:16])
    return bottom - top + 1, right - left + 1


def _require_size(path: Path, found: tuple[int, int], expected: tuple[int, int]) -> None:
    if found != expected:
        raise cannot_resume(path, f"it is {found[1]}x{found[0]} and not {expected[1]}x{expected[0]}")
