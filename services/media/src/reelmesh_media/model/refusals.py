"""Everything that can be wrong with a media job, as types; each says what to do next.

Every error takes one `reason`, so that it survives the pipe between a worker process and the service.
"""

import errno
from typing import ClassVar

# What a disk says that has no room for us.
OUT_OF_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class MediaError(Exception):
    """The media job failed."""

    retryable: ClassVar[bool] = False

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        said = (type(self).__doc__ or "").strip()
        return f"{said} ({self.reason})" if self.reason else said


class VideoRefused(MediaError):
    """This video cannot be used: send another one."""


class NotAVideo(VideoRefused):
    """The file is not an MP4, MOV or WebM video: check what was downloaded, and send a real video."""


class BrokenVideo(VideoRefused):
    """The video is damaged or incomplete: fetch it again, or generate it anew."""


class VideoTooLarge(VideoRefused):
    """The video exceeds a limit of this service: send a shorter or smaller one."""


class VideoCrashes(VideoRefused):
    """The video crashed its decoder again and again, or used it up: generate it anew."""


class ImageRefused(MediaError):
    """This image cannot be used: send another one."""


class NotAnImage(ImageRefused):
    """The bytes are not an image: send a JPEG, PNG or WebP file."""


class WrongImageType(ImageRefused):
    """This type of image is not accepted: convert it to JPEG, PNG or WebP."""


class ImageTooLarge(ImageRefused):
    """The image file is too large: send at most 10 MB."""


class ImageTooManyPixels(ImageRefused):
    """The image has too many pixels: send at most 40 megapixels, with sides of at most 8192."""


class ImageTooDear(ImageRefused):
    """The image is made to take very long to decode: save it anew, and send that."""


class ImageAnimated(ImageRefused):
    """The image is animated: send a still one."""


class ImageTruncated(ImageRefused):
    """The image is damaged or incomplete: send it again."""


class ImageCrashes(ImageRefused):
    """The image crashed its decoder again and again, or used it up: send another one."""


class OutputNotWritten(MediaError):
    """A result could not be written: free disk space or repair the output folder, then retry."""

    retryable = True


class OutputDiskFull(OutputNotWritten):
    """There is no room for a result: free disk space, then retry."""


class NotEncodable(MediaError):
    """What the clip holds does not fit into an MP4 as players take it: generate it anew."""


class WorkerError(MediaError):
    """The worker process could not do the job."""


class WorkerDied(WorkerError):
    """The worker process was killed or crashed: retry, and suspect this file when it happens again."""

    retryable = True


class WorkerCrashed(WorkerDied):
    """The worker process crashed, or went over its memory or CPU limit: retry, and suspect this file."""


class WorkerStalled(WorkerError):
    """The worker process made no progress and was stopped: retry, and suspect this file when it happens again."""

    retryable = True


class WorkerFailed(WorkerError):
    """The worker process met an unexpected error, which is a bug: report it with the reason."""


class LaneFull(WorkerError):
    """Too many media jobs are waiting: retry in a few seconds."""

    retryable = True
