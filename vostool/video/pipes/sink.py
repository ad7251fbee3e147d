"""The sink of standard output: pictures as they come, with the sound that belongs beside them, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import av
import numpy as np

from vostool.errors import OutputError, UsageError, VostoolError
from vostool.types import Frame, FrameResult, VideoInfo
from vostool.video.disk_errors import is_disk_full
from vostool.video.pipes.ends import Outlet
from vostool.video.pipes.formats import (
    DEFAULT_STREAM_FORMAT,
    STREAM_FORMATS,
    describe_raw,
    refuse_terminal,
    stream_encoding,
    stream_tags,
)
from vostool.video.pipes.muxer import StreamMuxer
from vostool.video.pipes.sound import FileSound, PacketQueue, SoundSource
from vostool.video.writing.encoding import to_video_frame
from vostool.video.writing.output_kind import STREAM_PATH, Kind
from vostool.video.writing.pictures import PictureStyle, compose, only_object
from vostool.video.writing.sink_state import SinkState

# A step between two frames that is this much off shows that the rate is not constant; times in milliseconds alone are
# up to a fifth off at 200 frames a second.
UNEVEN_STEP = Fraction(1, 4)


class StreamSink:
    """A sink that writes one video into an open file which need not be seekable; nothing comes before the first frame.

    Args:
        kind: Any kind; masks are grey pictures whose values are the numbers of the objects.
        file: Open for writing bytes, such as ``sys.stdout.buffer``; it stays the caller's to close.
        info: Of the source; decides size, rate and times.
        object_ids: That the results will have.
        stream_format: A key of ``STREAM_FORMATS``.
        source: Video whose sound is copied; None for none.
        sound: Sound that comes through a pipe together with the pictures, in place of ``source``.
        copy_audio: Whether there is to be sound.
        style: How the pictures are made.
        is_part: The frames are only a part of the source, to which its sound is cut.

    Attributes:
        path: ``-``.
        parts: None: what is written has gone.
        notes: One line for each thing that the reader of the stream should know.
        ffmpeg_line: For rawvideo, the options by which ffmpeg reads it, to stand before ``-i -``; else None.

    Raises:
        UsageError: The format is unknown or cannot carry the kind, or the file is a terminal.
    """

    parts: tuple[Path, ...] = ()

    def __init__(
        self,
        kind: Kind,
        file: BinaryIO,
        info: VideoInfo,
        object_ids: Sequence[int],
        *,
        stream_format: str = DEFAULT_STREAM_FORMAT,
        source: Path | None = None,
        sound: PacketQueue | None = None,
        copy_audio: bool = True,
        style: PictureStyle | None = None,
        is_part: bool = False,
    ) -> None:
        assert all(0 < object_id < 256 for object_id in object_ids)
        self._encoding = stream_encoding(kind, stream_format, info)
        refuse_terminal(file, is_input=False)
        self.path = STREAM_PATH
        self.warnings: list[str] = []
        self.ffmpeg_line = describe_raw(self._encoding, info) if stream_format == "rawvideo" else None
        self._kind, self._info, self._style = kind, info, style or PictureStyle()
        self._tags = stream_tags(kind, self._encoding, info)
        self._format_name, self._format = stream_format, STREAM_FORMATS[stream_format]
        self._outlet = Outlet(file)
        self._sound = self._choose_sound(source, sound, copy_audio)
        self._muxer: StreamMuxer | None = None
        self._is_part = is_part
        self._evenness = _Evenness(info.frame_rate)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of the stream should know."""
        lines = {
            f"standard output is read by: ffmpeg {self.ffmpeg_line} -i -": self.ffmpeg_line is not None,
            "masks on standard output are grey pictures whose values are the numbers of the objects": (
                self._kind == "masks" and not self._style.is_binary
            ),
        }
        return tuple(line for line, holds in lines.items() if holds)

    def write(self, result: FrameResult) -> None:
        """Encode one frame and let it go, with the sound up to its end.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        with _stream_errors():
            if self._muxer is None:
                self._muxer = self._start(result.frame)
            self._muxer.write(self._picture(result), result.frame)
        self._evenness.add(result.frame)

    def checkpoint(self) -> SinkState:
        """Raise UsageError: what has gone into a pipe cannot be gone on with."""
        message = "standard output cannot be continued after a checkpoint"
        raise UsageError(message, "write to a file", code="output.checkpoint")

    def finish(self) -> Path:
        """Write the rest of the sound and the end of the stream.

        Raises:
            VostoolError: Nothing was written.
            BrokenPipeError: Nobody reads any more.
        """
        if self._muxer is None:
            raise VostoolError("no frame was written to standard output", code="output.frames")
        with _stream_errors():
            self._muxer.finish()
            self._outlet.flush()
        self.warnings += self._muxer.warnings
        self.warnings += self._sound.warnings if self._sound else []
        self._close_sound()
        self._warn_of_loss()
        return self.path

    def __enter__(self) -> StreamSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the stream if ``finish()`` did not; an error on the way out must not hide the first one."""
        self._close_sound()
        if self._muxer is None:
            return
        if kind is None:
            with _stream_errors():
                self._muxer.close()
        else:
            with suppress(OSError, av.FFmpegError):
                self._muxer.close()

    def _start(self, first: Frame) -> StreamMuxer:
        return StreamMuxer(
            self._outlet, self._format, self._encoding, self._tags, self._info, first, self._sound,
            is_part=self._is_part,
        )  # fmt: skip

    def _picture(self, result: FrameResult) -> av.VideoFrame:
        if self._kind != "masks":
            return to_video_frame(compose(self._kind, result, self._style), self._encoding, self._tags)
        labels = only_object(result, self._style.object_id).labels
        values = np.where(labels > 0, np.uint8(255), np.uint8(0)) if self._style.is_binary else labels
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(values), format="gray")

    def _choose_sound(self, source: Path | None, sound: PacketQueue | None, copy_audio: bool) -> SoundSource | None:
        """Where the sound comes from; a queue that is not used must not fill."""
        if copy_audio and self._format.has_sound:
            if sound is not None or source is None or not source.is_file():
                return sound
            return FileSound(source)
        if sound is not None:
            sound.close()
        if copy_audio and self._info.num_audio_streams:
            self.warnings.append(f"{self._format_name} carries no sound; that of the source is left out")
        return None

    def _close_sound(self) -> None:
        if self._sound is not None:
            self._sound.close()

    def _warn_of_loss(self) -> None:
        """Say what the format could not keep."""
        if not self._format.has_times and self._evenness.is_broken:
            rate = f"{float(self._info.frame_rate):g} fps"
            self.warnings.append(f"{self._format_name} shows all frames at {rate}, but the source is uneven; use nut")
        ratio = self._info.sample_aspect_ratio
        if ratio != 1:
            aspect = f"{ratio.numerator}:{ratio.denominator}"
            self.warnings.append(
                f"standard output does not say that its pixels are {aspect}; set that where it is read"
            )


class _Evenness:
    """Whether frames follow each other at a constant rate."""

    def __init__(self, frame_rate: Fraction) -> None:
        self.is_broken = False
        self._frame_rate = frame_rate
        self._last: Fraction | None = None

    def add(self, frame: Frame) -> None:
        time = frame.pts * frame.time_base
        if self._last is not None and abs((time - self._last) * self._frame_rate - 1) > UNEVEN_STEP:
            self.is_broken = True
        self._last = time


@contextmanager
def _stream_errors() -> Iterator[None]:
    """Raise OutputError for a system that refuses, VostoolError for an encoder; a reader that left stays what it is."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"cannot write to standard output: {(error.strerror or str(error)).lower()}"
        code = "output.disk_full" if is_disk_full(error) else "output.refused"
        raise OutputError(message, code=code) from error
    except av.FFmpegError as error:
        raise VostoolError(f"writing to standard output failed: {error.strerror}", code="output.encoder") from error
