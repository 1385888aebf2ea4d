"""Ladders of single clips, made for real and read back."""

import hashlib
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from reelmesh_media.engine import boxes, ladder, probe
from reelmesh_media.model import refusals, video
from reelmesh_media.model.findings import FindingKind
from reelmesh_media.model.ladder import Join, LadderRequest, LadderResult, Progress
from reelmesh_media.model.loudness import Normalisation

from tests.support import requirements
from tests.unit.media import clips

SMALL_RUNGS = (120, 90)


def make(tmp_path: Path, spec: clips.Spec = clips.PLAIN, **wishes: object) -> LadderResult:
    folder = tmp_path / "out"
    folder.mkdir()
    source = clips.make(tmp_path / "source.mp4", spec)
    return ladder.make(LadderRequest((source,), folder, **{"rungs": SMALL_RUNGS, **wishes}))


def kinds(result: LadderResult) -> list[FindingKind]:
    return [one.kind for one in result.findings]


def test_a_standard_clip_is_copied_at_the_top_and_encoded_below(tmp_path: Path) -> None:
    result = make(tmp_path)
    assert [(one.label, one.file.width, one.file.height, one.copied) for one in result.renditions] == [
        ("180p", 320, 180, True),
        ("120p", 214, 120, False),
        ("90p", 160, 90, False),
    ]
    assert (result.copy_refusals, result.join, result.findings) == ((), Join.SINGLE, ())
    assert (result.decoded_frames, result.expected_frames, result.corrupt_frames) == (50, 50, 0)
    assert result.timings.cpu_seconds > 0


def test_every_file_is_what_the_result_says(tmp_path: Path) -> None:
    result = make(tmp_path)
    for rendition in result.renditions:
        content = rendition.file.path.read_bytes()
        assert hashlib.sha256(content).hexdigest() == rendition.file.sha256
        assert len(content) == rendition.file.size_bytes
        facts = probe.probe(rendition.file.path)
        assert (facts.video.width, facts.video.height) == (rendition.file.width, rendition.file.height)
        assert facts.video.duration_seconds == pytest.approx(rendition.duration_seconds)
        assert facts.moov_first
        assert facts.video.frame_count == 50
        assert facts.audio is not None
        assert facts.audio.duration_seconds == pytest.approx(2.0, abs=0.03)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["120p.mp4", "180p.mp4", "90p.mp4", "poster.jpg", "thumbnail.jpg"]


def test_encoded_rungs_have_closed_groups_of_two_seconds(tmp_path: Path) -> None:
    spec = clips.Spec(pictures=((clips.MOVING, 5.0),), tones=(), key_frames_every=17)
    facts = probe.probe(make(tmp_path, spec).renditions[1].file.path)
    assert facts.video.longest_key_gap_seconds == pytest.approx(2.0)
    assert facts.video.profile == "High"


def test_portrait_stays_portrait(tmp_path: Path) -> None:
    result = make(tmp_path, clips.Spec(width=180, height=320))
    assert [(one.file.width, one.file.height) for one in result.renditions] == [(180, 320), (120, 214), (90, 160)]
    with PIL.Image.open(result.poster.path) as poster:
        assert poster.size == (180, 320)


def test_nothing_is_scaled_up(tmp_path: Path) -> None:
    result = make(tmp_path, rungs=(1080, 720, 480))
    assert [one.label for one in result.renditions] == ["180p"]


def test_a_rotated_clip_is_encoded_upright(tmp_path: Path) -> None:
    result = make(tmp_path, clips.Spec(rotation_degrees=90, tones=()), rungs=())
    assert "rotated" in result.copy_refusals[0]
    facts = probe.probe(result.renditions[0].file.path)
    assert (facts.video.width, facts.video.height, facts.video.orientation) == (180, 320, video.Orientation())


def test_a_clip_of_another_codec_is_encoded(tmp_path: Path) -> None:
    spec = clips.Spec(codec="mpeg4", tones=(), bits_per_second=800_000)
    result = make(tmp_path, spec, rungs=())
    assert [one.copied for one in result.renditions] == [False]
    assert probe.probe(result.renditions[0].file.path).video.codec == "h264"


