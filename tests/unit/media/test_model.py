"""The decisions about media, without a pixel."""

import dataclasses
import itertools
import math
import pickle
from fractions import Fraction

import pytest
from reelmesh_media.model import colours, copying, findings, images, ladder, loudness, refusals, stills, video
from reelmesh_media.model.findings import Edge, Finding, FindingKind
from reelmesh_media.model.video import Size

STANDARD_VIDEO = video.VideoTrack(
    codec="h264",
    profile="High",
    pixel_format="yuv420p",
    width=1920,
    height=1080,
    orientation=video.Orientation(),
    pixel_aspect=Fraction(1),
    frame_rate=Fraction(30),
    constant_rate=True,
    interlaced=False,
    frame_count=300,
    start_seconds=0.0,
    duration_seconds=10.0,
    bits_per_second=8_000_000,
    starts_with_key=True,
    longest_key_gap_seconds=2.0,
    time_base=Fraction(1, 15360),
    colour=colours.Colour(),
    extradata=b"\x01d",
)
STANDARD = video.MediaFacts("mp4", 10_000_000, 10.0, 8_000_000, True, 0, 1, STANDARD_VIDEO, None)


def with_video(**changes: object) -> video.MediaFacts:
    return dataclasses.replace(STANDARD, video=dataclasses.replace(STANDARD_VIDEO, **changes))


@pytest.mark.parametrize(
    ("canvas", "sizes"),
    [
        (Size(1920, 1080), [(1920, 1080), (1280, 720), (854, 480)]),
        (Size(1080, 1920), [(1080, 1920), (720, 1280), (480, 854)]),
        (Size(3840, 2160), [(3840, 2160), (1920, 1080), (1280, 720), (854, 480)]),
        (Size(1280, 720), [(1280, 720), (854, 480)]),
        (Size(1024, 1024), [(1024, 1024), (720, 720), (480, 480)]),
        (Size(320, 180), [(320, 180)]),
        (Size(854, 480), [(854, 480)]),
        (Size(896, 504), [(896, 504)]),
    ],
)
def test_rungs_go_down_from_the_source_keep_its_orientation_and_never_scale_up(
    canvas: Size, sizes: list[tuple[int, int]]
) -> None:
    made = ladder.rungs(canvas, ladder.STANDARD_RUNGS)
    assert [(rung.size.width, rung.size.height) for rung in made] == sizes
    assert all(lower.max_bits_per_second <= upper.max_bits_per_second for upper, lower in itertools.pairwise(made))


def test_frames_are_allotted_on_the_running_total_so_that_rounding_never_adds_up() -> None:
    assert ladder.allot([1.02, 1.02, 1.02], Fraction(25), None) == (26, 25, 25)
    assert sum(ladder.allot([8.0, 8.0, 8.0, 8.0], Fraction(24), 30.0)) == 720
    assert ladder.allot([8.0, 8.0], Fraction(24), 5.0) == (120, 0)
    assert ladder.allot([2.0], Fraction(25), 9.0) == (50,)


def test_a_standard_input_may_be_copied() -> None:
    assert copying.video_copy_refusals(STANDARD) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"codec": "hevc"}, "hevc"),
        ({"pixel_format": "yuv420p10le"}, "yuv420p10le"),
        ({"interlaced": True}, "interlaced"),
        ({"pixel_aspect": Fraction(4, 3)}, "not square"),
        ({"orientation": video.Orientation(rotation_degrees=90)}, "rotated"),
        ({"orientation": video.Orientation(mirrored=True)}, "mirrored"),
        ({"orientation": video.Orientation(exact=False)}, "skewed"),
        ({"colour": colours.Colour(1, 9, 16, 9)}, "PQ"),
        ({"colour": colours.Colour(2, 1, 1, 1)}, "neither"),
        ({"width": 1919}, "odd"),
        ({"constant_rate": False}, "not constant"),
        ({"starts_with_key": False}, "no key frame"),
        ({"longest_key_gap_seconds": 5.1}, "5.1 s apart"),
        ({"bits_per_second": 25_000_001}, "25000001 bit/s"),
    ],
)
def test_each_departure_from_the_standard_is_a_reason_to_encode(changes: dict[str, object], reason: str) -> None:
    (said,) = copying.video_copy_refusals(with_video(**changes))
    assert reason in said


def test_a_cap_of_the_request_counts_instead_of_ours() -> None:
    assert copying.video_copy_refusals(STANDARD, 4_000_000) == ("8000000 bit/s, at most 4000000 bit/s",)


def test_another_container_is_no_standard_input() -> None:
    assert copying.video_copy_refusals(dataclasses.replace(STANDARD, container="webm"))


