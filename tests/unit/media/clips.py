"""Makes small real videos for the tests out of FFmpeg's own test pictures and tones."""

import dataclasses
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.audio.frame
import av.video.frame

MOVING = "testsrc2=s={size}:r={rate}"
BLACK = "color=c=black:s={size}:r={rate}"
GREY = "color=c=gray:s={size}:r={rate}"
NOISE = "nullsrc=s={size}:r={rate},noise"
# Brighter to the right and, by less, downwards: each corner has a brightness of its own (62, 92, 122, 152 in the
# middles of the quarters).
CORNERS = "nullsrc=s={size}:r={rate},geq=lum=32+120*X/W+60*Y/H:cb=128:cr=128"
TONE = "sine=f=440:r=48000"
SILENCE = "anullsrc=r=48000:cl=mono"


@dataclasses.dataclass(frozen=True)
class Spec:
    """What a test clip is made of: pictures and tones as (filter, seconds), one after another."""

    pictures: Sequence[tuple[str, float]] = ((MOVING, 2.0),)
    tones: Sequence[tuple[str, float]] = ((TONE, 2.0),)
    width: int = 320
    height: int = 180
    rate: Fraction = Fraction(25)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    audio_codec: str = "aac"
    audio_rate_hz: int = 48_000
    audio_layout: str = "stereo"
    rotation_degrees: int = 0
    key_frames_every: int = 25
    b_frames: int = 3
    bits_per_second: int | None = None
    options: tuple[tuple[str, str], ...] = (("preset", "ultrafast"),)
    colour: tuple[int, int, int, int] | None = None
    fast_start: bool = True
    container: str = "mp4"
    skip_frames: tuple[int, ...] = ()


PLAIN = Spec()


def make(path: Path, spec: Spec = PLAIN) -> Path:
    """Write a clip and return its path."""
    options = {"movflags": "+faststart"} if spec.fast_start and spec.container == "mp4" else {}
    with av.open(str(path), "w", format=spec.container, options=options) as output:
        video = output.add_stream(spec.codec, rate=spec.rate, options=_video_options(spec))
        video.width, video.height, video.pix_fmt = spec.width, spec.height, spec.pixel_format
        video.codec_context.time_base = 1 / spec.rate
        video.gop_size = spec.key_frames_every
        video.thread_count = 1
        if spec.colour:
            codec = video.codec_context
            codec.color_range, codec.color_primaries, codec.color_trc, codec.colorspace = spec.colour
        if spec.bits_per_second:
            video.bit_rate = spec.bits_per_second
        if spec.rotation_degrees:
            video.set_display_rotation(-spec.rotation_degrees)
        audio = output.add_stream(spec.audio_codec, rate=spec.audio_rate_hz) if spec.tones else None
        if audio is not None:
            audio.layout = spec.audio_layout
            for sound in _sounds(spec):
                output.mux(audio.encode(sound))
            output.mux(audio.encode(None))
        for index, picture in enumerate(_pictures(spec)):
            if index in spec.skip_frames:
                continue
            picture.pts, picture.pict_type = index, 0
            if spec.colour:
                picture.color_range, picture.color_primaries, picture.color_trc, picture.colorspace = spec.colour
            output.mux(video.encode(picture))
        output.mux(video.encode(None))
    return path


def _video_options(spec: Spec) -> dict[str, str]:
    if spec.codec != "libx264":
        return {}
    return {**dict(spec.options), "bf": str(spec.b_frames), "sc_threshold": "0"}


def _pictures(spec: Spec) -> Iterator[av.video.frame.VideoFrame]:
    for source, seconds in spec.pictures:
        text = source.format(size=f"{spec.width}x{spec.height}", rate=spec.rate)
        yield from _run(text, f"format={spec.pixel_format}", "buffersink", round(seconds * spec.rate), 1)


def _sounds(spec: Spec) -> Iterator[av.audio.frame.AudioFrame]:
    position = 0
    form = f"aformat=sample_rates={spec.audio_rate_hz}:channel_layouts={spec.audio_layout}:sample_fmts=fltp"
    for source, seconds in spec.tones:
        wanted = round(seconds * spec.audio_rate_hz)
        for sound in _run(f"{source},atrim=end={seconds}", form, "abuffersink", wanted, None):
            sound.pts, sound.time_base = position, Fraction(1, spec.audio_rate_hz)
            position += sound.samples
            yield sound


def _run(source: str, form: str, sink_name: str, wanted: int, step: int | None) -> Iterator:
    """Pull from "filter=arguments,filter=arguments" until enough came."""
    graph = av.filter.Graph()
    nodes = [graph.add(name, arguments or None) for name, _, arguments in _parts(f"{source},{form}")]
    nodes.append(graph.add(sink_name))
    graph.link_nodes(*nodes).configure()
    given = 0
    while given < wanted:
        try:
            frame = nodes[-1].pull()
        except (BlockingIOError, av.error.EOFError):
            return
        given += step or frame.samples
        yield frame


def _parts(text: str) -> Iterator[tuple[str, str, str]]:
    for part in text.split(","):
        yield part.partition("=")


def shown(path: Path) -> list[av.video.frame.VideoFrame]:
    """Every frame of a video, decoded."""
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def seconds_of_sound(path: Path) -> float:
    """How long the sound plays."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return float(stream.duration * stream.time_base)


def mean_luma(frame: av.video.frame.VideoFrame) -> float:
    """The mean brightness of a frame, 0 to 255."""
    image = frame.to_image().convert("L")
    histogram = image.histogram()
    return sum(level * count for level, count in enumerate(histogram)) / (image.width * image.height)
