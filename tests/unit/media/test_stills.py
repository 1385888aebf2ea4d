"""Single frames out of real files."""

from pathlib import Path

import PIL.Image
import PIL.ImageChops
import PIL.ImageStat
import pytest
from reelmesh_media.engine import stills
from reelmesh_media.model import refusals

from tests.unit.media import clips


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.make(tmp_path_factory.mktemp("stills") / "clip.mp4", clips.Spec(key_frames_every=20))


def difference(image: Path, frame: clips.av.VideoFrame) -> float:
    """The mean difference between an image file and a decoded frame, 0 to 255."""
    with PIL.Image.open(image) as opened:
        return max(PIL.ImageStat.Stat(PIL.ImageChops.difference(opened.convert("RGB"), frame.to_image())).mean)


def test_the_last_frame_is_the_very_last_one(tmp_path: Path, clip: Path) -> None:
    made = stills.last_frame(clip, tmp_path / "last.png")
    frames = clips.shown(clip)
    assert (made.width, made.height) == (320, 180)
    assert difference(made.path, frames[-1]) < 0.5
    assert difference(made.path, frames[-2]) > difference(made.path, frames[-1])


def test_a_rotated_clip_gives_an_upright_frame(tmp_path: Path) -> None:
    source = clips.make(tmp_path / "turned.mp4", clips.Spec(rotation_degrees=90, tones=()))
    made = stills.last_frame(source, tmp_path / "last.png")
    assert (made.width, made.height) == (180, 320)
    with PIL.Image.open(made.path) as image:
        turned_back = image.rotate(90, expand=True)
        turned_back.save(tmp_path / "back.png")
    assert difference(tmp_path / "back.png", clips.shown(source)[-1]) < 6


def test_a_damaged_last_group_still_gives_a_frame(tmp_path: Path, clip: Path) -> None:
    content = bytearray(clip.read_bytes())
    content[-3000:] = bytes(3000)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)
    assert stills.last_frame(damaged, tmp_path / "last.jpg").size_bytes > 0


def test_a_truncated_file_gives_no_frame_but_a_reason(tmp_path: Path, clip: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[:-4000])
    with pytest.raises(refusals.BrokenVideo, match="truncated"):
        stills.last_frame(cut, tmp_path / "last.png")
