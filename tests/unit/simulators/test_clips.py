"""Clips that vendors hand out are real."""

import io

import av
import pytest
from reelmesh_simulators import clips


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
