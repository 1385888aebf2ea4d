"""Sound: one even 48 kHz stereo stream of all clips, measured, encoded once and copied into every rung."""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.audio.frame
import av.audio.stream
import av.container
import av.error

from reelmesh_media.engine import files, filters, opening
from reelmesh_media.model import findings, loudness

SAMPLE_RATE_HZ = 48_000
BITS_PER_SECOND = 128_000
SILENCE_DB = -50
QUIETEST_DB = -120.0
MAX_LEAD_SECONDS = 60
_FORMAT = "sample_fmts=fltp:sample_rates=48000:channel_layouts=stereo"


@dataclasses.dataclass(frozen=True, slots=True)
class SoundClip:
    """A clip's sound: how many samples at 48 kHz it gives, and when its picture starts, which is our 0.

    Without an audio stream the clip is silent.
    """

    path: Path
    has_audio: bool
    picture_start_seconds: float
    samples: int


@dataclasses.dataclass(frozen=True, slots=True)
class Measured:
    """How loud, and where silent."""

    loudness: loudness.Loudness
    silent: tuple[findings.Finding, ...]


def measure(clips: Sequence[SoundClip]) -> Measured:
    """Measure integrated loudness and true peak (EBU R128) and find silence over the joined clips."""
    graph = filters.new_graph()
    source = graph.add("abuffer", "sample_rate=48000:sample_fmt=fltp:channel_layout=stereo:time_base=1/48000")
    sink = filters.chain(
        graph,
        source,
        [
            ("ebur128", "metadata=1:peak=true"),
            # After ebur128, which cuts frames anew and drops what earlier filters noted on them.
            ("silencedetect", f"noise={SILENCE_DB}dB:d={findings.MIN_SILENT_SECONDS}"),
            ("abuffersink", ""),
        ],
    )
    graph.configure()
    edges: list[findings.Edge] = []
    latest: dict[str, str] = {}
    for frame in itertools.chain(joined(clips, 0.0), [None]):
        source.push(frame)
        for measured in filters.drain(sink):
            notes = measured.metadata
            edges += findings.edges(notes, "lavfi.silence")
            latest.update({key: value for key, value in notes.items() if key.startswith("lavfi.r128.")})
    seconds = sum(clip.samples for clip in clips) / SAMPLE_RATE_HZ
    silent = findings.stretches(findings.FindingKind.SILENT, edges, seconds, findings.MIN_SILENT_SECONDS)
    return Measured(_loudness(latest), silent)


def _loudness(notes: dict[str, str]) -> loudness.Loudness:
    peaks = [float(value) for key, value in notes.items() if key.startswith("lavfi.r128.true_peaks_ch")]
    # These peaks are linear, not in dB.
    peak = max(peaks, default=0.0)
    peak_dbtp = 20 * math.log10(peak) if peak > 0 else QUIETEST_DB
    integrated = float(notes.get("lavfi.r128.I", QUIETEST_DB))
    integrated = max(QUIETEST_DB, integrated) if math.isfinite(integrated) else QUIETEST_DB
    return loudness.Loudness(round(integrated, 2), round(max(QUIETEST_DB, peak_dbtp), 2))


def encode(clips: Sequence[SoundClip], gain_db: float, path: Path) -> None:
    """Write the joined clips as one AAC-LC stream, 48 kHz stereo, in an MP4 file of its own."""
    with files.writing(), av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=SAMPLE_RATE_HZ)
        stream.layout = "stereo"
        stream.bit_rate = BITS_PER_SECOND
        for frame in joined(clips, gain_db):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def extract(source: Path, path: Path) -> None:
    """Copy the first audio stream into a file of its own: every rung opens it, and a video is slow to open."""
    with files.writing(), av.open(str(path), "w", format="mp4") as output:
        copy_into(output, source)


def joined(clips: Sequence[SoundClip], gain_db: float) -> Iterator[av.audio.frame.AudioFrame]:
    """The sound of all clips in a row, each exactly as long as its picture; padded with silence where it ends early."""
    position = 0
    for clip in clips:
        if clip.samples <= 0:
            continue
        for frame in _evened(clip, gain_db) if clip.has_audio else _silence(clip.samples):
            frame.pts = position
            position += frame.samples
            yield frame


def _silence(samples: int) -> Iterator[av.audio.frame.AudioFrame]:
    graph = filters.new_graph()
    source = graph.add("anullsrc", f"r={SAMPLE_RATE_HZ}:cl=stereo:n=1024")
    steps = [("aformat", _FORMAT), ("atrim", f"end_sample={samples}"), ("abuffersink", "")]
    yield from _sound_frames(filters.chain(graph, source, steps))


def _evened(clip: SoundClip, gain_db: float) -> Iterator[av.audio.frame.AudioFrame]:
    """A clip's sound from its picture's start on, in our format and of exactly its length."""
    with opening.opened(clip.path) as container:
        stream, time_base = _heard(container)
        graph = filters.new_graph()
        source = graph.add_abuffer(template=stream)
        steps = [
            # Holes are filled and what comes before 0 is cut, so that sound and picture stay together.
            ("aresample", f"{SAMPLE_RATE_HZ}:async=1:first_pts=0"),
            ("aformat", _FORMAT),
            ("volume", f"{gain_db}dB:precision=float"),
            ("apad", f"whole_len={clip.samples}"),
            ("atrim", f"end_sample={clip.samples}"),
            ("abuffersink", ""),
        ]
        sink = filters.chain(graph, source, steps)
        graph.configure()
        offset = round(clip.picture_start_seconds / time_base)
        for frame in _decoded(container, stream):
            if frame.pts is not None:
                frame.pts -= offset
                if not _near(clip, frame.pts * time_base):
                    continue
            try:
                source.push(frame)
            except MemoryError:
                raise
            except av.error.FFmpegError:
                # All is heard; or the sound changes its rate or channels in mid-stream, and what follows is lost.
                break
            yield from _sound_frames(sink)
        source.push(None)
        yield from _sound_frames(sink)


def _heard(container: av.container.InputContainer) -> tuple[av.audio.stream.AudioStream, Fraction]:
    stream = opening.audio_stream(container)
    assert stream is not None  # noqa: S101 - asked only of clips whose probe found one
    assert stream.time_base is not None  # noqa: S101 - else it would not have been found
    return stream, stream.time_base


def _near(clip: SoundClip, at_seconds: Fraction) -> bool:
    """Whether a frame stands within the clip or shortly before: a hole of hours would be filled with silence."""
    return -MAX_LEAD_SECONDS < at_seconds < Fraction(clip.samples, SAMPLE_RATE_HZ)


def _decoded(
    container: av.container.InputContainer, stream: av.audio.stream.AudioStream
) -> Iterator[av.audio.frame.AudioFrame]:
    for packet in opening.readable(container.demux(stream)):
        try:
            yield from packet.decode()
        except MemoryError:
            raise
        except av.error.FFmpegError:
            continue


def _sound_frames(sink: filters.Node) -> Iterator[av.audio.frame.AudioFrame]:
    for frame in filters.drain(sink):
        if isinstance(frame, av.audio.frame.AudioFrame):
            yield frame


def copy_into(output: av.container.OutputContainer, path: Path | None) -> None:
    """Copy the first audio stream of a file, with every packet, into an output whose header is not yet written."""
    if path is None:
        return
    with opening.opened(path) as container:
        source, _ = _heard(container)
        stream = output.add_stream_from_template(source)
        for packet in opening.readable(container.demux(source)):
            if packet.dts is None:
                continue
            packet.stream = stream
            output.mux(packet)