@pytest.mark.parametrize(
    "changes",
    [
        {"codec": "mp3"},
        {"profile": "HE-AAC"},
        {"sample_rate_hz": 96_000},
        {"channels": 6},
        {"start_seconds": 0.5},
        {"duration_seconds": 10.2},
    ],
)
def test_sound_that_is_not_plain_stereo_aac_of_the_picture_s_length_is_encoded_anew(changes: dict[str, object]) -> None:
    plain = video.AudioTrack("aac", "LC", 48_000, 2, 0.0, 10.0)
    assert copying.audio_copy_refusals(plain, 10.0) == ()
    assert copying.audio_copy_refusals(dataclasses.replace(plain, **changes), 10.0)


def test_clips_join_by_packets_only_when_all_that_a_decoder_is_told_is_equal() -> None:
    assert copying.joinable([STANDARD_VIDEO, STANDARD_VIDEO])
    other = dataclasses.replace(STANDARD_VIDEO, extradata=b"\x01e")
    assert not copying.joinable([STANDARD_VIDEO, other])


def test_a_prefix_is_cut_where_decoding_order_and_screen_order_agree() -> None:
    # I P B B P B B as decoded: 0, 3, 1, 2, 6, 4, 5
    ticks = [0, 3, 1, 2, 6, 4, 5]
    assert copying.prefix_cut(ticks, 4) == 4
    assert copying.prefix_cut(ticks, 3) == 4, "one frame more is within the tolerance"
    assert copying.prefix_cut(ticks, 5) == 4, "one frame less is within the tolerance"
    assert copying.prefix_cut(ticks, 6, tolerance_frames=0) is None
    assert copying.prefix_cut(ticks, 2, tolerance_frames=0) is None
    assert copying.prefix_cut([0, 1, 2, 3], 3) == 3, "without B-frames every cut is possible"


def test_evenly_spaced_timestamps_may_be_off_by_one_tick_only() -> None:
    assert video.uniform_step([0, 33, 67, 100]) == Fraction(100, 3)
    assert video.uniform_step([0, 33, 90, 100]) is None
    assert video.uniform_step([5]) is None


def test_a_variable_rate_becomes_the_nearest_standard_one_and_a_constant_one_stays() -> None:
    uneven = dataclasses.replace(STANDARD_VIDEO, constant_rate=False, frame_rate=Fraction(287, 10))
    assert video.output_rate(uneven) == Fraction(30000, 1001) or video.output_rate(uneven) == 30
    assert video.output_rate(dataclasses.replace(STANDARD_VIDEO, frame_rate=Fraction(16))) == 16
    assert video.output_rate(dataclasses.replace(STANDARD_VIDEO, frame_rate=Fraction(120))) == 60


def test_the_longest_key_gap_counts_the_stretch_to_the_end() -> None:
    assert video.longest_gap([0, 10, 15], 40) == 25


def test_a_stretch_still_open_at_the_end_lasts_to_the_end_and_short_ones_are_dropped() -> None:
    edges = [Edge(True, 1.0), Edge(False, 1.1), Edge(True, 2.0), Edge(False, 3.0), Edge(True, 4.0)]
    found = findings.stretches(FindingKind.BLACK, edges, 5.0, 0.25)
    assert [(one.start_seconds, one.end_seconds) for one in found] == [(2.0, 3.0), (4.0, 5.0)]


def test_edges_of_one_frame_are_taken_in_order_of_time() -> None:
    both_of_one = {"lavfi.freezedetect.freeze_start": "0", "lavfi.freezedetect.freeze_end": "1"}
    assert findings.edges(both_of_one, "lavfi.freezedetect.freeze") == [Edge(True, 0.0), Edge(False, 1.0)]
    end_and_next = {"lavfi.silence_start": "2.5", "lavfi.silence_end": "2"}
    assert findings.edges(end_and_next, "lavfi.silence") == [Edge(False, 2.0), Edge(True, 2.5)]
    assert findings.edges({}, "lavfi.black") == []


def test_black_is_not_reported_as_frozen_too() -> None:
    black = (Finding(FindingKind.BLACK, 0.0, 2.0),)
    frozen = (Finding(FindingKind.FROZEN, 0.0, 2.0), Finding(FindingKind.FROZEN, 4.0, 6.0))
    assert findings.without_black(frozen, black) == frozen[1:]


