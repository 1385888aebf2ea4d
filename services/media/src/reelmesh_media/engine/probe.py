"""Tells what a video file is, from its boxes, its packets and its first frame; nothing else is decoded."""

import dataclasses
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av.audio.stream
import av.buffer
import av.container
import av.error
import av.video.frame
import av.video.stream

from reelmesh_media.engine import boxes, opening
from reelmesh_media.model import colours, refusals, video

MAX_PACKETS = 2_000_000
MAX_PACKETS_TO_FIRST_FRAME = 300
SHORTEST_SHARE = 0.9
LENGTH_TOLERANCE_SECONDS = 0.1
_PROGRESSIVE_OR_UNKNOWN = (0, 1)


@dataclasses.dataclass(frozen=True, slots=True)
class Timeline:
    """The picture packets in decoding order, by their time on screen, and the key frames among them; in stream ticks.

    `hidden` counts packets that an edit list keeps off the screen; they are not among the others.
    """

    presentation_ticks: tuple[int, ...]
    key_ticks: tuple[int, ...]
    hidden: int
    size_bytes: int
    last_step_ticks: int


def probe(path: Path) -> video.MediaFacts:
    """Say what a video file is.

    Raises:
        refusals.NotAVideo: it is something else, by its bytes and not by its name.
        refusals.BrokenVideo: truncated, without index, or no frame decodes.
        refusals.VideoTooLarge: it exceeds a cap of `model.video`.
        FileNotFoundError: there is no such file.
    """
    return measure(path)[0]


def measure(path: Path) -> tuple[video.MediaFacts, Timeline]:
    """Like `probe`, with the packets' timeline, which a cut without encoding needs."""
    found = boxes.walk(path) if opening.sniff(path) == "MP4" else boxes.Boxes(moov_first=False, edit_lists=0)
    with opening.opened(path) as container:
        stream = opening.video_stream(container)
        # One frame comes soonest from one thread.
        stream.thread_count = 1
        _check_limits(container, stream)
        heard = opening.audio_stream(container)
        try:
            first = _first_frame(container, stream)
            container.seek(0)
            timeline, audio_end_seconds = _read_packets(container, stream, heard)
        except MemoryError:
            raise
        except av.error.FFmpegError as error:
            raise refusals.BrokenVideo(f"no frame decodes: {error.strerror}") from error
        track = _video_track(stream, first, timeline)
        audio = _audio_track(heard, audio_end_seconds) if heard is not None else None
        return _facts(path, container, found, track, audio), timeline


def _facts(
    path: Path,
    container: av.container.InputContainer,
    found: boxes.Boxes,
    track: video.VideoTrack,
    audio: video.AudioTrack | None,
) -> video.MediaFacts:
    size_bytes = path.stat().st_size
    end_seconds = max(track.duration_seconds, audio.start_seconds + audio.duration_seconds if audio else 0.0)
    kind = "mp4" if "mp4" in container.format.name else "webm"
    if kind == "webm":
        _check_length(container, end_seconds)
    return video.MediaFacts(
        container=kind,
        size_bytes=size_bytes,
        duration_seconds=end_seconds,
        bits_per_second=round(size_bytes * 8 / end_seconds),
        moov_first=found.moov_first,
        edit_lists=found.edit_lists,
        stream_count=len(container.streams),
        video=track,
        audio=audio,
    )


def _check_length(container: av.container.InputContainer, end_seconds: float) -> None:
    """WebM has no count of frames, only how long it should be; and that only if it was finished."""
    announced_seconds = (container.duration or 0) / av.time_base
    if end_seconds < announced_seconds * SHORTEST_SHARE - LENGTH_TOLERANCE_SECONDS:
        raise refusals.BrokenVideo(f"truncated: {end_seconds:.1f} of {announced_seconds:.1f} s are there")


