"""One video and its sound into a pipe, interleaved as they come: nothing waits for more than one picture."""

from __future__ import annotations

from fractions import Fraction

import av
from av.packet import Packet

from vostool.types import ColourTags, Frame, VideoInfo
from vostool.video.pipes.ends import Outlet
from vostool.video.pipes.formats import PROMPT_OPTIONS, StreamFormat
from vostool.video.pipes.sound import SoundSource
from vostool.video.tracks.audio import packet_time
from vostool.video.tracks.copied import CopiedTrack, copy_labels
from vostool.video.tracks.timeline import round_half_up
from vostool.video.writing.encoding import Encoding

# A picture of full HD leaves in a few pieces.
BUFFER_BYTES = 2**20


class StreamMuxer:
    """Writes encoded pictures and copied sound.

    Args:
        outlet: Where the bytes go.
        stream_format, encoding, tags: Of the stream.
        info: Rate, size and time base of the source.
        first: The first frame; one from before zero makes the whole stream later, since no container has such times.
        sound: Where the sound comes from; None for none.
        is_part: The sound is cut to the frames.
    """

    def __init__(
        self,
        outlet: Outlet,
        stream_format: StreamFormat,
        encoding: Encoding,
        tags: ColourTags,
        info: VideoInfo,
        first: Frame,
        sound: SoundSource | None = None,
        *,
        is_part: bool = False,
    ) -> None:
        self.warnings: list[str] = []
        self._outlet, self._format, self._info = outlet, stream_format, info
        self._time_base = info.time_base if stream_format.has_times else 1 / info.frame_rate
        self._num_frames = 0
        self._end = self._begin = first.pts * first.time_base
        self._delay = max(-self._begin, Fraction(0))
        self._is_part, self._is_intact = is_part, False
        self._container = av.open(
            outlet, "w", format=stream_format.muxer, options=PROMPT_OPTIONS | stream_format.options,
            buffer_size=BUFFER_BYTES,
        )  # fmt: skip
        self._video = self._add_video(encoding, tags)
        self._sound = sound
        self._tracks = {} if sound is None else self._add_tracks(sound)
        self._last_times: dict[int, Fraction] = {}
        self._is_intact = True

    def write(self, picture: av.VideoFrame, source: Frame) -> None:
        """Encode a picture at the time of its source frame, and let go of the sound up to its end."""
        self._is_intact = False
        if self._format.has_times:
            delay = round_half_up(self._delay / source.time_base)
            picture.pts, picture.time_base, picture.duration = source.pts + delay, source.time_base, source.duration
        else:
            picture.pts, picture.time_base, picture.duration = self._num_frames, self._time_base, 1
        self._container.mux(self._video.encode(picture))
        self._num_frames += 1
        length = source.duration * source.time_base or 1 / self._info.frame_rate
        self._end = source.pts * source.time_base + length
        self._pass_sound(self._end)
        self._is_intact = True

    def finish(self) -> None:
        """Write the rest of the sound and the end of the stream."""
        self._is_intact = False
        self._pass_sound(self._end if self._is_part else None)
        self._is_intact = True
        self.close()

    def close(self) -> None:
        """End the stream in order, or just leave it if something failed; may be called twice."""
        try:
            # After a failure FFmpeg may crash on more packets, and nobody reads the end of the stream.
            if self._is_intact and self._num_frames:
                self._container.mux(self._video.encode(None))
            else:
                self._outlet.abandon()
        except BaseException:
            self._outlet.abandon()
            raise
        finally:
            self._is_intact = False
            self._container.close()

    def _add_video(self, encoding: Encoding, tags: ColourTags) -> av.VideoStream:
        stream = self._container.add_stream(encoding.codec, rate=self._info.frame_rate, options=encoding.options)
        assert isinstance(stream, av.VideoStream)
        context = stream.codec_context
        context.height, context.width = self._info.size
        context.pix_fmt, context.time_base = encoding.pixel_format, self._time_base
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        context.colorspace, context.color_range = tags.matrix, tags.colour_range
        return stream

    def _add_tracks(self, sound: SoundSource) -> dict[int, CopiedTrack]:
        """A track for each of the source, by its number there; what the container refuses is left out."""
        tracks = {}
        for stream in sound.streams:
            context: object = stream.codec_context
            name = "unknown" if context is None else stream.codec_context.codec.canonical_name
            try:
                copied = self._container.add_stream_from_template(stream)
            except ValueError:
                self.warnings.append(f"{name} sound does not fit {self._format.muxer} and was left out")
                continue
            copy_labels(stream, copied)
            # FFmpeg would rather move the pictures than write a time before zero.
            tracks[stream.index] = CopiedTrack(stream, copied, drops_negative=True)
        return tracks

    def _pass_sound(self, time: Fraction | None) -> None:
        """Write the sound that begins before ``time``, in seconds of the source."""
        if self._sound is None:
            return
        for packet in self._sound.take_until(time):
            if self._is_wanted(packet):
                self._shift(packet)
                self._container.mux(list(self._tracks[packet.stream_index].convert(packet)))

    def _is_wanted(self, packet: Packet) -> bool:
        """False for what has no track, lies before a part, or goes back in time, which containers refuse."""
        track = packet.stream_index
        if track not in self._tracks or packet.dts is None:
            return False
        begin = packet_time(packet)
        if (self._is_part and begin < self._begin) or begin <= self._last_times.get(track, begin - 1):
            return False
        self._last_times[track] = begin
        return True

    def _shift(self, packet: Packet) -> None:
        if self._delay and packet.time_base is not None and packet.dts is not None:
            shift = round_half_up(self._delay / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts += shift
