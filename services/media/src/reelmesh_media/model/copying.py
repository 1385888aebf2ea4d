"""When packets may be copied instead of encoded anew: the gate, with its reasons.

The rules are those of a "standard input": what every player and platform takes as it is.
"""

from collections.abc import Sequence

from reelmesh_media.model.video import AudioTrack, MediaFacts, VideoTrack

MAX_KEY_GAP_SECONDS = 5.0
MAX_AUDIO_OVERHANG_SECONDS = 0.05
MAX_COPIED_SAMPLE_RATE_HZ = 48_000
MAX_COPIED_CHANNELS = 2
COPY_BITS_PER_SECOND_CAPS = ((1080, 25_000_000), (1440, 40_000_000), (100_000, 68_000_000))
"""(short side up to, bits per second at most); 25 Mbit/s is the lowest cap among the platforms we know."""


def copy_cap(short_side: int) -> int:
    """The bit rate in bits per second up to which a source of this short side is passed on as it is."""
    return next(cap for side, cap in COPY_BITS_PER_SECOND_CAPS if short_side <= side)


def video_copy_refusals(facts: MediaFacts, cap_bits_per_second: int | None = None) -> tuple[str, ...]:
    """Why the picture of this file must be encoded anew; empty when its packets may be copied."""
    video, turned = facts.video, facts.video.orientation
    cap = cap_bits_per_second or copy_cap(video.shown.short_side)
    rules = (
        (facts.container == "mp4", f"container is {facts.container}, not mp4"),
        (video.codec == "h264", f"codec is {video.codec}, not h264"),
        (video.pixel_format == "yuv420p", f"pixel format is {video.pixel_format}, not yuv420p"),
        (not video.interlaced, "picture is interlaced"),
        (video.pixel_aspect == 1, f"pixels are not square ({video.pixel_aspect})"),
        (turned.rotation_degrees == 0, f"picture is rotated by {turned.rotation_degrees} degrees"),
        (not turned.mirrored, "picture is mirrored"),
        (turned.exact, "picture is skewed or scaled by its display matrix"),
        (video.colour.plain, f"colours are {video.colour.hdr or 'neither BT.709 nor BT.601 in limited range'}"),
        (video.width % 2 == 0 and video.height % 2 == 0, f"size {video.width}x{video.height} is odd"),
        (video.constant_rate, "frame rate is not constant"),
        (video.starts_with_key, "first frame is no key frame"),
        (
            video.longest_key_gap_seconds <= MAX_KEY_GAP_SECONDS,
            f"key frames are {video.longest_key_gap_seconds:.1f} s apart, at most {MAX_KEY_GAP_SECONDS} s",
        ),
        (video.bits_per_second <= cap, f"{video.bits_per_second} bit/s, at most {cap} bit/s"),
    )
    return tuple(reason for kept, reason in rules if not kept)


def audio_copy_refusals(audio: AudioTrack, wanted_seconds: float) -> tuple[str, ...]:
    """Why this sound must be encoded anew to stand beside `wanted_seconds` of picture; empty when it may be copied."""
    end_seconds = audio.start_seconds + audio.duration_seconds
    rules = (
        (audio.codec == "aac" and audio.profile == "LC", f"codec is {audio.codec} {audio.profile}, not aac LC"),
        (audio.sample_rate_hz <= MAX_COPIED_SAMPLE_RATE_HZ, f"{audio.sample_rate_hz} Hz"),
        (audio.channels <= MAX_COPIED_CHANNELS, f"{audio.channels} channels"),
        (abs(audio.start_seconds) <= MAX_AUDIO_OVERHANG_SECONDS, "sound does not begin with the picture"),
        (end_seconds <= wanted_seconds + MAX_AUDIO_OVERHANG_SECONDS, "sound is longer than the picture"),
    )
    return tuple(reason for kept, reason in rules if not kept)


def joinable(tracks: Sequence[VideoTrack]) -> bool:
    """Whether the packets of these tracks can follow one another in one stream: all that a decoder is told is equal."""
    told = {
        (one.codec, one.width, one.height, one.pixel_format, one.frame_rate, one.time_base, one.colour, one.extradata)
        for one in tracks
    }
    return len(told) == 1


def prefix_cut(presentation_ticks: Sequence[int], wanted_frames: int, tolerance_frames: int = 1) -> int | None:
    """How many leading packets, in decoding order, show the frames up to the cut and no other.

    A decoder needs only packets that come earlier in decoding order, so a prefix that is also contiguous on screen can
    be kept as it is, B-frames or not. Of the cuts within the tolerance the one nearest to `wanted_frames` wins.

    Args:
        presentation_ticks: the time of each packet on screen, in decoding order.
        wanted_frames: where the cut should fall, in frames.
        tolerance_frames: how far the cut may be off.

    Returns:
        The number of packets, which is also the number of frames shown; None when no such prefix exists.
    """
    shown = sorted(presentation_ticks)
    candidates = range(wanted_frames - tolerance_frames, wanted_frames + tolerance_frames + 1)
    whole = [
        count for count in candidates if 0 < count <= len(shown) and max(presentation_ticks[:count]) == shown[count - 1]
    ]
    return min(whole, key=lambda count: abs(count - wanted_frames), default=None)