def test_a_clip_above_the_asked_bit_rate_is_encoded_below_it(tmp_path: Path) -> None:
    spec = clips.Spec(pictures=((clips.NOISE + "=alls=60:allf=t", 2.0),), tones=())
    result = make(tmp_path, spec, rungs=(), top_bits_per_second=400_000)
    assert "at most 400000" in result.copy_refusals[0]
    assert probe.probe(result.renditions[0].file.path).video.bits_per_second < 600_000


def test_an_uneven_rate_becomes_constant_and_keeps_its_length(tmp_path: Path) -> None:
    result = make(tmp_path, clips.Spec(skip_frames=(20, 21, 22)), rungs=())
    facts = probe.probe(result.renditions[0].file.path)
    assert facts.video.constant_rate
    assert facts.video.duration_seconds == pytest.approx(2.0, abs=0.05)


def test_trimming_keeps_packets_when_the_cut_falls_well(tmp_path: Path) -> None:
    result = make(tmp_path, clips.Spec(b_frames=0), wanted_seconds=1.2)
    assert result.renditions[0].copied
    assert result.frame_count == 30
    for rendition in result.renditions:
        facts = probe.probe(rendition.file.path)
        assert facts.video.frame_count == 30
        assert facts.duration_seconds == pytest.approx(1.2, abs=0.04)
        assert len(clips.shown(rendition.file.path)) == 30


def test_trimming_encodes_when_every_near_cut_would_lose_a_frame(tmp_path: Path) -> None:
    # With 7 B-frames in a row most frames lean on one that comes later on screen.
    spec = clips.Spec(b_frames=7, options=(("preset", "veryfast"), ("b-adapt", "0")), pictures=((clips.MOVING, 2.0),))
    results = []
    for wanted in (20, 21, 22, 23):
        folder = tmp_path / str(wanted)
        folder.mkdir()
        results.append(make(folder, spec, wanted_seconds=wanted / 25, rungs=()))
    assert any(not one.renditions[0].copied for one in results)
    for wanted, result in zip((20, 21, 22, 23), results, strict=True):
        path = result.renditions[0].file.path
        assert abs(len(clips.shown(path)) - wanted) <= 1
        assert clips.seconds_of_sound(path) == pytest.approx(result.duration_seconds, abs=0.001)


def test_frames_that_an_edit_list_hides_stay_hidden(tmp_path: Path) -> None:
    source = clips.make(tmp_path / "source.mp4", clips.Spec(tones=(), b_frames=0, fast_start=False))
    content = bytearray(source.read_bytes())
    media_time = content.index(b"elst") + 16
    step = 512  # ticks of a frame at 25 fps in 12800ths
    content[media_time : media_time + 4] = (step * 10).to_bytes(4, "big")
    source.write_bytes(content)
    folder = tmp_path / "out"
    folder.mkdir()
    result = ladder.make(LadderRequest((source,), folder, rungs=()))
    assert "source.mp4: an edit list hides frames" in result.copy_refusals
    assert len(clips.shown(result.renditions[0].file.path)) == result.frame_count == 40


@pytest.mark.parametrize("wishes", [{"wanted_seconds": 0}, {"wanted_seconds": float("nan")}, {"rungs": (0,)}])
def test_impossible_wishes_are_refused_at_once(tmp_path: Path, wishes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"wanted_seconds|rungs"):
        LadderRequest((tmp_path / "a.mp4",), tmp_path, **wishes)


def test_a_clip_without_sound_stays_without(tmp_path: Path) -> None:
    result = make(tmp_path, clips.Spec(tones=()))
    assert kinds(result) == [FindingKind.NO_AUDIO]
    assert result.loudness is None
    assert all(probe.probe(one.file.path).audio is None for one in result.renditions)


