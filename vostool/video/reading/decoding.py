"""Decode a video file packet by packet: what is damaged is counted and passed over, what is lost keeps its place.

The flow: packets -> decoded pictures -> in order -> with lost ones -> strictly increasing times -> frames.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import av
from av.packet import Packet

from vostool.types import Frame
from vostool.video.reading import diagnosis
from vostool.video.reading.deinterlacing import Deinterlacer
from vostool.video.reading.interface import VideoReader
from vostool.video.reading.probe import (
    MICROSECONDS,
    MP4_FORMAT,
    choose_stream,
    describe,
    open_container,
    shows_every_packet,
    time_base_of,
    usual_frame_rate,
)
from vostool.video.reading.rendering import HeldPicture, Renderer
from vostool.video.reading.rotation import orientation_of
from vostool.video.reading.timestamps import (
    LostPictures,
    Picture,
    in_order,
    strictly_increasing,
    with_following,
    with_lost,
)

# Faster than any network needs; and an error while the decoder is emptied costs the pictures of all its threads.
MOST_THREADS = 4

# Errors of the demuxer in a row after which the rest of a file is given up.
MOST_DEMUX_FAILURES = 32

# Containers whose header says how long they are, however much of them is there; others derive it from their end.
FORMATS_WITH_DURATION = ("matroska,webm", MP4_FORMAT, "avi", "flv", "asf", "mxf")

# A backward jump of decoding times by more than this many seconds begins another recording in the same file.
DISCONTINUITY_SECONDS = 0.5


class FileReader(VideoReader):
    """The frames of a video file; ``open_video`` makes one.

    Args:
        path: Names the file in messages, and is opened unless ``file`` is given.
        keeps_depth, deinterlace: As for ``open_video``.
        file: An open file, which need not be seekable and stays the caller's to close.

    Raises:
        VideoError: The file cannot be opened, or no picture of it can be decoded.
    """

    def __init__(
        self, path: Path, *, keeps_depth: bool = False, deinterlace: bool = True, file: BinaryIO | None = None
    ) -> None:
        self._container = open_container(path, file)
        try:
            self._stream = choose_stream(self._container, path)
            self._prepare(deinterlace)
            self._first_pictures = self._decode_first(path)
            first = self._first_pictures[-1].frame
            assert first is not None
            orientation = orientation_of(first)
            is_interlaced = first.interlaced_frame or self._deinterlacer.is_used
            info = describe(path, self._container, self._stream, first, orientation)
            super().__init__(replace(info, is_interlaced=is_interlaced, is_deinterlaced=is_interlaced and deinterlace))
            self._render = Renderer(self.info, (first.height, first.width), orientation, keeps_depth=keeps_depth)
        except BaseException:
            self._container.close()
            raise

    def _prepare(self, deinterlace: bool) -> None:
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = min(os.cpu_count() or 1, MOST_THREADS)
        self._deinterlacer = Deinterlacer()
        self._lost = LostPictures(is_every_gap_lost=shows_every_packet(self._container, self._stream))
        self._promised_end = self._read_promised_end()
        self._end_seconds = 0.0
        self._was_cut_off = False
        self._is_at_end = False
        self._last_error: av.error.FFmpegError | None = None
        # AVI has no presentation times; libav's guesses for its B-frames are wrong, its decoding times are slots.
        self._has_pts = self._container.format.name != "avi"
        self._last_slot = -1
        self._time_base = time_base_of(self._stream)
        self._step = max(1, round(1 / (usual_frame_rate(self._stream) * self._time_base)))
        pictures = strictly_increasing(with_lost(in_order(self._decode()), self._lost), self._step)
        self._pictures = self._deinterlacer.run(pictures) if deinterlace else pictures

    def close(self) -> None:
        self._container.close()

    @property
    def is_short(self) -> bool:
        if not self._is_at_end:
            return False
        if self.info.is_num_frames_exact and self.info.num_frames is not None:
            return self.num_frames_read < self.info.num_frames or self._was_cut_off
        if self._was_cut_off or self._promised_end is None:
            return self._was_cut_off
        # Headers of whole files are wrong by rounding, and by last packets that do not say how long they are.
        tolerance = max(5 / float(self.info.frame_rate), min(0.02 * self._promised_end, 2.0))
        return self._promised_end - self._end_seconds > tolerance

    def _read_promised_end(self) -> float | None:
        """When the header says that the last stream ends, in seconds; None if it says nothing."""
        duration = self._container.duration
        if duration is None or self._container.format.name not in FORMATS_WITH_DURATION:
            return None
        return ((self._container.start_time or 0) + duration) / MICROSECONDS

    def _decode_first(self, path: Path) -> list[Picture]:
        """The pictures up to the first one that was not lost."""
        pictures = []
        for picture in self._pictures:
            pictures.append(picture)
            if picture.frame is not None:
                return pictures
        reason = (self._last_error.strerror if self._last_error else None) or ""
        raise diagnosis.explain_no_picture(path, reason) from self._last_error

    def held(self) -> Iterator[HeldPicture]:
        """The pictures in presentation order, instead of iterating over frames."""
        # What is lost before the first picture shows that one, as there is none before it.
        good = self._first_pictures[-1].frame
        assert good is not None
        pictures, self._first_pictures = itertools.chain(self._first_pictures, self._pictures), []
        for picture in pictures:
            assert picture.pts is not None
            is_corrupt = picture.frame is None or picture.frame.is_corrupt
            shown = good if picture.frame is None else picture.frame
            good = good if is_corrupt else shown
            yield HeldPicture(picture.pts, picture.duration, shown, is_corrupt)
        self._is_at_end = True

    def _read(self) -> Iterator[Frame]:
        for index, held in enumerate(self.held()):
            yield held.render(index, self.info.time_base, self._render)

    def _decode(self) -> Iterator[Picture]:
        """Pictures as the decoder gives them, and a place for each error that has no time."""
        for packet, following in with_following(self._video_packets()):
            self._note(packet)
            # PyAV stops emptying a decoder at an error: half a packet at the end would cost the good ones before it.
            if following is not None or not packet.is_corrupt:
                yield from self._pictures_of(packet)
        yield from self._pictures_of(None)

    def _note(self, packet: Packet) -> None:
        if packet.is_discard:
            return
        self._lost.sent(packet.pts if self._has_pts else packet.dts, packet.duration or 0, packet.is_keyframe)
        if packet.is_corrupt:
            self._lost.failed()

    def _pictures_of(self, packet: Packet | None) -> list[Picture]:
        """What comes out of the decoder for one packet; None gets out what is still in it."""
        try:
            frames = self._stream.decode(packet)
        except av.error.EOFError:
            return []
        except av.error.FFmpegError as error:
            self._last_error = error
            self._lost.failed()
            has_no_time = packet is not None and packet.pts is None and packet.dts is None
            return [Picture(None)] if has_no_time else []
        return [Picture(self._time_of(frame), frame.duration or 0, frame) for frame in frames]

    def _time_of(self, frame: av.VideoFrame) -> int | None:
        if self._has_pts:
            return frame.pts
        # What is left in the decoder at the end comes out without a time.
        depth = self._stream.codec_context.reorder_depth
        self._last_slot = self._last_slot + 1 if frame.dts is None else frame.dts - depth
        return self._last_slot

    def _video_packets(self) -> Iterator[Packet]:
        """Packets of the video stream, with decoding times that never jump back."""
        offset, last_dts = 0, None
        for packet in self._packets():
            if packet.stream_index != self._stream.index:
                self._hand_on(packet)
                continue
            if packet.dts is not None:
                if last_dts is not None and (last_dts - packet.dts - offset) * self._time_base > DISCONTINUITY_SECONDS:
                    offset = last_dts + (packet.duration or self._step) - packet.dts
                last_dts = packet.dts + offset
                packet.dts += offset
            if packet.pts is not None:
                packet.pts += offset
            yield packet

    def _hand_on(self, packet: Packet) -> None:
        """What becomes of a packet of another stream; nothing here."""

    def _packets(self) -> Iterator[Packet]:
        """Packets of all streams, past what the demuxer stumbles over; notes where they end."""
        for _ in range(MOST_DEMUX_FAILURES):
            try:
                for packet in self._container.demux():
                    if packet.size:
                        self._note_end(packet)
                        yield packet
                return
            except av.error.InvalidDataError as error:
                self._last_error = error
            except av.error.FFmpegError as error:
                self._last_error = error
                break
        self._was_cut_off = True

    def _note_end(self, packet: Packet) -> None:
        self._was_cut_off = packet.is_corrupt
        if packet.pts is not None:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self._end_seconds = max(self._end_seconds, end)
