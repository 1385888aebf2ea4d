"""Between canvases and FFmpeg's frames."""

import av
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace

from reelmesh_provider_local.rendering import canvas, planes


def to_canvas(frame: av.VideoFrame) -> canvas.Canvas:
    """A copy of a yuv420p frame."""
    luma, cb, cr = (planes.rows(plane)[:, : plane.width].copy() for plane in frame.planes)
    return canvas.Canvas(luma, cb, cr)


def to_frame(picture: canvas.Canvas) -> av.VideoFrame:
    """A yuv420p frame (BT.709, limited range) with a copy of the picture; its type is the encoder's choice."""
    frame = av.VideoFrame(*picture.size, "yuv420p")
    for plane, pixels in zip(frame.planes, picture.planes(), strict=True):
        planes.rows(plane)[:, : pixels.shape[1]] = pixels
    frame.pict_type = PictureType.NONE
    frame.colorspace = Colorspace.ITU709
    frame.color_range = ColorRange.MPEG
    return frame
