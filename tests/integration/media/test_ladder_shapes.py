"""Pictures that lie on their side, are mirrored, squeezed, odd, deep or uneven, and sound of every kind: all come out
as every player takes them, and look and sound as they did. Proved by reading frames back.
"""

import dataclasses
import itertools
from fractions import Fraction
from pathlib import Path

import av
import av.audio.frame
import av.video.frame
import numpy as np
import pytest
from reelmesh_media.engine import boxes, ladder, probe
from reelmesh_media.model import video
from reelmesh_media.model.findings import FindingKind
from reelmesh_media.model.ladder import LadderRequest, LadderResult

from tests.unit.media import clips, mp4

CORNERS = clips.Spec(
    width=160, height=90, pictures=((clips.CORNERS, 0.4),), tones=(), fast_start=False, key_frames_every=5
)
# Left or right, up or down: (x, y) of the middle of each quarter, and how bright it is in `clips.CORNERS`.
QUARTERS = {(-1, -1): 77, (1, -1): 137, (-1, 1): 107, (1, 1): 167}
TURNS = list(itertools.product((1, -1), repeat=2))
MATRICES = [(x, 0, 0, y) for x, y in TURNS] + [(0, x, y, 0) for x, y in TURNS]


def make(tmp_path: Path, *contents: bytes, **wishes: object) -> LadderResult:
    folder = tmp_path / "out"
    folder.mkdir()
    sources = tuple(tmp_path / f"{index}.mp4" for index in range(len(contents)))
    for path, content in zip(sources, contents, strict=True):
        path.write_bytes(content)
    return ladder.make(LadderRequest(sources, folder, **{"rungs": (60,), **wishes}))


def clip(tmp_path: Path, spec: clips.Spec, name: str = "made.mp4") -> bytes:
    return clips.make(tmp_path / name, spec).read_bytes()


def quarter(frame: av.video.frame.VideoFrame, x: int, y: int) -> float:
    """The luma in the middle of a quarter of a frame."""
    luma = np.frombuffer(frame.planes[0], np.uint8).reshape(frame.height, -1)[:, : frame.width]
    row, column = frame.height * (2 + y) // 4, frame.width * (2 + x) // 4
    return float(luma[row - 3 : row + 3, column - 3 : column + 3].mean())


@pytest.mark.parametrize("matrix", MATRICES)
def test_every_way_of_turning_and_mirroring_is_done_to_the_pixels(tmp_path: Path, matrix: tuple[int, ...]) -> None:
    content = mp4.Mp4(clip(tmp_path, CORNERS)).changed(mp4.matrix(*matrix))
    a, b, c, d = matrix
    result = make(tmp_path, content)
    assert result.renditions[0].copied == (matrix == (1, 0, 0, 1))
    for rendition in result.renditions:
        frame = clips.shown(rendition.file.path)[4]
        assert (frame.width > frame.height) == (a != 0)
        assert probe.probe(rendition.file.path).video.orientation == video.Orientation()
        for (x, y), bright in QUARTERS.items():
            assert quarter(frame, a * x + c * y, b * x + d * y) == pytest.approx(bright, abs=4)


@pytest.mark.parametrize("matrix", [(0.8, 0.6, -0.6, 0.8), (2, 0, 0, 2), (0, 0, 0, 0)])
def test_a_matrix_that_players_differ_on_is_not_handed_on(tmp_path: Path, matrix: tuple[float, ...]) -> None:
    result = make(tmp_path, mp4.Mp4(clip(tmp_path, CORNERS)).changed(mp4.matrix(*matrix)))
    assert "skewed" in result.copy_refusals[0]
    assert probe.probe(result.renditions[0].file.path).video.orientation == video.Orientation()


@pytest.mark.parametrize(("shape", "size"), [((4, 3), (214, 90)), ((2, 3), (106, 90)), ((8, 9), (142, 90))])
def test_pixels_that_are_not_square_become_square(
    tmp_path: Path, shape: tuple[int, int], size: tuple[int, int]
) -> None:
    box = mp4.Box(b"pasp", shape[0].to_bytes(4, "big") + shape[1].to_bytes(4, "big"))
    result = make(tmp_path, mp4.Mp4(clip(tmp_path, CORNERS)).changed(mp4.entry_box(box)))
    made = probe.probe(result.renditions[0].file.path).video
    assert (made.width, made.height, made.pixel_aspect) == (*size, 1)
    frame = clips.shown(result.renditions[0].file.path)[4]
    for (x, y), bright in QUARTERS.items():
        assert quarter(frame, x, y) == pytest.approx(bright, abs=4)


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv420p10le", "yuv422p10le", "rgb24", "yuvj420p"])
def test_other_pixel_formats_become_the_common_one_and_look_the_same(tmp_path: Path, pixel_format: str) -> None:
    whole = {"yuvj420p": (2, 1, 1, 1), "rgb24": None}.get(pixel_format, (1, 1, 1, 1))
    codec = "libx264rgb" if pixel_format == "rgb24" else "libx264"
    spec = dataclasses.replace(CORNERS, codec=codec, pixel_format=pixel_format, colour=whole)
    source = clip(tmp_path, spec)
    before = clips.shown(tmp_path / "made.mp4")[4].to_ndarray(format="rgb24").astype(int)
    result = make(tmp_path, source)
    made = probe.probe(result.renditions[0].file.path).video
    assert (made.pixel_format, made.colour.range) == ("yuv420p", 1)
    after = clips.shown(result.renditions[0].file.path)[4].to_ndarray(format="rgb24").astype(int)
    assert np.abs(after - before).mean() < 2.5