def _check_limits(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> None:
    """Refuse by the header, before anything is decoded."""
    duration_seconds = (container.duration or 0) / av.time_base
    if broken := video.limits_broken(stream.width, stream.height, duration_seconds, len(container.streams)):
        raise refusals.VideoTooLarge(broken)


def _first_frame(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> av.video.frame.VideoFrame:
    """The first frame that decodes: proof that there is a picture, and the only place its rotation is told."""
    for count, packet in enumerate(container.demux(stream)):
        if frames := packet.decode():
            return frames[0]
        if count > MAX_PACKETS_TO_FIRST_FRAME:
            break
    raise refusals.BrokenVideo("no frame decodes")


def _read_packets(
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    heard: av.audio.stream.AudioStream | None,
) -> tuple[Timeline, float]:
    """Read every packet once, without decoding; also tells where the sound ends, in seconds."""
    shown: list[int] = []
    keys: list[int] = []
    size_bytes = step = packet_count = hidden = 0
    audio_index = heard.index if heard is not None else -1
    audio_end_seconds = 0.0
    for packet in container.demux():
        packet_count += 1
        if packet_count > MAX_PACKETS:
            raise refusals.VideoTooLarge(f"more than {MAX_PACKETS} packets")
        if packet.pts is None or packet.is_corrupt:
            continue
        if packet.stream_index == audio_index:
            audio_end_seconds = float((packet.pts + (packet.duration or 0)) * packet.time_base)
        elif packet.stream_index == stream.index and packet.is_discard:
            hidden += 1
        elif packet.stream_index == stream.index:
            shown.append(packet.pts)
            size_bytes += packet.size
            step = packet.duration or step
            if packet.is_keyframe:
                keys.append(packet.pts)
    _check_complete(stream, len(shown), hidden)
    return Timeline(tuple(shown), tuple(keys), hidden, size_bytes, step), audio_end_seconds


def _check_complete(stream: av.video.stream.VideoStream, shown: int, hidden: int) -> None:
    if shown == 0:
        raise refusals.BrokenVideo("no picture packets")
    if shown > video.MAX_FRAMES:
        raise refusals.VideoTooLarge(f"{shown} frames, at most {video.MAX_FRAMES}")
    if shown + hidden < stream.frames:
        raise refusals.BrokenVideo(f"truncated: {shown + hidden} of {stream.frames} frames are there")


def _video_track(
    stream: av.video.stream.VideoStream, first: av.video.frame.VideoFrame, timeline: Timeline
) -> video.VideoTrack:
    shown = sorted(timeline.presentation_ticks)
    time_base = stream.time_base or Fraction(1, 1000)
    step = video.uniform_step(shown)
    rate = _frame_rate(stream, step, time_base)
    end_tick = shown[-1] + (round(step) if step else timeline.last_step_ticks)
    # A step that is whole in neither clock (30 fps at 1/1000) would make the duration drift: count frames instead.
    duration_seconds = float(len(shown) / rate) if step else float((end_tick - shown[0]) * time_base)
    if duration_seconds <= 0:
        raise refusals.BrokenVideo("its frames have no duration")
    codec = stream.codec_context
    track = video.VideoTrack(
        codec=codec.codec.canonical_name,
        profile=stream.profile or "",
        pixel_format=stream.pix_fmt or "",
        width=stream.width,
        height=stream.height,
        orientation=_orientation(first),
        pixel_aspect=_pixel_aspect(stream),
        frame_rate=rate,
        constant_rate=step is not None or len(shown) == 1,
        interlaced=first.interlaced_frame or codec.field_order not in _PROGRESSIVE_OR_UNKNOWN,
        frame_count=len(shown),
        start_seconds=float(shown[0] * time_base),
        duration_seconds=duration_seconds,
        bits_per_second=round(timeline.size_bytes * 8 / duration_seconds),
        starts_with_key=shown[0] in timeline.key_ticks,
        longest_key_gap_seconds=float(video.longest_gap(sorted(timeline.key_ticks), end_tick) * time_base),
        time_base=time_base,
        colour=colours.Colour(stream.color_range, stream.color_primaries, stream.color_trc, stream.colorspace),
        extradata=codec.extradata or b"",
    )
    if broken := video.limits_broken(track.shown.width, track.shown.height, duration_seconds, 1):
        raise refusals.VideoTooLarge(broken)
    return track


def _orientation(first: av.video.frame.VideoFrame) -> video.Orientation:
    # PyAV's stubs know of one kind of side data only.
    told: av.buffer.Buffer | None = cast("Any", first.side_data).get("DISPLAYMATRIX")
    return video.orientation(struct.unpack_from("=9i", bytes(told))) if told is not None else video.Orientation()


def _pixel_aspect(stream: av.video.stream.VideoStream) -> Fraction:
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, video.MAX_PIXEL_ASPECT) <= aspect <= video.MAX_PIXEL_ASPECT:
        raise refusals.BrokenVideo(f"its pixels are {aspect.numerator} wide and {aspect.denominator} high")
    return aspect


def _frame_rate(stream: av.video.stream.VideoStream, step: Fraction | None, time_base: Fraction) -> Fraction:
    """Frames per second: from the timestamps when they are exact, else the container's average."""
    if step and step.denominator == 1 and (step > 20 or not stream.average_rate):
        rate = 1 / (step * time_base)
    else:
        rate = stream.average_rate or stream.guessed_rate or (1 / (step * time_base) if step else Fraction(25))
    rate = rate.limit_denominator(1001)
    if not 0 < rate <= video.MAX_FRAME_RATE:
        raise refusals.VideoTooLarge(f"{float(rate):.1f} frames per second, at most {video.MAX_FRAME_RATE}")
    return rate


def _audio_track(stream: av.audio.stream.AudioStream, end_seconds: float) -> video.AudioTrack:
    start_seconds = float((stream.start_time or 0) * (stream.time_base or 0))
    # Encoder priming stands before 0 and is not played.
    start_seconds = max(0.0, start_seconds)
    return video.AudioTrack(
        codec=stream.codec_context.codec.canonical_name,
        profile=stream.profile or "",
        sample_rate_hz=stream.sample_rate,
        channels=stream.channels,
        start_seconds=start_seconds,
        duration_seconds=max(0.0, end_seconds - start_seconds),
    )
