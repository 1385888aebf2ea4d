"""Files that are hostile, damaged or mislabelled, and what is to be said about each of them."""

import dataclasses
import functools
import io
import struct
import tempfile
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import PIL.Image
from reelmesh_kit import chance
from reelmesh_media.model import refusals

from tests.unit.media import clips, mp4

SMALL = clips.Spec(
    width=160, height=90, pictures=((clips.MOVING, 0.6),), tones=((clips.TONE, 0.6),), fast_start=False, b_frames=0
)
MUTE = dataclasses.replace(SMALL, tones=())
FRAMES = 15


@dataclasses.dataclass(frozen=True)
class Case:
    """A file, the refusal that it earns, and a word of its reason; without a refusal it is a video, if an odd one."""

    name: str
    content: bytes
    verdict: type[refusals.MediaError] | None
    said: str = ""


@functools.cache
def clip(spec: clips.Spec = SMALL) -> bytes:
    """The bytes of a small clip."""
    with tempfile.TemporaryDirectory() as folder:
        return clips.make(Path(folder) / "clip.mp4", spec).read_bytes()


def changed(*changes: mp4.Change, spec: clips.Spec = SMALL) -> bytes:
    """A small clip with something changed."""
    return mp4.Mp4(clip(spec)).changed(*changes)


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _no_videos()
    yield from _damaged()
    yield from _announcing()
    yield from _edited()
    yield from _odd_codecs()
    yield from _shapes()


def _no_videos() -> Iterator[Case]:
    no_video = refusals.NotAVideo
    yield Case("nothing", b"", no_video, "nothing")
    yield Case("a page of HTML", b"<!DOCTYPE html><p>Gone", no_video, "HTML")
    yield Case("an error in JSON", b'{"error": "expired"}', no_video, "JSON")
    yield Case("a playlist", b"#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n", no_video, "playlist")
    yield Case("a list of files to join", b"ffconcat version 1.0\nfile /etc/passwd\n", no_video, "playlist")
    yield Case("a moving GIF", _gif(), no_video, "GIF")
    yield Case("a file type and then a playlist", _ftyp() + b"#EXTM3U\nfile:///etc/passwd\n", refusals.BrokenVideo)


def _gif() -> bytes:
    pictures = [PIL.Image.new("P", (32, 32), shade) for shade in (0, 99)]
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:])
    return file.getvalue()


def _ftyp() -> bytes:
    return mp4.Box(b"ftyp", b"isom\0\0\0\0isom").written()


def _damaged() -> Iterator[Case]:
    whole = clip()
    broken = refusals.BrokenVideo
    for part in (0.2, 0.5, 0.9, 0.99):
        yield Case(f"cut off at {part:.0%}", whole[: round(len(whole) * part)], broken)
    yield Case("a box that lasts to the end", whole[:32] + b"\0\0\0\0free" + whole[32:], broken, "no index")
    yield Case("boxes of no size", _ftyp() + b"\0\0\0\4free" * 9, broken, "box of 4 bytes")
    yield Case("two indexes", whole + changed(), broken, "more than one index")
    yield Case("ten thousand boxes", _ftyp() + b"\0\0\0\10free" * 10_000, broken, "boxes")
    yield Case("an index in itself", changed(mp4.with_box(mp4.Box(b"moov", _deep(b"moov", 20_000)))), broken)
    no_samples = [mp4.table(name, 0, 0) for name in (b"stsz", b"stts", b"stsc", b"stco")]
    yield Case("no frames", changed(*no_samples), broken, "no frame")
    # Without any time of its own, sound gives it one.
    yield Case("time that stands still", changed(mp4.table(b"stts", 1, FRAMES, 0)), None)
    yield Case("a clock that stands still", changed(mp4.timescale(0)), broken)
    one_still = [mp4.table(b"stsz", 0, 1, 9000), mp4.table(b"stts", 1, 1, 0)]
    yield Case("one frame for no time", changed(*one_still, spec=MUTE), broken)