@pytest.mark.parametrize(("width", "height"), [(161, 91), (161, 90), (33, 97)])
def test_odd_sizes_become_even_without_a_seam(tmp_path: Path, width: int, height: int) -> None:
    spec = dataclasses.replace(CORNERS, width=width, height=height, pixel_format="yuv444p")
    result = make(tmp_path, clip(tmp_path, spec), rungs=())
    made = probe.probe(result.renditions[0].file.path).video
    assert abs(made.width - width) <= 1
    assert abs(made.height - height) <= 1
    frame = clips.shown(result.renditions[0].file.path)[4]
    for (x, y), bright in QUARTERS.items():
        assert quarter(frame, x, y) == pytest.approx(bright, abs=5)


def test_frames_of_uneven_length_are_shown_when_they_were(tmp_path: Path) -> None:
    # Each second is of another brightness, and has another number of frames.
    grey = "color=c=0x{0:02x}{0:02x}{0:02x}:s={{size}}:r={{rate}}"
    spec = clips.Spec(
        width=160,
        height=90,
        pictures=tuple((grey.format(level), 1.0) for level in (40, 120, 200)),
        tones=(),
        skip_frames=(*range(1, 25, 2), *range(51, 74)),
    )
    result = make(tmp_path, clip(tmp_path, spec), wanted_seconds=3.0, rungs=())
    shown = clips.shown(result.renditions[0].file.path)
    assert len(shown) == result.frame_count
    for second, level in enumerate((40, 120, 200)):
        at = [frame for frame in shown if second + 0.1 < frame.time < second + 0.9]
        assert at
        assert all(clips.mean_luma(frame) == pytest.approx(level, abs=4) for frame in at)


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
@pytest.mark.parametrize("seconds", [0.7, 1.5])
def test_sound_of_any_layout_becomes_stereo_as_long_as_the_picture(tmp_path: Path, layout: str, seconds: float) -> None:
    spec = clips.Spec(
        width=160, height=90, pictures=((clips.MOVING, 1.0),), tones=((clips.TONE, seconds),), audio_layout=layout
    )
    result = make(tmp_path, clip(tmp_path, spec))
    for rendition in result.renditions:
        audio = probe.probe(rendition.file.path).audio
        assert audio is not None
        assert (audio.codec, audio.sample_rate_hz) == ("aac", 48_000)
        assert audio.channels <= 2
        heard = sound_of(rendition.file.path)
        assert len(heard) / 48_000 <= 1.0 + 0.03
        assert loud(heard[4800:28_800]), "the tone is there"
        assert loud(heard[40_000:46_000]) == (seconds > 1), "and lasts as long as it did"


def sound_of(path: Path) -> np.ndarray:
    """The samples of the first channel."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def loud(samples: np.ndarray) -> bool:
    return samples.size > 0 and float(np.sqrt(np.mean(samples**2))) > 0.01


EDITS = {
    "an entrance after half a second": [(500, -1, mp4.UNIT), (1000, 1024, mp4.UNIT)],
    "the first fifth cut off": [(800, 1024 + 512 * 5, mp4.UNIT)],
    "a piece cut out": [(400, 1024, mp4.UNIT), (400, 1024 + 512 * 15, mp4.UNIT)],
    "nothing": [(1000, 1024, mp4.UNIT)],
}


@pytest.mark.parametrize("name", EDITS)
def test_whatever_a_source_edits_results_start_at_once_in_every_player(tmp_path: Path, name: str) -> None:
    spec = clips.Spec(
        width=160,
        height=90,
        pictures=((clips.MOVING, 1.0),),
        tones=((clips.TONE, 1.0),),
        options=(("preset", "veryfast"),),
        fast_start=False,
    )
    result = make(tmp_path, mp4.Mp4(clip(tmp_path, spec)).changed(mp4.edits(*EDITS[name])))
    for rendition in result.renditions:
        path = rendition.file.path
        obeying, ignoring = starts(path, "0"), starts(path, "1")
        assert obeying == (0.0, result.frame_count, 0.0)
        # Who ignores edit lists hears the encoder's run-up as 21 ms of silence, and sees nothing else than others.
        assert ignoring[:2] == obeying[:2]
        assert ignoring[2] == pytest.approx(0.0, abs=0.022)
        assert boxes.walk(path).edit_lists <= 2


def starts(path: Path, ignore_edit_lists: str) -> tuple[float, int, float]:
    """When the first frame is shown, how many are, and when sound begins."""
    with av.open(str(path), options={"ignore_editlist": ignore_edit_lists}) as container:
        shown = [frame.time for frame in container.decode(video=0)]
        sound = container.streams.audio[0]
        return shown[0], len(shown), float((sound.start_time or 0) * (sound.time_base or Fraction(0)))


def test_a_late_picture_keeps_its_sound_beside_it(tmp_path: Path) -> None:
    tones = ((clips.SILENCE, 0.5), (clips.TONE, 1.0))
    spec = clips.Spec(width=160, height=90, pictures=((clips.MOVING, 1.0),), tones=tones, fast_start=False, b_frames=0)
    late = mp4.edits((500, -1, mp4.UNIT), (1000, 0, mp4.UNIT))
    result = make(tmp_path, mp4.Mp4(clip(tmp_path, spec)).changed(late))
    # The tone begins with the picture, half a second after the file: both now stand at the beginning.
    assert loud(sound_of(result.renditions[0].file.path)[2400:40_000])
    assert FindingKind.SILENT not in {one.kind for one in result.findings}
