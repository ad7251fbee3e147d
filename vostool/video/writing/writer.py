"""Encode frames into a file that stays readable whenever the process dies: fragmented mp4/mov, or Matroska/WebM."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from vostool.types import ColourTags, Frame, VideoInfo
from vostool.video.writing.encoding import Encoding, encoded_size

# One fragment or cluster for each frame: what is lost by a kill is what the encoder still holds, a few frames.
_FRAGMENTED = {"movflags": "frag_every_frame+empty_moov+default_base_moof", "flush_packets": "1"}
_CLUSTERED = {"cluster_time_limit": "1", "flush_packets": "1"}
CRASH_SAFE_OPTIONS = {".mp4": _FRAGMENTED, ".mov": _FRAGMENTED, ".mkv": _CLUSTERED, ".webm": _CLUSTERED}


class VideoWriter:
    """One video stream without sound, written as it comes.

    Args:
        path: File to create; what is there is replaced.
        encoding: Codec, pixel format, options.
        info: Size, rate, time base and pixel aspect of the source.
        tags: Colour tags to write.

    Attributes:
        num_frames: Frames given so far.
        first_time: Presentation time of the first frame in seconds, exact; None before it.
    """

    def __init__(self, path: Path, encoding: Encoding, info: VideoInfo, tags: ColourTags) -> None:
        self.path = path
        self.num_frames = 0
        self.first_time: Fraction | None = None
        self._is_intact = True
        self._container = av.open(str(path), "w", options=CRASH_SAFE_OPTIONS[path.suffix.lower()])
        stream = self._container.add_stream(encoding.codec, rate=info.frame_rate, options=encoding.options)
        assert isinstance(stream, av.VideoStream)
        self._stream = stream
        self._set_up(encoding, info, tags)

    def write(self, picture: av.VideoFrame, source: Frame) -> None:
        """Encode a picture at the time of its source frame."""
        picture.pts, picture.time_base, picture.duration = source.pts, source.time_base, source.duration
        self._is_intact = False
        self._container.mux(self._stream.encode(picture))
        self._is_intact = True
        self.num_frames += 1
        if self.first_time is None:
            self.first_time = source.pts * source.time_base

    def close(self) -> None:
        """Write what the encoder still holds and end the file in order; closes it even if that fails."""
        try:
            # After a failure, a header that was never written above all, FFmpeg may crash on more packets.
            if self.num_frames and self._is_intact:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def _set_up(self, encoding: Encoding, info: VideoInfo, tags: ColourTags) -> None:
        """Size, time and colour of the stream."""
        context = self._stream.codec_context
        context.height, context.width = encoded_size(encoding, info)
        context.pix_fmt = encoding.pixel_format
        context.time_base = info.time_base
        context.sample_aspect_ratio = info.sample_aspect_ratio
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        context.colorspace, context.color_range = tags.matrix, tags.colour_range
        mark_alpha(self._stream, encoding)


def mark_alpha(stream: av.VideoStream, encoding: Encoding) -> None:
    """WebM says in its header that the blocks carry alpha beside the picture."""
    if encoding.codec == "libvpx-vp9" and encoding.has_alpha:
        stream.metadata["alpha_mode"] = "1"
