"""High dynamic range and wide gamuts come out as BT.709 that looks right, and is tagged so. Proved by reading back."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
from reelmesh_media.engine import ladder, probe, stills
from reelmesh_media.model.findings import FindingKind
from reelmesh_media.model.ladder import LadderRequest, LadderResult

from tests.unit.media import clips

WIDTH, HEIGHT, FRAMES = 320, 90, 8
PQ, HLG, SDR = 16, 18, 1
BT709 = (1, 1, 1, 1)
Patch = tuple[float, float, float]
"""Coded R, G and B, 0 to 1."""


def pq(nits: float) -> float:
    """The code of a luminance (SMPTE ST 2084)."""
    part = (nits / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * part) / (1 + 18.6875 * part)) ** 78.84375


def hdr_clip(path: Path, patches: Sequence[Patch], transfer: int, primaries: int = 9) -> Path:
    """Ten bits of HEVC: upright stripes, in BT.2020 and with the tags that say so."""
    tags = (1, primaries, transfer, 9)
    planes = _planes(patches)
    with av.open(str(path), "w", format="mp4") as output:
        options = {"preset": "ultrafast", "crf": "2", "x265-params": "log-level=none"}
        video = output.add_stream("libx265", rate=25, options=options)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p10le"
        codec = video.codec_context
        codec.color_range, codec.color_primaries, codec.color_trc, codec.colorspace = tags
        for index in range(FRAMES):
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p10le")
            for plane, pixels in zip(frame.planes, planes, strict=True):
                rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
                rows[:, : plane.width] = pixels
                plane.update(rows.tobytes())
            frame.pts = index
            frame.color_range, frame.color_primaries, frame.color_trc, frame.colorspace = tags
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    return path


def _planes(patches: Sequence[Patch]) -> list[npt.NDArray[np.uint16]]:
    codes = np.array([_code(*patch) for patch in patches])
    column = np.arange(WIDTH) * len(patches) // WIDTH
    chroma = np.arange(WIDTH // 2) * len(patches) // (WIDTH // 2)
    luma = np.tile(codes[column, 0], (HEIGHT, 1))
    return [luma, *(np.tile(codes[chroma, which], (HEIGHT // 2, 1)) for which in (1, 2))]


def _code(red: float, green: float, blue: float) -> tuple[int, int, int]:
    """Y, Cb and Cr of BT.2020 in ten bits of limited range."""
    luma = 0.2627 * red + 0.678 * green + 0.0593 * blue
    cb, cr = (blue - luma) / 1.8814, (red - luma) / 1.4746
    return round(64 + 876 * luma), round(512 + 896 * cb), round(512 + 896 * cr)


def make(tmp_path: Path, source: Path, rungs: tuple[int, ...] = (60,)) -> LadderResult:
    folder = tmp_path / "out"
    folder.mkdir()
    return ladder.make(LadderRequest((source,), folder, rungs=rungs))


def tags(path: Path) -> tuple[int, int, int, int]:
    told = probe.probe(path).video.colour
    return told.range, told.primaries, told.transfer, told.matrix


def stripes(path: Path, count: int) -> list[tuple[int, ...]]:
    """The colour in the middle of each stripe as a screen shows it, by the tags of the file."""
    frame = clips.shown(path)[FRAMES // 2]
    return middle(frame.to_ndarray(format="rgb24"), count)


def middle(pixels: npt.NDArray[np.uint8], count: int) -> list[tuple[int, ...]]:
    height, width = pixels.shape[:2]
    return [tuple(int(part) for part in pixels[height // 2, width * (2 * n + 1) // (2 * count)]) for n in range(count)]


@pytest.mark.parametrize(
    ("transfer", "greys"),
    [(PQ, [pq(nits) for nits in (0, 5, 50, 203, 1000, 4000)]), (HLG, [0.0, 0.2, 0.4, 0.75, 0.9, 1.0])],
)
def test_hdr_is_mapped_to_sdr_and_tagged_so(tmp_path: Path, transfer: int, greys: list[float]) -> None:
    result = make(tmp_path, hdr_clip(tmp_path / "hdr.mp4", [(grey,) * 3 for grey in greys], transfer))
    (mapped,) = [one for one in result.findings if one.kind is FindingKind.TONE_MAPPED]
    assert ("PQ" if transfer == PQ else "HLG") in mapped.detail
    for rendition in result.renditions:
        assert tags(rendition.file.path) == BT709
        seen = stripes(rendition.file.path, len(greys))
        assert all(max(stripe) - min(stripe) <= 8 for stripe in seen), "grey stays grey"
        levels = [stripe[1] for stripe in seen]
        assert levels[0] <= 4
        assert all(later - earlier > 8 for earlier, later in itertools.pairwise(levels)), "nothing is cut off"
        # Diffuse white is bright, and leaves room for what shines.
        assert 135 <= levels[3] <= 225


def test_colours_beyond_bt709_keep_their_hue(tmp_path: Path) -> None:
    bright = pq(203)
    patches = [(bright, 0, 0), (0, bright, 0), (0, 0, bright), (bright, bright, 0)]
    result = make(tmp_path, hdr_clip(tmp_path / "hdr.mp4", patches, PQ))
    red, green, blue, yellow = stripes(result.renditions[0].file.path, 4)
    assert red[0] > 120 > 60 > max(red[1:])
    assert green[1] > 120 > 60 > max(green[0], green[2])
    assert blue[2] > 120 > 70 > max(blue[:2])
    assert min(yellow[:2]) > 120 > 90 > yellow[2]


def test_a_wide_gamut_of_standard_range_is_brought_to_bt709_without_a_word(tmp_path: Path) -> None:
    result = make(tmp_path, hdr_clip(tmp_path / "wide.mp4", [(0.5,) * 3, (1, 1, 1), (0.6, 0.3, 0.3)], SDR))
    assert [one.kind for one in result.findings] == [FindingKind.NO_AUDIO]
    assert tags(result.renditions[0].file.path) == BT709
    grey, white, rose = stripes(result.renditions[0].file.path, 3)
    assert grey == pytest.approx((128,) * 3, abs=6)
    assert white == pytest.approx((255,) * 3, abs=6)
    # The same light needs more red in a smaller gamut.
    assert rose[0] > 160 > 80 > rose[1]


def test_the_last_frame_of_an_hdr_clip_looks_as_its_renditions_do(tmp_path: Path) -> None:
    patches = [(pq(5),) * 3, (pq(203),) * 3, (pq(203), 0, 0), (pq(4000),) * 3]
    source = hdr_clip(tmp_path / "hdr.mp4", patches, PQ)
    wanted = stripes(make(tmp_path, source).renditions[0].file.path, len(patches))
    with PIL.Image.open(stills.last_frame(source, tmp_path / "last.png").path) as image:
        assert np.abs(np.subtract(middle(np.asarray(image), len(patches)), wanted)).max() <= 5


SD, HD = dict(width=160, height=90), dict(width=1280, height=720)  # noqa: C408
GREEN = "color=c=0x20c040:s={size}:r={rate}"


@pytest.mark.parametrize(("size", "convention"), [(SD, (1, 6, 6, 6)), (HD, BT709)])
def test_small_renditions_of_an_untagged_film_say_what_the_film_meant(
    tmp_path: Path, size: dict[str, int], convention: tuple[int, ...]
) -> None:
    spec = clips.Spec(**size, pictures=((GREEN, 0.4),), tones=())
    result = make(tmp_path, clips.make(tmp_path / "untagged.mp4", spec))
    assert result.renditions[0].copied
    assert tags(result.renditions[1].file.path) == convention


def test_joined_clips_of_different_tags_look_alike(tmp_path: Path) -> None:
    sources: list[Path] = []
    for name, matrix in (("new", (1, 1, 1, 1)), ("old", (1, 6, 6, 6))):
        spec = clips.Spec(width=160, height=90, pictures=((GREEN, 0.4),), tones=(), colour=matrix)
        # The filter makes BT.601; what is tagged BT.709 is another green then, which is what should be seen.
        sources.append(clips.make(tmp_path / f"{name}.mp4", spec))
    wanted = [clips.shown(source)[2].to_ndarray(format="rgb24")[45, 80].astype(int) for source in sources]
    assert np.abs(wanted[0] - wanted[1]).max() > 8
    folder = tmp_path / "out"
    folder.mkdir()
    result = ladder.make(LadderRequest(tuple(sources), folder, rungs=()))
    shown = clips.shown(result.renditions[0].file.path)
    for index, colour in ((2, wanted[0]), (12, wanted[1])):
        assert np.abs(shown[index].to_ndarray(format="rgb24")[45, 80] - colour).max() <= 4


def test_tagged_hdr_in_eight_bits_of_h264_is_not_copied(tmp_path: Path) -> None:
    spec = clips.Spec(width=160, height=90, pictures=((GREEN, 0.4),), tones=(), colour=(1, 9, HLG, 9))
    result = make(tmp_path, clips.make(tmp_path / "hlg.mp4", dataclasses.replace(spec)))
    assert "HLG" in result.copy_refusals[0]
    assert tags(result.renditions[0].file.path) == BT709
