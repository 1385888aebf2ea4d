"""Clips that vendors hand out are real."""

import io

import av
import pytest
from reelmesh_simulators import clips, orders, vendor


@pytest.mark.parametrize("audio", [True, False])
def test_a_clip_has_the_size_and_the_length_that_were_ordered(audio: bool) -> None:
    content = clips.clip(320, 180, 1.5, "job", audio=audio)
    with av.open(io.BytesIO(content), "r") as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 320, 180)
        assert len(container.streams.audio) == int(audio)
        assert container.duration is not None
        assert abs(container.duration / av.time_base - 1.5) < 0.1
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert len(frames) == 36
    assert (frames[0] != frames[-1]).any(), "it moves"


def test_no_two_clips_have_the_same_bytes() -> None:
    assert clips.clip(320, 180, 1.0, "one") != clips.clip(320, 180, 1.0, "two")


async def test_a_vendor_in_a_hurry_makes_smaller_clips_of_the_same_length() -> None:
    order = orders.Order("a cat", "m", 1.0, 1280, 714)
    job = orders.Job("j", "a", order, 100.0, orders.Pace(smaller=8))
    with av.open(io.BytesIO(await vendor.made_of(job)), "r") as container:
        video = container.streams.video[0]
        # Sides are even, as the encoder wants them.
        assert (video.width, video.height) == (160, 88)
        assert len(list(container.decode(video=0))) == 24
