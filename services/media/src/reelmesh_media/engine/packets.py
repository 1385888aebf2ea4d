"""Copies picture packets: the source's own, unchanged, of one clip or of several that fit one another."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.packet
import av.video.stream

from reelmesh_media.engine import encoders, files, opening, sound


@dataclasses.dataclass(frozen=True, slots=True)
class PacketClip:
    """How many leading packets of a file are taken, each showing one frame; `first_tick` is the first one's time."""

    path: Path
    packets: int
    first_tick: int


def join(clips: Sequence[PacketClip], rate: Fraction, sound_path: Path | None, path: Path) -> int:
    """Write the clips' packets in a row, with the sound, under the temporary name; returns the packet count."""
    written = 0
    with contextlib.ExitStack() as open_files:
        source = open_files.enter_context(opening.opened(clips[0].path))
        open_files.enter_context(files.writing())
        output = open_files.enter_context(
            av.open(str(files.part(path)), "w", format="mp4", options=encoders.MP4_OPTIONS)
        )
        stream = output.add_stream_from_template(opening.video_stream(source))
        sound.copy_into(output, sound_path)
        for clip in clips:
            # The first is open already: opening decodes a little, which takes longer than copying.
            again = contextlib.nullcontext(source) if clip is clips[0] else opening.opened(clip.path)
            with again as container:
                for packet in _shifted(container, clip, written / rate):
                    packet.stream = stream
                    output.mux(packet)
                    written += 1
    return written


def _shifted(
    container: av.container.InputContainer, clip: PacketClip, start_seconds: Fraction
) -> Iterator["av.packet.Packet[av.video.stream.VideoStream]"]:
    source = opening.video_stream(container)
    time_base = source.time_base
    assert time_base is not None  # noqa: S101 - demuxed streams have one
    shift = round(start_seconds / time_base) - clip.first_tick
    taken = 0
    for packet in container.demux(source):
        if packet.pts is None or packet.dts is None or taken == clip.packets:
            continue
        packet.pts += shift
        packet.dts += shift
        taken += 1
        yield packet
