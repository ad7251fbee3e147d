"""Video from a pipe: read once, in order, with no way back; its sound is handed on while the pictures are read.

Nut, Matroska, y4m, MPEG-TS, AVI, fragmented MP4 and MP4 with its index in front can be read so. An MP4 with its index
at the end cannot, which is said before gigabytes of it have been waited for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from av.packet import Packet

from vostool.errors import VideoError
from vostool.video.pipes.ends import Inlet
from vostool.video.pipes.formats import refuse_terminal
from vostool.video.pipes.sound import PacketQueue
from vostool.video.reading.decoding import FileReader
from vostool.video.reading.diagnosis import BOX_HEADER_SIZE, FIRST_BOXES, GIVE_A_VIDEO, SAMPLE_SIZE, is_text

# How the stream is called in messages.
SPOKEN_NAME = "standard input"


class PipeReader(FileReader):
    """The frames of a video that comes through a pipe; ``open_pipe`` makes one.

    Attributes:
        sound: Packets of sound that came so far; None if there is none or it is not wanted.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str = "-",
        *,
        keeps_depth: bool = False,
        deinterlace: bool = True,
        keeps_sound: bool = True,
    ) -> None:
        self._inlet: Inlet | None = None if file.seekable() else Inlet(file)
        self.sound: PacketQueue | None = PacketQueue() if keeps_sound else None
        sample = _peek(file) if self._inlet is None else self._inlet.peek(SAMPLE_SIZE)
        _require_video(sample, has_way_back=self._inlet is None)
        source = cast(BinaryIO, self._inlet or file)
        try:
            super().__init__(Path(SPOKEN_NAME), keeps_depth=keeps_depth, deinterlace=deinterlace, file=source)
        except BaseException:
            self._close_inlet()
            raise
        self.info = replace(self.info, path=Path(name))
        self._name_sound()

    def stop(self) -> None:
        """End the video here, also where a thread waits for more of it: what has come is still given out.

        A pipe that stays silent otherwise holds up whoever waits for its next frame.
        """
        if self._inlet is not None:
            self._inlet.stop()

    def close(self) -> None:
        """Close the video; the pipe itself stays the caller's to close."""
        super().close()
        self._close_inlet()

    def _hand_on(self, packet: Packet) -> None:
        if self.sound is not None and packet.stream.type == "audio":
            self.sound.put(packet)

    def _name_sound(self) -> None:
        streams = tuple(self._container.streams.audio)
        if not streams:
            self.sound = None
        elif self.sound is not None:
            self.sound.streams = streams

    def _close_inlet(self) -> None:
        if self._inlet is not None:
            self._inlet.close()


def open_pipe(
    file: BinaryIO,
    name: str = "-",
    *,
    keeps_depth: bool = False,
    deinterlace: bool = True,
    keeps_sound: bool = True,
) -> PipeReader:
    """Open a video that comes through a pipe, or any open file, for reading its frames in presentation order.

    Args:
        file: Open for reading bytes; a file that can go back, as ``< clip.mp4`` gives it, is read as such. It stays
            the caller's to close.
        name: For ``VideoInfo.path``.
        keeps_depth, deinterlace: As for ``open_video``.
        keeps_sound: Packets of sound are kept for the one who takes them from ``sound``.

    Raises:
        UsageError: It is a terminal.
        VideoError: It is empty, no video, or one that cannot be read without going back.
    """
    refuse_terminal(file, is_input=True)
    return PipeReader(file, name, keeps_depth=keeps_depth, deinterlace=deinterlace, keeps_sound=keeps_sound)


def _peek(file: BinaryIO) -> bytes:
    """The first bytes of a file that can go back, which goes back."""
    place = file.tell()
    sample = file.read(SAMPLE_SIZE)
    file.seek(place)
    return sample


def _require_video(sample: bytes, *, has_way_back: bool) -> None:
    """Raise VideoError for a stream whose first bytes tell that it cannot be read."""
    if not sample:
        hint = "the program before the pipe wrote nothing: see its messages"
        raise VideoError(f"{SPOKEN_NAME} is empty (0 bytes)", hint, code="video.empty")
    if not has_way_back and _has_late_index(sample):
        hint = "give the file itself, or pipe it as: ffmpeg -i in.mp4 -c copy -f nut - | vostool segment - ..."
        message = f"the MP4 on {SPOKEN_NAME} cannot be read from a pipe (index at end)"
        raise VideoError(message, hint, code="video.late_index")
    if is_text(sample) and not sample.startswith(b"YUV4MPEG2 "):
        raise VideoError(f"{SPOKEN_NAME} is text, not a video", GIVE_A_VIDEO, code="video.text")


def _has_late_index(sample: bytes) -> bool:
    """True if an MP4 or QuickTime file has its pictures before its index."""
    boxes = list(_box_names(sample))
    return b"mdat" in boxes and not {b"moov", b"moof"} & set(boxes[: boxes.index(b"mdat")])


def _box_names(sample: bytes) -> Iterator[bytes]:
    """Names of the top-level boxes that begin in the sample, as far as it is an MP4 or QuickTime file."""
    start = 0
    while start + BOX_HEADER_SIZE <= len(sample):
        size, name = int.from_bytes(sample[start : start + 4], "big"), sample[start + 4 : start + BOX_HEADER_SIZE]
        if start == 0 and name not in FIRST_BOXES:
            return
        yield name
        if size < BOX_HEADER_SIZE:
            return
        start += size
