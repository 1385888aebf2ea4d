"""What the checks find in pictures and sound, and which still they choose."""

from pathlib import Path

import PIL.Image
import PIL.ImageStat
import pytest
from reelmesh_media.engine import ladder
from reelmesh_media.model.findings import FindingKind
from reelmesh_media.model.ladder import LadderRequest, LadderResult

from tests.unit.media import clips


def check(tmp_path: Path, spec: clips.Spec) -> LadderResult:
    folder = tmp_path / "out"
    folder.mkdir()
    return ladder.make(LadderRequest((clips.make(tmp_path / "source.mp4", spec),), folder, rungs=()))


def ranges(result: LadderResult, kind: FindingKind) -> list[tuple[float, float]]:
    return [(one.start_seconds, one.end_seconds) for one in result.findings if one.kind is kind]


def test_black_at_the_beginning_is_found_and_not_taken_as_the_still(tmp_path: Path) -> None:
    result = check(tmp_path, clips.Spec(pictures=((clips.BLACK, 1.2), (clips.MOVING, 1.0)), tones=()))
    assert ranges(result, FindingKind.BLACK) == [pytest.approx((0.0, 1.2), abs=0.05)]
    assert ranges(result, FindingKind.FROZEN) == []
    for made in (result.poster, result.thumbnail):
        with PIL.Image.open(made.path) as image:
            assert PIL.ImageStat.Stat(image.convert("L")).mean[0] > 60


@pytest.mark.parametrize("seconds", [0.96, 1.0, 1.04])
def test_black_of_just_the_length_that_counts_as_frozen_ends_where_it_ends(tmp_path: Path, seconds: float) -> None:
    result = check(tmp_path, clips.Spec(pictures=((clips.BLACK, seconds), (clips.MOVING, 1.0)), tones=()))
    assert ranges(result, FindingKind.FROZEN) == []
    assert ranges(result, FindingKind.BLACK) == [pytest.approx((0.0, seconds), abs=0.05)]


def test_black_at_the_end_lasts_to_the_end(tmp_path: Path) -> None:
    result = check(tmp_path, clips.Spec(pictures=((clips.MOVING, 1.0), (clips.BLACK, 1.0)), tones=()))
    assert ranges(result, FindingKind.BLACK) == [pytest.approx((1.0, 2.0), abs=0.05)]


def test_the_still_shows_something_rather_than_a_soft_gradient(tmp_path: Path) -> None:
    gradient = "gradients=s={size}:r={rate}:seed=3:speed=0.05"
    pictures = ((gradient, 1.0), (clips.MOVING, 1.0), (gradient, 1.0))
    result = check(tmp_path, clips.Spec(pictures=pictures, tones=()))
    with PIL.Image.open(result.poster.path) as image:
        assert len(set(image.convert("L").resize((32, 18)).get_flattened_data())) > 100


def test_a_picture_that_stands_still_is_found(tmp_path: Path) -> None:
    result = check(
        tmp_path, clips.Spec(pictures=((clips.MOVING, 1.0), (clips.GREY, 2.0), (clips.MOVING, 1.0)), tones=())
    )
    assert ranges(result, FindingKind.FROZEN) == [pytest.approx((1.0, 3.0), abs=0.1)]


def test_silence_is_found_and_sound_is_not_mistaken_for_it(tmp_path: Path) -> None:
    tones = ((clips.TONE, 1.0), (clips.SILENCE, 1.5), (clips.TONE, 0.5))
    result = check(tmp_path, clips.Spec(pictures=((clips.MOVING, 3.0),), tones=tones))
    assert ranges(result, FindingKind.SILENT) == [pytest.approx((1.0, 2.5), abs=0.1)]


def test_a_wholly_silent_track_is_silent_throughout(tmp_path: Path) -> None:
    result = check(tmp_path, clips.Spec(tones=((clips.SILENCE, 2.0),)))
    assert ranges(result, FindingKind.SILENT) == [pytest.approx((0.0, 2.0), abs=0.05)]


def test_a_black_film_still_has_a_still(tmp_path: Path) -> None:
    result = check(tmp_path, clips.Spec(pictures=((clips.BLACK, 1.0),), tones=()))
    assert result.thumbnail.size_bytes > 0
    assert ranges(result, FindingKind.BLACK) == [pytest.approx((0.0, 1.0), abs=0.05)]


def test_flipped_bytes_are_counted_as_corrupt_frames(tmp_path: Path) -> None:
    source = clips.make(tmp_path / "source.mp4", clips.Spec(tones=()))
    content = bytearray(source.read_bytes())
    start = content.index(b"mdat")
    for offset in range(start + (len(content) - start) // 2, len(content) - 2000, 701):
        content[offset] ^= 0xFF
    source.write_bytes(content)
    folder = tmp_path / "out"
    folder.mkdir()
    result = ladder.make(LadderRequest((source,), folder, rungs=()))
    kinds = {one.kind for one in result.findings}
    assert kinds & {FindingKind.CORRUPT_FRAMES, FindingKind.MISSING_FRAMES}
    assert result.corrupt_frames + result.expected_frames - result.decoded_frames > 0
