"""Probing real files: what they are, and why some are refused."""

import struct
from fractions import Fraction
from pathlib import Path

import PIL.Image
import pytest
from reelmesh_media.engine import boxes, probe
from reelmesh_media.model import refusals, video

from tests.unit.media import clips


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.make(tmp_path_factory.mktemp("probe") / "clip.mp4")


def test_a_plain_clip_is_described(clip: Path) -> None:
    facts = probe.probe(clip)
    track = facts.video
    assert (facts.container, facts.moov_first, facts.stream_count) == ("mp4", True, 2)
    assert facts.size_bytes == clip.stat().st_size
    assert facts.duration_seconds == pytest.approx(2.0, abs=0.001)
    assert (track.codec, track.pixel_format, track.width, track.height) == ("h264", "yuv420p", 320, 180)
    assert (track.frame_rate, track.constant_rate, track.frame_count) == (Fraction(25), True, 50)
    assert (track.orientation, track.pixel_aspect, track.interlaced) == (video.Orientation(), 1, False)
    assert track.longest_key_gap_seconds == pytest.approx(1.0)
    assert facts.audio is not None
    assert (facts.audio.codec, facts.audio.profile, facts.audio.sample_rate_hz) == ("aac", "LC", 48_000)
    assert facts.audio.channels == 2
    assert facts.audio.duration_seconds == pytest.approx(2.0, abs=0.03)


def test_edit_lists_and_a_late_index_are_seen(tmp_path: Path, clip: Path) -> None:
    late = clips.make(tmp_path / "late.mp4", clips.Spec(fast_start=False, tones=()))
    assert not probe.probe(late).moov_first
    assert probe.probe(late).edit_lists == 1
    assert probe.probe(clip).edit_lists == 2


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_told_clockwise_and_turns_the_shown_size(tmp_path: Path, degrees: int) -> None:
    facts = probe.probe(clips.make(tmp_path / "turned.mp4", clips.Spec(rotation_degrees=degrees, tones=())))
    assert facts.video.orientation == video.Orientation(rotation_degrees=degrees)
    assert facts.video.shown == (video.Size(320, 180) if degrees == 180 else video.Size(180, 320))


def test_a_missing_frame_makes_the_rate_variable(tmp_path: Path) -> None:
    facts = probe.probe(clips.make(tmp_path / "uneven.mp4", clips.Spec(skip_frames=(20, 21, 22), tones=())))
    assert not facts.video.constant_rate
    assert facts.video.frame_count == 47
    assert facts.video.duration_seconds == pytest.approx(2.0)


def test_webm_is_taken_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    spec = clips.Spec(
        codec="libvpx", container="webm", audio_codec="libopus", pictures=((clips.MOVING, 0.4),), tones=()
    )
    facts = probe.probe(clips.make(tmp_path / "named.mp4", spec))
    assert (facts.container, facts.video.codec, facts.video.frame_rate) == ("webm", "vp8", Fraction(25))
    assert facts.video.constant_rate


def test_a_jpeg_named_mp4_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "picture.mp4"
    PIL.Image.new("RGB", (64, 64)).save(path, format="JPEG")
    with pytest.raises(refusals.NotAVideo, match="JPEG"):
        probe.probe(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "nothing"),
        (b'{"error": "expired"}', "JSON"),
        (b"<html>", "HTML"),
        (b"#EXTM3U\n", "playlist"),
        (b"x" * 99, "unknown"),
    ],
)
def test_what_is_no_video_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    with pytest.raises(refusals.NotAVideo, match=said):
        probe.probe(path)


def test_a_truncated_file_is_refused_wherever_its_index_stands(tmp_path: Path, clip: Path) -> None:
    front = tmp_path / "front.mp4"
    front.write_bytes(clip.read_bytes()[:-5000])
    with pytest.raises(refusals.BrokenVideo, match="truncated"):
        probe.probe(front)
    late = clips.make(tmp_path / "late.mp4", clips.Spec(fast_start=False))
    late.write_bytes(late.read_bytes()[:-5000])
    with pytest.raises(refusals.BrokenVideo, match=r"truncated|no index"):
        probe.probe(late)


def test_a_truncated_webm_is_known_by_its_length(tmp_path: Path) -> None:
    spec = clips.Spec(codec="libvpx", container="webm", audio_codec="libopus")
    whole = clips.make(tmp_path / "clip.webm", spec)
    whole.write_bytes(whole.read_bytes()[: round(whole.stat().st_size * 0.7)])
    with pytest.raises(refusals.BrokenVideo, match=r"truncated: 1\.\d of 2\.0 s"):
        probe.probe(whole)


def test_a_file_cut_between_boxes_has_no_index(tmp_path: Path) -> None:
    path = tmp_path / "head.mp4"
    path.write_bytes(struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4s", 8, b"mdat"))
    with pytest.raises(refusals.BrokenVideo, match="no index"):
        probe.probe(path)


def test_garbage_behind_a_good_beginning_is_broken(tmp_path: Path, clip: Path) -> None:
    content = bytearray(clip.read_bytes())
    start = content.index(b"moov") + 4
    content[start : start + 400] = b"\xa5" * 400
    path = tmp_path / "garbage.mp4"
    path.write_bytes(content)
    with pytest.raises(refusals.MediaError):
        probe.probe(path)


def test_pictures_that_do_not_decode_are_broken(tmp_path: Path, clip: Path) -> None:
    content = bytearray(clip.read_bytes())
    start = content.index(b"mdat") + 4
    content[start:] = bytes(len(content) - start)
    path = tmp_path / "zeros.mp4"
    path.write_bytes(content)
    with pytest.raises(refusals.BrokenVideo, match="no frame decodes"):
        probe.probe(path)


def test_sound_alone_is_not_a_video(tmp_path: Path) -> None:
    with clips.av.open(str(tmp_path / "sound.mp4"), "w") as output:
        stream = output.add_stream("aac", rate=48_000)
        frame = clips.av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        frame.sample_rate = 48_000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        output.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(refusals.NotAVideo, match="no picture"):
        probe.probe(tmp_path / "sound.mp4")


def test_caps_are_refused_with_the_limit_named() -> None:
    assert "pixels" in video.limits_broken(8192, 4320, 1, 1)
    assert "600 s" in video.limits_broken(100, 100, 601, 1)
    assert "streams" in video.limits_broken(100, 100, 1, 17)
    assert video.limits_broken(3840, 2160, 600, 2) == ""


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        probe.probe(tmp_path / "nowhere.mp4")


def test_boxes_of_impossible_size_end_the_walk(tmp_path: Path) -> None:
    path = tmp_path / "loop.mp4"
    path.write_bytes(struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4s", 4, b"free") * 4)
    with pytest.raises(refusals.BrokenVideo, match="box of 4 bytes"):
        boxes.walk(path)