def test_mono_44_khz_mp3_becomes_stereo_48_khz_aac(tmp_path: Path) -> None:
    result = make(tmp_path, clips.Spec(audio_codec="libmp3lame", audio_rate_hz=44_100))
    for rendition in result.renditions:
        audio = probe.probe(rendition.file.path).audio
        assert audio is not None
        assert (audio.codec, audio.profile, audio.sample_rate_hz, audio.channels) == ("aac", "LC", 48_000, 2)
        assert audio.duration_seconds == pytest.approx(2.0, abs=0.03)
    assert result.renditions[0].copied, "the picture is not touched for the sound's sake"


def test_loudness_is_measured_and_changed_only_when_asked_or_encoded_anyway(tmp_path: Path) -> None:
    quiet = clips.Spec(
        pictures=((clips.MOVING, 4.0),), tones=((f"{clips.TONE},volume=0.5", 4.0),), options=(("preset", "ultrafast"),)
    )
    (tmp_path / "kept").mkdir()
    (tmp_path / "raised").mkdir()
    kept = make(tmp_path / "kept", quiet, rungs=())
    raised = make(tmp_path / "raised", quiet, rungs=(), normalisation=Normalisation.ALWAYS)
    assert kept.loudness is not None
    assert raised.loudness is not None
    assert kept.loudness.gain_db == 0.0
    assert raised.loudness.gain_db > 5.0
    again = probe_loudness(raised.renditions[0].file.path, tmp_path)
    assert again == pytest.approx(-14.0, abs=0.7)


def probe_loudness(path: Path, tmp_path: Path) -> float:
    folder = tmp_path / "measured"
    folder.mkdir()
    result = ladder.make(LadderRequest((path,), folder, rungs=()))
    assert result.loudness is not None
    return result.loudness.integrated_lufs


def test_progress_is_reported_and_ends_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    source = clips.make(tmp_path / "source.mp4")
    seen: list[Progress] = []
    ladder.make(LadderRequest((source,), folder, rungs=SMALL_RUNGS), seen.append)
    encoding = [one.share for one in seen if one.stage == "encode"]
    assert encoding == sorted(encoding)
    assert encoding[-1] == 1.0
    assert {one.stage for one in seen} >= {"probe", "sound", "copy", "encode"}


def test_what_a_killed_run_left_behind_is_swept(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    leftover = tmp_path / "out" / ".720p.mp4.part"
    leftover.write_bytes(b"half")
    source = clips.make(tmp_path / "source.mp4")
    ladder.make(LadderRequest((source,), tmp_path / "out", rungs=()))
    assert not leftover.exists()


def test_a_failed_run_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    good = clips.make(tmp_path / "good.mp4")
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(good.read_bytes()[:-3000])
    with pytest.raises(refusals.BrokenVideo):
        ladder.make(LadderRequest((good, bad), folder))
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_our_trouble_not_the_video_s(tmp_path: Path) -> None:
    source = clips.make(tmp_path / "source.mp4")
    with pytest.raises(refusals.OutputNotWritten, match="retry"):
        ladder.make(LadderRequest((source,), tmp_path / "nowhere"))


@requirements.LINUX
def test_a_full_disk_ends_the_run_with_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    source = clips.make(tmp_path / "source.mp4", clips.Spec(tones=()))
    # The sweep removes parts first, so the full disk stands where the encoder will write after it.
    request = LadderRequest((source,), folder, rungs=(90,))

    def fill(progress: Progress) -> None:
        target = folder / ".90p.mp4.part"
        if progress.stage == "copy" and not target.is_symlink():
            target.symlink_to("/dev/full")

    with pytest.raises(refusals.OutputNotWritten, match="disk is full"):
        ladder.make(request, fill)


@pytest.mark.parametrize("count", [0, 33])
def test_no_clips_or_too_many_are_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(refusals.VideoRefused, match="clips"):
        ladder.make(LadderRequest((tmp_path / "a.mp4",) * count, tmp_path))


def test_the_index_of_every_rendition_stands_first(tmp_path: Path) -> None:
    assert all(boxes.walk(one.file.path).moov_first for one in make(tmp_path).renditions)
