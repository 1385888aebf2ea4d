"""Between canvases and FFmpeg's frames: the one place that touches their memory."""

import av
import numpy as np
from av.video.frame import PictureType
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace

from reelmesh_provider_local.rendering import canvas


def to_canvas(frame: av.VideoFrame) -> canvas.Canvas:
    """A copy of a yuv420p frame."""
    luma, cb, cr = (_rows(plane)[:, : plane.width].copy() for plane in frame.planes)
    return canvas.Canvas(luma, cb, cr)


def to_frame(picture: canvas.Canvas) -> av.VideoFrame:
    """A yuv420p frame (BT.709, limited range) with a copy of the picture; its type is the encoder's choice."""
    frame = av.VideoFrame(*picture.size, "yuv420p")
    for plane, pixels in zip(frame.planes, picture.planes(), strict=True):
        _rows(plane)[:, : pixels.shape[1]] = pixels
    frame.pict_type = PictureType.NONE
    frame.colorspace = Colorspace.ITU709
    frame.color_range = ColorRange.MPEG
    return frame


def _rows(plane: VideoPlane) -> canvas.Plane:
    """The plane's memory as (height, line size), which may be wider than the picture."""
    memory = np.frombuffer(memoryview(plane), np.uint8)  # pyright: ignore[reportArgumentType]  # PyAV's stubs omit it
    return memory.reshape(-1, plane.line_size)[: plane.height]