def _deep(name: bytes, levels: int) -> bytes:
    return b"".join(struct.pack(">I4s", 8 * (levels - level), name) for level in range(levels))


def _announcing() -> Iterator[Case]:
    """A few bytes that ask for gigabytes, hours or threads."""
    large = refusals.VideoTooLarge
    for count in (20_000_000, 2**32 - 1):
        samples = [mp4.table(b"stsz", 1, count), mp4.table(b"stts", 1, count, 1), mp4.table(b"stsc", 1, 1, count, 1)]
        yield Case(f"{count} frames of a byte", changed(*samples), large, "samples")
    fragment = mp4.Box(b"moof", mp4.Box(b"traf", mp4.Box(b"trun", struct.pack(">II", 0, 2**31)).written()).written())
    yield Case("a fragment of two billion frames", clip() + fragment.written(), large, "samples")
    yield Case("frames that last for days", changed(mp4.table(b"stts", 1, FRAMES, 2**31 - 1)), refusals.VideoRefused)
    yield Case("frames that go back in time", changed(mp4.table(b"stts", 1, FRAMES, -16)), refusals.VideoRefused)
    yield Case("four billion offsets", changed(mp4.table(b"stts", 1, 2**32 - 1, 512)), refusals.VideoRefused)
    yield Case("thousands of tracks", changed(mp4.more_tracks(5000)), large, "17 streams")
    yield Case(
        "millions of boxes", changed(mp4.with_box(mp4.Box(b"trak", b"\0\0\0\10free" * 4_000_000))), large, "boxes"
    )
    yield Case("an index of 65 MiB", changed(mp4.with_box(mp4.Box(b"free", bytes(65 << 20)))), large, "index of")
    packed = mp4.Box(b"cmvd", struct.pack(">I", 10**9) + zlib.compress(bytes(10**7), 9)).written()
    packed = mp4.Box(b"cmov", mp4.Box(b"dcom", b"zlib").written() + packed).written()
    yield Case("a compressed index", _ftyp() + mp4.Box(b"moov", packed).written(), refusals.BrokenVideo, "compressed")
    yield Case("a shape of a million to one", changed(_pasp(10**6, 1)), refusals.BrokenVideo, "1000000 wide")
    yield Case("a shape of one to a million", changed(_pasp(1, 10**6)), refusals.BrokenVideo, "1000000 high")
    # The header lies about the size: what the decoder sees counts.
    yield Case("a header of 65535x65535", changed(mp4.entry(24, b"\xff\xff\xff\xff")), None)


def _pasp(width: int, height: int) -> mp4.Change:
    return mp4.entry_box(mp4.Box(b"pasp", struct.pack(">II", width, height)))


def _edited() -> Iterator[Case]:
    """Edit lists, of which every player understands another part."""
    large, once = refusals.VideoTooLarge, (600, 0, mp4.UNIT)
    yield Case("a film a thousand times over", changed(mp4.edits(*[once] * 1000)), large, "1000 edits")
    yield Case("four billion edits", changed(mp4.edits(announced=2**32 - 1)), large, "4294967295 edits")
    yield Case("an entrance after a week", changed(mp4.edits((10**9, -1, mp4.UNIT), once)), large, "600 s")
    yield Case("an entrance after five seconds", changed(mp4.edits((5000, -1, mp4.UNIT), once)), None)
    yield Case("at double speed", changed(mp4.edits((300, 0, 2 * mp4.UNIT))), None)
    yield Case("standing still", changed(mp4.edits((5000, 0, 0))), None)
    yield Case("behind the end", changed(mp4.edits((600, 10**8, mp4.UNIT))), refusals.BrokenVideo)
    yield Case("two pieces", changed(mp4.edits((200, 0, mp4.UNIT), (200, 512 * 10, mp4.UNIT))), None)
    turned = mp4.matrix(0.7, 0.7, -0.7, 0.7), mp4.matrix(0, 0, 0, 0), mp4.matrix(100, 0, 0, 100)
    for name, change in zip(("askew", "flat", "a hundred times as large"), turned, strict=True):
        yield Case(f"shown {name}", changed(change), None)
    yield Case("media in another file", changed(mp4.elsewhere(b"file:///etc/passwd")), None)


