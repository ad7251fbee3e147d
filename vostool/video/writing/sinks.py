"""Where results go: one sink for each output, all used alike.

    with open_sink(kind, path, info, object_ids, source=clip) as sink:
        for result in results:
            sink.write(result)
        sink.finish()

Leaving the ``with`` without ``finish()`` closes the file in order and keeps it as ``NAME.part.EXT``, readable.
A process that is killed can be followed by one that opens the sink with the last ``checkpoint()`` as ``resume``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol

from vostool.types import FrameResult, VideoInfo
from vostool.video.writing.output_kind import Kind, is_folder_path
from vostool.video.writing.picture_folder import PictureFolder
from vostool.video.writing.pictures import PictureStyle
from vostool.video.writing.sink_state import SinkState
from vostool.video.writing.video_sink import VideoSink


class Sink(Protocol):
    """Takes results in order and makes one output of them."""

    @property
    def path(self) -> Path:
        """The final place."""

    @property
    def warnings(self) -> list[str]:
        """One line for each thing that could not be kept; complete after ``finish()``."""

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing that whoever reads the output should know; complete from the beginning."""

    @property
    def parts(self) -> tuple[Path, ...]:
        """Where the frames are until ``finish()``: part files in order, or the part folder."""

    def write(self, result: FrameResult) -> None:
        """Add one frame; its arrays must not change afterwards."""

    def checkpoint(self) -> SinkState:
        """Make all that was written durable, and say what another sink needs to go on after it."""

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
    style: PictureStyle | None = None,
    resume: SinkState | None = None,
    is_part: bool = False,
) -> Sink:
    """A sink for one output; nothing is created, and no earlier part replaced, before the first frame.

    Args:
        kind: A kind that fits the extension, as ``resolve_outputs`` found it.
        path: Where it goes: a folder unless the extension is that of a video.
        info: Of the source; decides size, times, colour tags, and the names of stills.
        object_ids: That the results will have.
        source: Video whose sound and metadata are copied; None for none.
        style: How the pictures are made; None for straight alpha and PNG.
        resume: A checkpoint of this output by an earlier process: frames that were written later are discarded, and
            the next one to write is that after the checkpoint. It may be what ``reopen()`` made of a finished output.
            ``overwrite`` of that process still holds.
        is_part: The frames are a range of the source. A video of them begins at zero, with the sound, subtitles and
            chapters from the first frame's time to the last one's end, see ``video/span.py``; stills keep their
            numbers.

    Raises:
        OutputError: The path is taken and ``overwrite`` is not set, or the files of the checkpoint are not whole.
    """
    assert all(0 < object_id < 256 for object_id in object_ids)
    if is_folder_path(path):
        return PictureFolder(kind, path, info, overwrite=overwrite, style=style, resume=resume)
    return VideoSink(
        kind, path, info, source=source, copy_audio=copy_audio, overwrite=overwrite, style=style, resume=resume,
        is_part=is_part,
    )  # fmt: skip
