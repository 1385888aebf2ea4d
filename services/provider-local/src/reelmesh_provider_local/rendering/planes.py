"""The memory of FFmpeg's planes as arrays."""

import numpy as np
import numpy.typing as npt
from av.video.plane import VideoPlane

Plane = npt.NDArray[np.uint8]


def rows(plane: VideoPlane) -> Plane:
    """The plane's memory as (height, line size), which may be wider than the picture; not a copy."""
    memory = np.frombuffer(memoryview(plane), np.uint8)  # pyright: ignore[reportArgumentType]  # PyAV's stubs omit it
    return memory.reshape(-1, plane.line_size)[: plane.height]
