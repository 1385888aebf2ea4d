"""Several clips in one film: by packets when they are equal, by frames when they are not."""

from fractions import Fraction
from pathlib import Path

import pytest
from reelmesh_media.engine import ladder, probe
from reelmesh_media.model.findings import FindingKind
from reelmesh_media.model.ladder import Join, LadderRequest, LadderResult

from tests.unit.media import clips


def join(tmp_path: Path, specs: list[clips.Spec], wanted_seconds: float | None, **wishes: object) -> LadderResult:
    folder = tmp_path / "out"
    folder.mkdir()
    sources = tuple(clips.make(tmp_path / f"{index}.mp4", spec) for index, spec in enumerate(specs))
    return ladder.make(LadderRequest(sources, folder, wanted_seconds, **{"rungs": (90,), **wishes}))


def check(result: LadderResult, frames: int, rate: int = 25) -> None:
    """Every rendition shows exactly these frames, sounds as long, and starts at 0."""
    assert result.frame_count == frames
    for rendition in result.renditions:
        facts = probe.probe(rendition.file.path)
        assert len(clips.shown(rendition.file.path)) == frames
        assert facts.video.duration_seconds == pytest.approx(frames / rate)
        assert facts.video.constant_rate
        assert facts.video.start_seconds == 0
        if facts.audio is not None:
            assert clips.seconds_of_sound(rendition.file.path) == pytest.approx(frames / rate, abs=0.001)


def test_equal_clips_are_joined_without_encoding(tmp_path: Path) -> None:
    specs = [clips.Spec(), clips.Spec(pictures=((clips.GREY, 2.0),)), clips.Spec()]
    result = join(tmp_path, specs, None)
    assert (result.join, result.copy_refusals) == (Join.PACKETS, ())
    assert [one.copied for one in result.renditions] == [True, False]
    check(result, 150)
    frames = clips.shown(result.renditions[0].file.path)
    assert clips.mean_luma(frames[75]) == pytest.approx(128, abs=6), "the grey clip stands in the middle"
    assert clips.mean_luma(frames[0]) == pytest.approx(clips.mean_luma(frames[100]), abs=1), "the third begins anew"


def test_the_last_equal_clip_is_trimmed_to_the_wanted_length(tmp_path: Path) -> None:
    result = join(tmp_path, [clips.Spec(b_frames=0)] * 3, 5.0)
    assert result.join is Join.PACKETS
    check(result, 125)


def test_b_frames_at_the_cut_cost_at_most_one_frame(tmp_path: Path) -> None:
    result = join(tmp_path, [clips.Spec()] * 2, 3.0)
    assert abs(result.frame_count - 75) <= 1
    check(result, result.frame_count)


def test_unequal_clips_are_joined_frame_by_frame_on_the_first_one_s_canvas(tmp_path: Path) -> None:
    portrait = clips.Spec(width=180, height=320, pictures=((clips.GREY, 2.0),), rate=Fraction(30), audio_rate_hz=44_100)
    result = join(tmp_path, [clips.Spec(), portrait], 3.0)
    assert result.join is Join.FRAMES
    assert any("differ" in reason for reason in result.copy_refusals)
    check(result, 75)
    last = clips.shown(result.renditions[0].file.path)[-1].to_image().convert("L")
    assert last.size == (320, 180)
    assert last.getpixel((160, 90)) == pytest.approx(128, abs=6), "the picture stands in the middle"
    assert last.getpixel((10, 90)) < 20, "with bars beside it"


def test_a_clip_without_sound_is_silent_among_others_with_sound(tmp_path: Path) -> None:
    result = join(tmp_path, [clips.Spec(), clips.Spec(tones=()), clips.Spec()], None)
    check(result, 150)
    (silent,) = [one for one in result.findings if one.kind is FindingKind.SILENT]
    assert silent.start_seconds == pytest.approx(2.0, abs=0.1)
    assert silent.end_seconds == pytest.approx(4.0, abs=0.1)


def test_sound_shorter_than_its_picture_does_not_pull_the_next_clip_forward(tmp_path: Path) -> None:
    short = clips.Spec(tones=((clips.TONE, 0.8),))
    result = join(tmp_path, [short, clips.Spec()], None)
    (silent,) = [one for one in result.findings if one.kind is FindingKind.SILENT]
    assert silent.start_seconds == pytest.approx(0.8, abs=0.1)
    assert silent.end_seconds == pytest.approx(2.0, abs=0.1)
    check(result, 100)


def test_what_is_missing_to_the_wanted_length_is_reported_not_invented(tmp_path: Path) -> None:
    result = join(tmp_path, [clips.Spec()] * 2, 6.0)
    (short,) = [one for one in result.findings if one.kind is FindingKind.SHORTER_THAN_ASKED]
    assert (short.start_seconds, short.end_seconds) == (4.0, 6.0)
    check(result, 100)


def test_clips_beyond_the_wanted_length_are_left_out(tmp_path: Path) -> None:
    result = join(tmp_path, [clips.Spec(b_frames=0)] * 2, 2.0)
    assert result.join is Join.SINGLE
    check(result, 50)
