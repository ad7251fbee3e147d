"""The sink of one video file: pictures in part files, joined with the sound of the source at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import av

from vostool.errors import UsageError, VostoolError
from vostool.types import FrameResult, VideoInfo
from vostool.video.disk_errors import disk_errors, is_disk_full
from vostool.video.durable import sync
from vostool.video.tracks.audio import Sound
from vostool.video.writing.encoding import encoding_of, tags_for, to_video_frame
from vostool.video.writing.join import join
from vostool.video.writing.output_kind import Kind, check_free, joined_path
from vostool.video.writing.pictures import PictureStyle, compose
from vostool.video.writing.segments import Segments, part_files
from vostool.video.writing.sink_state import SinkState
from vostool.video.writing.verify import Expected, verify_video


class VideoSink:
    """A sink of one video file.

    The pictures grow in ``NAME.part.EXT``, after a checkpoint at frame 120 in ``NAME.part-000120.EXT``; at the end
    all are copied, with the sound of the source, into ``NAME.joined.part.EXT``, which is checked and then renamed.
    Part files of an earlier run stay until the first frame of this one.
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
        style: PictureStyle | None = None,
        resume: SinkState | None = None,
        is_part: bool = False,
    ) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._kind, self._info = kind, info
        self._overwrite = overwrite or (resume is not None and resume["overwrite"])
        self._source = source if source is not None and source.is_file() else None
        self._copy_audio = copy_audio
        self._style = style or PictureStyle()
        self._encoding = encoding_of(kind, path, info)
        self._tags = tags_for(kind, self._encoding, info)
        self._joined = joined_path(path)
        self._segments = Segments(path, self._encoding, info, self._tags, resume, is_part=is_part)
        self._refuse_part_as_source()
        self._is_finished = resume is not None and self._has_its_name()
        if not self._is_finished:
            check_free(path, self._overwrite)
            self._segments.require_whole()

    @property
    def notes(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def parts(self) -> tuple[Path, ...]:
        """The part files of this output, in order."""
        return self._segments.parts

    def write(self, result: FrameResult) -> None:
        """Encode one frame."""
        if self._is_finished:
            check_free(self.path, overwrite=False)
        picture = to_video_frame(compose(self._kind, result, self._style), self._encoding, self._tags)
        with disk_errors(self.path, self._segments.last_part):
            self._segments.write(picture, result.frame)

    def checkpoint(self) -> SinkState:
        """End the part file, wait until it is on the disk, and say what ``resume`` needs."""
        with disk_errors(self.path, self._segments.last_part):
            return {**self._segments.checkpoint(), "overwrite": self._overwrite}

    def finish(self) -> Path:
        """Join pictures and sound, check the file, give it its name, and return it.

        Raises:
            VostoolError: Nothing was written, or frames, times, tags or alpha are missing; the part files are kept.
            OutputError: The name was taken meanwhile, or the disk refuses; the part files are kept.
        """
        if not self._segments.timeline.num_frames:
            raise VostoolError(f"no frame was written to {self.path}", code="output.frames")
        with disk_errors(self.path, self._segments.last_part):
            if not self._is_finished:
                self._put_together()
            self._segments.remove()
        return self.path

    def __enter__(self) -> VideoSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the part file if ``finish()`` did not; an error on the way out must not hide the first one."""
        if kind is None:
            with disk_errors(self.path, self._segments.last_part):
                self._segments.end()
        else:
            with suppress(OSError, av.FFmpegError):
                self._segments.end()

    def _put_together(self) -> None:
        """Write the final file under another name, check it, and rename it."""
        self._segments.end()
        try:
            self._join()
            verify_video(self._joined, self._expected())
            sync(self._joined)
            check_free(self.path, self._overwrite)
            os.replace(self._joined, self.path)
        finally:
            self._joined.unlink(missing_ok=True)

    def _expected(self) -> Expected:
        return Expected(self._segments.timeline, self._encoding, self._info, self._tags)

    def _has_its_name(self) -> bool:
        """Whether a run that was killed at its very end had already put this output in place.

        Part files are removed last. With ``overwrite`` and all of them there, the file may be one of an earlier run.
        """
        if not self.path.is_file() or (self._overwrite and self._segments.find_damage() is None):
            return False
        try:
            verify_video(self.path, self._expected())
        except (VostoolError, av.FFmpegError, OSError):
            return False
        return True

    def _refuse_part_as_source(self) -> None:
        """Raise UsageError if the source is a part file, which the first frame would remove."""
        if self._source and any(part.samefile(self._source) for part in part_files(self.path)):
            message = f"output {self.path} would overwrite the source {self._source}"
            raise UsageError(message, "give another name", code="output.source")

    def _join(self) -> None:
        """Join with all that the source has; with less where the container refuses it late or it cannot be read."""
        lost: Exception | None = None
        for source, sound, has_extras in self._attempts():
            try:
                self.warnings += join(
                    self._segments.ended, self._joined, self._encoding, self._info, source, sound, has_extras,
                    self._segments.span,
                )  # fmt: skip
            except (av.FFmpegError, ValueError, OSError) as error:
                if source is None or is_disk_full(error):
                    raise
                lost = error
                continue
            break
        if lost is not None:
            self._warn_of_loss(sound, has_extras, lost)
        self._warn_of_pixel_aspect()

    def _attempts(self) -> Iterator[tuple[Path | None, Sound, bool]]:
        """Source, sound, and whether subtitles and chapters are wanted: what to try, most first."""
        sounds = [Sound.COPIED, Sound.ENCODED] if self._copy_audio else []
        for has_extras in (True, False):
            yield from ((self._source, sound, has_extras) for sound in sounds)
        yield self._source, Sound.NONE, True
        yield self._source, Sound.NONE, False
        yield None, Sound.NONE, False

    def _warn_of_loss(self, sound: Sound, has_extras: bool, error: Exception) -> None:
        lost = ["sound"] if self._copy_audio and sound is Sound.NONE else []
        lost += [] if has_extras else ["subtitles and chapters"]
        if lost:
            self.warnings.append(f"{' and '.join(lost)} could not be written to {self.path.name}, left out: {error}")

    def _warn_of_pixel_aspect(self) -> None:
        ratio = self._info.sample_aspect_ratio
        if ratio != 1 and not self._encoding.keeps_pixel_aspect:
            aspect = f"{ratio.numerator}:{ratio.denominator}"
            self.warnings.append(f"{self.path.name} does not say that its pixels are {aspect}; set that in the player")
