"""Where results go: one sink for each output, all used alike.

    with open_sink(kind, path, info, object_ids, source=clip) as sink:
        for result in results:
            sink.write(result)
        sink.finish()

Leaving the ``with`` without ``finish()`` closes the file in order and keeps it as ``NAME.part.EXT``, readable.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

import av

from vostool.errors import VostoolError
from vostool.types import FrameResult, VideoInfo
from vostool.video.audio import Sound
from vostool.video.disk_errors import disk_errors, is_disk_full
from vostool.video.encoding import encoding_of, tags_for, to_video_frame
from vostool.video.join import join
from vostool.video.output_kind import Kind, check_free, is_folder_path, joined_path, part_path
from vostool.video.picture_folder import PictureFolder
from vostool.video.pictures import compose
from vostool.video.verify import verify_video
from vostool.video.writer import VideoWriter


class Sink(Protocol):
    """Takes results in order and makes one output of them."""

    @property
    def path(self) -> Path:
        """The final place."""

    @property
    def warnings(self) -> list[str]:
        """One line for each thing that could not be kept; complete after ``finish()``."""

    def write(self, result: FrameResult) -> None:
        """Add one frame; its arrays must not change afterwards."""

    def finish(self) -> Path:
        """Check that all is there, give the output its name, and return it."""

    def __enter__(self) -> Sink: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_sink(
    kind: Kind,
    path: Path,
    info: VideoInfo,
    object_ids: Sequence[int],
    *,
    source: Path | None = None,
    copy_audio: bool = True,
    overwrite: bool = False,
) -> Sink:
    """A sink for one output; nothing is created, and no earlier part replaced, before the first frame.

    Args:
        kind: A kind that fits the extension, as ``resolve_outputs`` found it.
        path: Where it goes: a folder unless the extension is that of a video.
        info: Of the source; decides size, times, colour tags, and the names of stills.
        object_ids: That the results will have.
        source: Video whose sound and metadata are copied; None for none.

    Raises:
        OutputError: The path is taken and ``overwrite`` is not set.
    """
    assert all(0 < object_id < 256 for object_id in object_ids)
    if is_folder_path(path):
        return PictureFolder(kind, path, info, overwrite=overwrite)
    return VideoSink(kind, path, info, source=source, copy_audio=copy_audio, overwrite=overwrite)


class VideoSink:
    """A sink of one video file.

    The pictures grow in ``NAME.part.EXT``; at the end they are copied, with the sound of the source, into
    ``NAME.joined.part.EXT``, which is checked and then renamed. A part file of an earlier run stays until the first
    frame of this one.
    """

    def __init__(
        self,
        kind: Kind,
        path: Path,
        info: VideoInfo,
        *,
        source: Path | None = None,
        copy_audio: bool = True,
        overwrite: bool = False,
    ) -> None:
        check_free(path, overwrite)
        self.path = path
        self.warnings: list[str] = []
        self._kind, self._info, self._overwrite = kind, info, overwrite
        self._source = source if source is not None and source.is_file() else None
        self._copy_audio = copy_audio
        self._encoding = encoding_of(kind, path)
        self._tags = tags_for(kind, self._encoding, info)
        self._part, self._joined = part_path(path), joined_path(path)
        self._writer: VideoWriter | None = None
        self._is_closed = False

    def write(self, result: FrameResult) -> None:
        """Encode one frame."""
        picture = to_video_frame(compose(self._kind, result), self._encoding, self._tags)
        with disk_errors(self.path, self._part):
            if self._writer is None:
                self._writer = VideoWriter(self._part, self._encoding, self._info, self._tags)
            self._writer.write(picture, result.frame)

    def finish(self) -> Path:
        """Join pictures and sound, check the file, give it its name, and return it.

        Raises:
            VostoolError: Nothing was written, or frames or alpha are missing; the part file is kept.
            OutputError: The name was taken meanwhile, or the disk refuses; the part file is kept.
        """
        if self._writer is None or self._writer.first_time is None:
            raise VostoolError(f"no frame was written to {self.path}", code="output.frames")
        with disk_errors(self.path, self._part):
            self._close()
            try:
                self._join(self._writer.first_time)
                verify_video(self._joined, self._writer.num_frames, self._encoding)
                check_free(self.path, self._overwrite)
                os.replace(self._joined, self.path)
            finally:
                self._joined.unlink(missing_ok=True)
            self._part.unlink()
        return self.path

    def __enter__(self) -> VideoSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the part file if ``finish()`` did not; an error on the way out must not hide the first one."""
        if self._writer is None or self._is_closed:
            return
        if kind is None:
            with disk_errors(self.path, self._part):
                self._close()
        else:
            with suppress(OSError, av.FFmpegError):
                self._close()

    def _close(self) -> None:
        """End the part file, once."""
        if self._writer is not None and not self._is_closed:
            self._is_closed = True
            self._writer.close()

    def _join(self, first_time: Fraction) -> None:
        """Join with the sound; with less of it where the container refuses it late or the source cannot be read."""
        sounds = list(Sound) if self._copy_audio else [Sound.NONE]
        attempts = [*((self._source, sound) for sound in sounds), (None, Sound.NONE)]
        lost: Exception | None = None
        for source, sound in attempts:
            try:
                warnings = join(self._part, self._joined, self._encoding, self._info, first_time, source, sound)
            except (av.FFmpegError, ValueError, OSError) as error:
                if source is None or is_disk_full(error):
                    raise
                lost = error
                continue
            self.warnings += warnings
            break
        if lost is not None and self._copy_audio and sound is Sound.NONE:
            self.warnings.append(f"the sound could not be written to {self.path.name} and was left out: {lost}")
        self._warn_of_pixel_aspect()

    def _warn_of_pixel_aspect(self) -> None:
        ratio = self._info.sample_aspect_ratio
        if ratio != 1 and not self._encoding.keeps_pixel_aspect:
            aspect = f"{ratio.numerator}:{ratio.denominator}"
            self.warnings.append(f"{self.path.name} does not say that its pixels are {aspect}; set that in the player")