def test_the_still_is_lit_then_contrasty_then_off_cuts_then_central_then_sharp() -> None:
    good = stills.FrameSample(frame=50, blur=5.0, mean_luma=120, contrast_luma=90, cut_score=1)
    worse = [
        dataclasses.replace(good, blur=6.0),
        dataclasses.replace(good, frame=2, blur=1.0),
        dataclasses.replace(good, cut_score=20, blur=1.0),
        dataclasses.replace(good, contrast_luma=3, blur=0.0),
        dataclasses.replace(good, mean_luma=17, blur=0.0),
    ]
    ranks = [stills.rank(sample, 100) for sample in (good, *worse)]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_a_frame_without_edges_is_not_taken_for_a_sharp_one() -> None:
    edgeless = stills.FrameSample(frame=50, blur=math.nan, mean_luma=120, contrast_luma=90, cut_score=1)
    assert stills.rank(edgeless, 100) > stills.rank(dataclasses.replace(edgeless, blur=40.0), 100)


@pytest.mark.parametrize(
    ("integrated", "peak", "seconds", "gain"),
    [
        (-20.0, -10.0, 10.0, 6.0),
        (-20.0, -4.0, 10.0, 3.0),
        (-20.0, 0.5, 10.0, 0.0),
        (-8.0, 0.0, 10.0, -6.0),
        (-14.5, -3.0, 10.0, 0.0),
        (-20.0, -10.0, 2.0, 0.0),
        (-70.0, -60.0, 10.0, 0.0),
    ],
)
def test_the_gain_moves_towards_the_target_and_never_lets_the_peak_clip(
    integrated: float, peak: float, seconds: float, gain: float
) -> None:
    assert loudness.gain_db(integrated, peak, seconds) == gain


def test_every_error_says_what_to_do_and_survives_the_pipe() -> None:
    for kind in (*refusals.VideoRefused.__subclasses__(), *refusals.ImageRefused.__subclasses__(), refusals.LaneFull):
        error = pickle.loads(pickle.dumps(kind("because")))  # noqa: S301 - our own
        assert (type(error), error.reason) == (kind, "because")
        assert ": " in str(error)
        assert str(error).endswith("(because)")


def test_first_bytes_tell_what_a_file_is() -> None:
    assert images.sniff(b"\xff\xd8\xff\xe0") == "JPEG"
    assert images.sniff(b"\x00\x00\x00\x20ftypisom") == "MP4"
    assert images.sniff(b"") == "nothing"
    assert images.sniff(b"hello") == "unknown"


CLOCKWISE = [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)]


def matrix(a: float, b: float, c: float, d: float) -> tuple[int, ...]:
    return tuple(round(65536 * number) for number in (a, b, 0, c, d, 0, 0, 0, 16384))


@pytest.mark.parametrize(("turns", "numbers"), list(enumerate(CLOCKWISE)))
def test_a_display_matrix_is_read_as_a_mirror_and_a_turn(turns: int, numbers: tuple[int, int, int, int]) -> None:
    a, b, c, d = numbers
    assert video.orientation(matrix(a, b, c, d)) == video.Orientation(rotation_degrees=90 * turns)
    # Mirrored first: what was right is left before it is turned.
    mirrored = video.Orientation(mirrored=True, rotation_degrees=90 * turns)
    assert video.orientation(matrix(-a, -b, c, d)) == mirrored


@pytest.mark.parametrize("numbers", [(0.9, 0.1, -0.1, 0.9), (3, 0, 0, 3), (0, 0, 0, 0), (1, 0, 1, 0), (2**14, 0, 0, 1)])
def test_what_no_mirror_and_turn_can_do_is_told_from_it(numbers: tuple[float, float, float, float]) -> None:
    assert not video.orientation(matrix(*numbers)).exact


@pytest.mark.parametrize(
    ("tagged", "short_side", "meant", "delivered"),
    [
        (colours.Colour(), 720, colours.STANDARD, colours.STANDARD),
        (colours.Colour(), 719, colours.Colour(1, 6, 6, 6), colours.Colour(1, 6, 6, 6)),
        (colours.Colour(0, 5, 6, 5), 576, colours.Colour(1, 5, 6, 5), colours.Colour(1, 5, 6, 5)),
        (colours.Colour(2, 1, 13, 1), 1080, colours.Colour(2, 1, 13, 1), colours.Colour(1, 1, 13, 1)),
        (colours.Colour(1, 9, 16, 9), 1080, colours.Colour(1, 9, 16, 9), colours.STANDARD),
        (colours.Colour(1, 9, 14, 9), 480, colours.Colour(1, 9, 14, 9), colours.STANDARD),
        (colours.Colour(7, 200, 99, 0), 1080, colours.STANDARD, colours.STANDARD),
    ],
)
def test_colours_follow_their_tags_or_convention_and_leave_as_what_players_agree_on(
    tagged: colours.Colour, short_side: int, meant: colours.Colour, delivered: colours.Colour
) -> None:
    assert colours.resolved(tagged, short_side) == meant
    assert colours.delivered(tagged, short_side) == delivered
    assert delivered.plain
