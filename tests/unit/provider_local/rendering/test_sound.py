"""The generated sound bed, judged by numbers."""

import av
import numpy as np
import pytest
from reelmesh_provider_local import rendering
from reelmesh_provider_local.rendering import sound


def bed(seed: list[int], duration_seconds: float) -> np.ndarray:
    return sound.bed(seed, duration_seconds, lambda: False)


@pytest.mark.parametrize("duration", [1.0, 4.0, 9.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_bed_has_the_right_length_and_loudness_and_never_clips(duration, seed):
    samples = bed([seed], duration)
    assert samples.shape == (2, round(duration * 48_000))
    assert np.isfinite(samples).all()
    assert float(np.abs(samples).max()) <= sound.CEILING
    assert sound.loudness_lufs(samples) == pytest.approx(-16, abs=1.5)


def test_a_bed_fades_in_and_out_and_is_never_silent_between():
    samples = bed([5], 6.0)
    loudness = [float(np.sqrt((part**2).mean())) for part in np.array_split(samples, 12, axis=1)]
    assert abs(samples[:, 0]).max() < 1e-3
    assert abs(samples[:, -1]).max() < 1e-3
    assert loudness[0] < loudness[3]
    assert loudness[-1] < loudness[8]
    assert min(loudness[1:-1]) > 0.01


def test_ears_hear_different_things():
    left, right = bed([5], 3.0)
    assert float(np.corrcoef(left, right)[0, 1]) < 0.98


def test_equal_seeds_sound_equal_and_others_do_not():
    assert np.array_equal(bed([1, 2], 1.0), bed([1, 2], 1.0))
    assert not np.array_equal(bed([1, 2], 1.0), bed([1, 3], 1.0))


def test_our_loudness_agrees_with_ffmpeg():
    samples = bed([8], 8.0)
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=48_000, format="fltp", layout="stereo")
    meter, sink = graph.add("ebur128", "metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
    frame.sample_rate = 48_000
    source.push(frame)
    source.push(None)
    measured = 0.0
    while True:
        try:
            measured = float(sink.pull().metadata["lavfi.r128.I"])
        except (av.error.EOFError, av.error.BlockingIOError):
            break
    assert measured == pytest.approx(sound.loudness_lufs(samples), abs=1.0)


def test_a_cancelled_bed_is_not_finished():
    with pytest.raises(rendering.RenderCancelled):
        sound.bed([1], 60.0, lambda: True)
