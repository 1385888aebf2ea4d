"""From canvases and samples to an MP4: H.264 High and AAC-LC, constant rate, closed two-second GOPs, index first."""

import pathlib
from collections.abc import Generator
from contextlib import contextmanager
from fractions import Fraction
from typing import Literal

import av
import av.audio.stream
import av.container
import av.video.stream
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from reelmesh_provider_local.rendering import canvas, frames

SAMPLE_RATE_HZ = 48_000
AUDIO_BITS_PER_SECOND = 160_000
GOP_SECONDS = 2
SAMPLES_PER_CHUNK = 1024
# Fixed, because x264's decisions depend on it: the same film on 2 or 64 cores. More would only wait for frames.
ENCODER_THREADS = 2
# One more would lose the grain that keeps dark gradients smooth; one less costs as much again for grain alone.
CONSTANT_RATE_FACTOR = 22
PEAK_BITS_PER_PIXEL_AND_FRAME = 0.25


class FilmWriter:
    """An open MP4 that takes frames in order and all its sound up front, and interleaves them."""

    def __init__(
        self,
        container: av.container.OutputContainer,
        size: tuple[int, int],
        fps: int,
        samples: npt.NDArray[np.float32] | None,
    ) -> None:
        self._container = container
        self._fps = fps
        self._frames = 0
        self._samples = samples
        self._heard = 0
        self._video = _video_stream(container, size, fps)
        self._audio = None if samples is None else _audio_stream(container)

    def add(self, picture: canvas.Canvas) -> None:
        """Append one frame, and the sound that belongs before its end."""
        frame = frames.to_frame(picture)
        frame.pts = self._frames
        frame.time_base = Fraction(1, self._fps)
        self._frames += 1
        self._container.mux(self._video.encode(frame))
        self._sound_until(self._frames * SAMPLE_RATE_HZ // self._fps)

    def finish(self) -> None:
        """Write what the encoders still hold back."""
        if self._samples is not None:
            self._sound_until(self._samples.shape[1], flush=True)
        self._container.mux(self._video.encode(None))
        if self._audio is not None:
            self._container.mux(self._audio.encode(None))

    def _sound_until(self, sample: int, flush: bool = False) -> None:
        if self._samples is None or self._audio is None:
            return
        while self._heard < self._samples.shape[1] and (flush or self._heard + SAMPLES_PER_CHUNK <= sample):
            chunk = self._samples[:, self._heard : self._heard + SAMPLES_PER_CHUNK]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(chunk), format="fltp", layout="stereo")
            frame.sample_rate = SAMPLE_RATE_HZ
            frame.pts = self._heard
            frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
            self._heard += chunk.shape[1]
            self._container.mux(self._audio.encode(frame))


@contextmanager
def writing(
    path: pathlib.Path, size: tuple[int, int], fps: int, samples: npt.NDArray[np.float32] | None
) -> Generator[FilmWriter]:
    """Open an MP4 for writing; a clean exit finishes it, an exception leaves a broken file for the caller to remove.

    `samples` is (2, n) float32 at 48 kHz within -1..1, or None for a silent film without a sound track.
    """
    options = {"movflags": "+faststart"}
    with av.open(str(path), mode="w", format="mp4", container_options=options) as container:
        writer = FilmWriter(container, size, fps, samples)
        yield writer
        writer.finish()


def _video_stream(
    container: av.container.OutputContainer, size: tuple[int, int], fps: int
) -> av.video.stream.VideoStream:
    gop = GOP_SECONDS * fps
    peak_bits = int(size[0] * size[1] * fps * PEAK_BITS_PER_PIXEL_AND_FRAME)
    stream = container.add_stream("libx264", rate=fps)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.time_base = Fraction(1, fps)
    context = stream.codec_context
    context.thread_type = "FRAME"
    context.thread_count = ENCODER_THREADS
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    context.color_range = ColorRange.MPEG
    stream.options = {
        "preset": "superfast",
        "profile": "high",
        "crf": str(CONSTANT_RATE_FACTOR),
        "maxrate": str(peak_bits),
        "bufsize": str(peak_bits * 2),
        # Dark, smooth gradients get their share of bits (aq-mode 3), or they would band.
        "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:aq-mode=3",
    }
    return stream


def _audio_stream(container: av.container.OutputContainer) -> av.audio.stream.AudioStream:
    codec: Literal["aac"] = "aac"
    stream = container.add_stream(codec, rate=SAMPLE_RATE_HZ, layout="stereo")
    stream.bit_rate = AUDIO_BITS_PER_SECOND
    stream.time_base = Fraction(1, SAMPLE_RATE_HZ)
    return stream
