"""Whole films: what ends up in the file."""

import dataclasses
import io
import pathlib

import av
import numpy as np
import pytest
from PIL import Image
from reelmesh_provider_local import rendering
from reelmesh_provider_local.rendering import film, titles

SHAPES = [(320, 180), (180, 320), (180, 180), (168, 210), (420, 180)]
NASTY = ["Hi", "x" * 5000, "W" * 90, "one, two, three. " * 200, "A\u0301\u0302\u0303\u0304" * 20, "Ж Ω é — ½"]


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean step between two pictures, 0 to 255."""
    return float(np.abs(one.astype(int) - other).mean())


def boxes_in(path: pathlib.Path) -> list[str]:
    """The top-level boxes of an MP4, in order."""
    data, found, at = path.read_bytes(), [], 0
    while at < len(data):
        found.append(data[at + 4 : at + 8].decode("ascii"))
        at += int.from_bytes(data[at : at + 4], "big") or len(data)
    return found


def test_a_film_is_an_mp4_that_any_platform_takes(spec, render):
    path, report = render(spec(duration_seconds=2.5))
    names = boxes_in(path)
    assert names.index("moov") < names.index("mdat")
    with av.open(str(path), format="mp4") as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.profile, video.pix_fmt) == ("h264", "High", "yuv420p")
        assert (video.width, video.height, video.average_rate) == (320, 180, 24)
        assert (audio.codec_context.name, audio.profile, audio.rate, audio.layout.name) == (
            "aac",
            "LC",
            48_000,
            "stereo",
        )
        assert container.duration / av.time_base == pytest.approx(2.5, abs=0.05)
        packets = [packet for packet in container.demux(video) if packet.size]
        assert {packet.duration for packet in packets} == {packets[0].duration}
        keys = [round(float(packet.pts * packet.time_base), 3) for packet in packets if packet.is_keyframe]
        assert keys == [0.0, 2.0]
    assert report.frames == 60
    assert report.duration_seconds == 2.5
    assert report.size_bytes == path.stat().st_size
    assert report.warnings == ()


@pytest.mark.parametrize(("duration", "fps"), [(1.0, 24), (1.7, 30)])
def test_a_film_has_exactly_the_frames_it_was_asked_for(spec, render, decoded, duration, fps):
    asked = spec(duration_seconds=duration, fps=fps, audio=False)
    path, report = render(asked)
    assert len(decoded(path)) == report.frames == round(duration * fps)
    with av.open(str(path), format="mp4") as container:
        assert not container.streams.audio


def test_equal_specs_make_equal_files(spec, render, picture):
    asked = spec(images=(picture(),))
    assert render(asked, "a.mp4")[0].read_bytes() == render(asked, "b.mp4")[0].read_bytes()


def test_another_seed_makes_another_film(spec, render, decoded):
    one, other = (decoded(render(spec(seed=seed), f"{seed}.mp4")[0])[12] for seed in (1, 2))
    assert difference(one, other) > 5


def test_pictures_move_and_are_never_black(spec, render, decoded, picture):
    for images in ((), (picture(),), (picture((30, 60, 200)), picture((30, 160, 60)))):
        frames = decoded(render(spec(images=images, prompt="", duration_seconds=1.5))[0])
        assert all(difference(one, other) > 0.1 for one, other in zip(frames[::6], frames[6::6], strict=False))
        assert all(frame.mean() > 16 for frame in frames)


def test_titles_come_after_the_first_frame(spec, render, decoded):
    titled = decoded(render(spec(duration_seconds=2), "a.mp4")[0])
    assert difference(titled[0], titled[24]) > 3
    assert (titled[24] > 225).all(axis=-1).sum() > 200
    assert (titled[0] > 225).all(axis=-1).sum() == 0


def test_a_film_starts_on_the_frame_it_was_given_and_moves_on(spec, render, decoded, picture):
    given = picture((40, 160, 90))
    frames = decoded(render(spec(first_frame=given, duration_seconds=3))[0])
    wanted = np.asarray(Image.open(io.BytesIO(given)))
    assert difference(frames[0], wanted) < 4
    assert difference(frames[6], wanted) < 25
    assert difference(frames[48], wanted) > 25


def test_a_film_ends_on_the_frame_it_was_given_and_not_before(spec, render, decoded, picture):
    first, last = picture((40, 160, 90)), picture((200, 60, 40))
    frames = decoded(render(spec(first_frame=first, last_frame=last, duration_seconds=3))[0])
    begun, wanted = (np.asarray(Image.open(io.BytesIO(given))) for given in (first, last))
    assert difference(frames[0], begun) < 4
    assert difference(frames[-1], wanted) < 4
    assert difference(frames[-12], wanted) > 25


def test_a_film_ends_on_a_frame_without_one_to_begin_on(spec, render, decoded, picture):
    last = picture((200, 60, 40))
    frames = decoded(render(spec(last_frame=last, duration_seconds=2))[0])
    wanted = np.asarray(Image.open(io.BytesIO(last)))
    assert difference(frames[-1], wanted) < 4
    assert difference(frames[0], wanted) > 25


def test_the_last_frame_of_one_shot_begins_the_next(spec, render, decoded, picture):
    before = decoded(render(spec(images=(picture(),)), "one.mp4")[0])[-1]
    out = io.BytesIO()
    Image.fromarray(before).save(out, "PNG")
    after = decoded(render(spec(seed=9, first_frame=out.getvalue()), "two.mp4")[0])[0]
    assert difference(before, after) < 4


def white(frame: np.ndarray) -> int:
    """How many pixels words have."""
    return int((frame > 225).all(axis=-1).sum())


@pytest.mark.parametrize("pictured", [False, True])
def test_a_shot_that_is_continued_ends_on_a_plain_picture(spec, render, decoded, picture, pictured):
    images = (picture((30, 60, 120)),) if pictured else ()
    asked = spec(images=images, duration_seconds=5.0, audio=False)
    alone = decoded(render(asked, "alone.mp4")[0])
    shot = decoded(render(dataclasses.replace(asked, continued=True), "shot.mp4")[0])
    assert white(alone[60]) > 100 < white(shot[60])
    assert white(alone[-1]) > 10, "its colours and words close a film"
    assert white(shot[-1]) == 0


def test_only_a_film_that_is_whole_has_a_line_of_its_progress(spec, picture):
    given = picture((40, 160, 90))

    def line(**wishes: object) -> float:
        """How much the line stands out from the picture above it."""
        luma = film.Film(spec(prompt="", duration_seconds=3.0, **wishes), ()).frame(70).luma.astype(int)
        y = round(180 - titles.MARGIN_PART * 180)
        return float((luma[y : y + 2, 30:200] - luma[y - 8 : y - 6, 30:200]).mean())

    assert line() > 30
    assert abs(line(continued=True)) < 10
    assert abs(line(first_frame=given)) < 10


@pytest.mark.parametrize(("width", "height"), SHAPES)
@pytest.mark.parametrize("prompt", NASTY)
@pytest.mark.parametrize("seed", [1, 4])
def test_titles_stay_inside_the_safe_margins(spec, width, height, prompt, seed):
    asked = spec(prompt=prompt, width=width, height=height, seed=seed, duration_seconds=6)
    margin = titles.MARGIN_PART * min(width, height)
    boxes = film.Film(asked, ()).title_boxes
    assert boxes
    for left, top, right, bottom in boxes:
        assert left >= margin - 1
        assert top >= margin - 1
        assert right <= width - margin + 1
        assert bottom <= height - margin + 1


def test_scripts_without_a_font_are_left_out_with_a_warning(spec, render):
    _, report = render(spec(prompt="夜 tokyo 🚀"))
    assert report.warnings == ("no font on this machine has glyphs for: Han, emoji; left out",)


def test_a_prompt_that_cannot_be_read_in_time_says_so(spec, render):
    _, report = render(spec(prompt="a long story " * 60))
    assert len(report.warnings) == 1
    assert "too short to read the whole prompt" in report.warnings[0]


@pytest.mark.parametrize("prompt", ["", "   \n ", "\u200b\x00", "日本語", "...", "—"])
def test_a_film_needs_no_words(spec, render, prompt):
    assert render(spec(prompt=prompt))[1].frames == 24


def test_a_broken_image_is_refused_and_leaves_no_file(spec, render, picture, tmp_path):
    with pytest.raises(rendering.UnreadableImage, match="image 2 cannot be read"):
        render(spec(images=(picture(), b"\xff\xd8\xff broken")))
    with pytest.raises(rendering.UnreadableImage, match="the first frame"):
        render(spec(first_frame=b"nothing"))
    assert list(tmp_path.iterdir()) == []


def test_cancelling_stops_early_and_leaves_no_file(spec, tmp_path):
    heard: list[float] = []
    with pytest.raises(rendering.RenderCancelled):
        film.render(spec(duration_seconds=10), tmp_path / "film.mp4", heard.append, lambda: len(heard) >= 5, ())
    assert len(heard) == 5
    assert list(tmp_path.iterdir()) == []


def test_a_film_cancelled_before_it_began_does_nothing(spec, tmp_path):
    with pytest.raises(rendering.RenderCancelled):
        film.render(spec(), tmp_path / "film.mp4", lambda _: None, lambda: True, ())
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_one(spec, tmp_path):
    heard: list[float] = []
    film.render(spec(), tmp_path / "film.mp4", heard.append, lambda: False, ())
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert len(heard) == 24


def test_an_older_film_stands_until_the_new_one_is_complete(spec, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"the older film")
    heard: list[float] = []
    with pytest.raises(rendering.RenderCancelled):
        film.render(spec(), path, heard.append, lambda: len(heard) >= 3, ())
    assert path.read_bytes() == b"the older film"