def _odd_codecs() -> Iterator[Case]:
    for code in (b"SVQ3", b"cvid", b"gif ", b"8BPS", b"rpza", b"jpeg", b"XXXX"):
        content = changed(mp4.entry(4, code))
        yield Case(f"codec {code.decode()}", content, refusals.NotAVideo, "codec")


def _shapes() -> Iterator[Case]:
    large = refusals.VideoTooLarge
    small = (160, 90, 5, "yuv420p")
    yield Case("16384x16", stream((16_384, 16, 2, "yuv420p")), large, "on a side")
    yield Case("8192x4320", stream((8192, 4320, 1, "yuv420p")), large, "in all")
    yield Case("two by two", stream((2, 2, 5, "yuv420p")), None)
    yield Case("a size that jumps up", stream(small, (1280, 720, 3, "yuv420p"), small), None)
    yield Case("a size that jumps down", stream(small, (16, 16, 5, "yuv420p")), None)
    yield Case("a size that jumps beyond all limits", stream(small, (8192, 4320, 1, "yuv420p"), small), None)
    yield Case("a format that changes", stream(small, (160, 90, 5, "yuv444p"), (160, 90, 5, "yuv420p10le")), None)
    yield Case("a size that never stays", stream(*[small, (64, 64, 2, "yuv420p")] * 12), None)


def stream(*runs: tuple[int, int, int, str]) -> bytes:
    """A video whose frames change their size or format in mid-stream: (width, height, frames, pixel format)."""
    with tempfile.TemporaryDirectory() as folder:
        width, height, _, pixel_format = runs[0]
        head = dataclasses.replace(MUTE, width=width, height=height, pixel_format=pixel_format)
        first = clips.make(Path(folder) / "first.mp4", dataclasses.replace(head, pictures=((clips.GREY, 0.1),)))
        path = Path(folder) / "stream.mp4"
        with av.open(str(first)) as source, av.open(str(path), "w", format="mp4") as output:
            video = output.add_stream_from_template(source.streams.video[0])
            packets = [packet for run in runs for packet in _encoded(*run)]
            for index, (content, is_key) in enumerate(packets):
                packet = av.Packet(content)
                packet.stream, packet.time_base, packet.duration = video, Fraction(1, 25), 1
                packet.pts = packet.dts = index
                packet.is_keyframe = is_key
                output.mux(packet)
        return path.read_bytes()


@functools.cache
def _encoded(width: int, height: int, frames: int, pixel_format: str) -> tuple[tuple[bytes, bool], ...]:
    """H.264 access units that bring their own parameter sets, as MP4 holds them."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, pixel_format
    codec.time_base, codec.framerate, codec.thread_count = Fraction(1, 25), Fraction(25), 1
    codec.options = {"preset": "ultrafast", "bf": "0", "x264-params": "repeat-headers=1"}
    packets = []
    for index in range(frames):
        picture = av.VideoFrame(width, height, pixel_format)
        for plane in picture.planes:
            plane.update(bytes([90 + 9 * index % 90]) * plane.buffer_size)
        picture.pts = index
        packets += codec.encode(picture)
    packets += codec.encode(None)
    return tuple((_with_lengths(bytes(packet)), packet.is_keyframe) for packet in packets)


def _with_lengths(units: bytes) -> bytes:
    """Start codes replaced by lengths."""
    found = [unit for unit in units.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in found)


def mutations(count: int, seed: int) -> Iterator[bytes]:
    """A small clip with random bytes overwritten: in every second one only in the index."""
    whole = clip(dataclasses.replace(SMALL, fast_start=True))
    index_end = whole.index(b"mdat")
    source = chance.SeededChance(seed)
    for turn in range(count):
        content = bytearray(whole)
        for _ in range((1, 1, 3, 10, 50)[turn % 5]):
            at = int(source.uniform(8, index_end if turn % 2 else len(content)))
            content[at] = int(source.uniform(0, 256))
        yield bytes(content)
