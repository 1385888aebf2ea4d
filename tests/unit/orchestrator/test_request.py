"""What can never be made is refused, each refusal names the field and what it may be."""

import dataclasses
import datetime
import math

import pytest
from reelmesh_kit import errors
from reelmesh_orchestrator.model import generation, request

from tests.support.orchestrator import NOW

GOOD = request.Request(prompt="a red kite")


def output(**wishes: object) -> request.Request:
    return dataclasses.replace(GOOD, output=request.OutputWish(**wishes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        (dataclasses.replace(GOOD, prompt=""), "prompt", "must say what"),
        (dataclasses.replace(GOOD, prompt=" \n"), "prompt", "must say what"),
        (dataclasses.replace(GOOD, prompt="x" * 5001), "prompt", "has 5001 characters"),
        (dataclasses.replace(GOOD, prompt="a\x00b"), "prompt", "NUL"),
        (dataclasses.replace(GOOD, prompt="\ud83d alone"), "prompt", "surrogate"),
        (output(duration_seconds=0.5), "output.duration_seconds", "1 to 60"),
        (output(duration_seconds=61), "output.duration_seconds", "1 to 60"),
        (output(duration_seconds=-1), "output.duration_seconds", "1 to 60"),
        (output(duration_seconds=math.nan), "output.duration_seconds", "1 to 60"),
        (output(duration_seconds=math.inf), "output.duration_seconds", "1 to 60"),
        (output(aspect_ratio="wide"), "output.aspect_ratio", "must look like"),
        (output(aspect_ratio="0:9"), "output.aspect_ratio", "must look like"),
        (output(aspect_ratio="16:0"), "output.aspect_ratio", "must look like"),
        (output(aspect_ratio="9:1"), "output.aspect_ratio", "between 1:4 and 4:1"),
        (output(resolution=721), "output.resolution", "480, 720, 1080"),
        (output(frames_per_second=25), "output.frames_per_second", "24 or 30"),
        (output(width=1280), "output.height", "go together"),
        (output(height=720), "output.width", "go together"),
        (output(width=1281, height=720), "output.width", "even"),
        (output(width=1280, height=62), "output.height", "64 to 4096"),
        (output(width=5000, height=720), "output.width", "64 to 4096"),
        (dataclasses.replace(GOOD, reference_asset_ids=("x",) * 5), "reference_asset_ids", "at most 4"),
        (dataclasses.replace(GOOD, reference_asset_ids=("x",)), "reference_asset_ids", "must be a UUID"),
        (dataclasses.replace(GOOD, first_frame_asset_id="x"), "first_frame_asset_id", "must be a UUID"),
        (dataclasses.replace(GOOD, last_frame_asset_id="x"), "last_frame_asset_id", "must be a UUID"),
        (dataclasses.replace(GOOD, negative_prompt=" \n"), "negative_prompt", "or be left out"),
        (dataclasses.replace(GOOD, negative_prompt="x" * 2001), "negative_prompt", "has 2001 characters"),
        (dataclasses.replace(GOOD, negative_prompt="a\x00b"), "negative_prompt", "NUL"),
        (dataclasses.replace(GOOD, negative_prompt="\ud83d alone"), "negative_prompt", "surrogate"),
        (dataclasses.replace(GOOD, prompt="\u200b\ufeff \u202e"), "prompt", "what the video should show"),
        (dataclasses.replace(GOOD, output=request.OutputWish(aspect_ratio="١٦:٩")), "output.aspect_ratio", "16:9"),
        (dataclasses.replace(GOOD, labels={str(n): "" for n in range(33)}), "labels", "at most 32"),
        (dataclasses.replace(GOOD, labels={"": "x"}), "labels", "1 to 63"),
        (dataclasses.replace(GOOD, labels={"k" * 64: "x"}), "labels", "1 to 63"),
        (dataclasses.replace(GOOD, labels={"k": "v" * 256}), "labels", "at most 255"),
        (dataclasses.replace(GOOD, pin="Local Model"), "model", "provider/model"),
        (dataclasses.replace(GOOD, max_cost_micros=-1), "max_cost_micros", "0 (no bound)"),
        (dataclasses.replace(GOOD, deadline_time=NOW), "deadline_time", "in the past"),
        (dataclasses.replace(GOOD, priority=11), "priority", "0 to 10"),
        (dataclasses.replace(GOOD, seed=-1), "seed", "0 to 4294967295"),
        (dataclasses.replace(GOOD, user_id="u" * 256), "user_id", "at most 255"),
    ],
)
def test_a_wrong_field_is_named(asked: request.Request, field: str, words: str) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        request.check(asked, NOW)
    assert refused.value.field == field
    assert words in refused.value.problem


def test_the_longest_prompt_and_every_edge_are_taken() -> None:
    request.check(
        request.Request(
            prompt="x" * request.LONGEST_PROMPT_CHARACTERS,
            output=request.OutputWish(duration_seconds=60, width=4096, height=64, frames_per_second=30),
            pin="local/local-1",
            labels={"k" * 63: "v" * 255},
            max_cost_micros=request.LARGEST_COST_MICROS,
            deadline_time=NOW + datetime.timedelta(microseconds=1),
            seed=request.LARGEST_SEED,
            priority=10,
            negative_prompt="x" * request.LONGEST_NEGATIVE_PROMPT_CHARACTERS,
            first_frame_asset_id="00000000-0000-0000-0000-000000000001",
            last_frame_asset_id="00000000-0000-0000-0000-000000000001",
        ),
        NOW,
    )


@pytest.mark.parametrize("request_id", ["a b", "ü", "x" * 129, "a/b"])
def test_a_request_id_that_a_proxy_would_mangle_is_refused(request_id: str) -> None:
    with pytest.raises(errors.InvalidArgument, match="request_id"):
        request.check_request_id(request_id)


@pytest.mark.parametrize(
    ("wish", "pixels"),
    [
        (request.OutputWish(), (1280, 720)),
        (request.OutputWish(aspect_ratio="9:16"), (720, 1280)),
        (request.OutputWish(aspect_ratio="1:1", resolution=1080), (1080, 1080)),
        (request.OutputWish(resolution=480), (854, 480)),
        (request.OutputWish(aspect_ratio="9:16", resolution=480), (480, 854)),
        (request.OutputWish(aspect_ratio="4:5"), (720, 900)),
        (request.OutputWish(aspect_ratio="21:9", resolution=1080), (2520, 1080)),
        (request.OutputWish(width=640, height=360, aspect_ratio="1:1"), (640, 360)),
    ],
)
def test_pixels_follow_from_the_wish(wish: request.OutputWish, pixels: tuple[int, int]) -> None:
    made = request.completed(wish)
    assert (made.width, made.height) == pixels


def test_the_fingerprint_is_that_of_the_meaning() -> None:
    one = dataclasses.replace(GOOD, labels={"a": "1", "b": "2"}, deadline_time=NOW)
    same = dataclasses.replace(GOOD, labels={"b": "2", "a": "1"}, deadline_time=NOW)
    assert request.fingerprint(one) == request.fingerprint(same)
    others = [
        dataclasses.replace(one, prompt="a blue kite"),
        dataclasses.replace(one, seed=0),
        dataclasses.replace(one, fallback_floor=generation.Delivery.VIDEO),
        dataclasses.replace(one, labels={}),
        dataclasses.replace(one, output=request.OutputWish(audio=False)),
        dataclasses.replace(one, negative_prompt="rain"),
        dataclasses.replace(one, first_frame_asset_id="rain"),
        dataclasses.replace(one, last_frame_asset_id="rain"),
    ]
    assert len({request.fingerprint(two) for two in [one, *others]}) == len(others) + 1


def test_a_request_without_what_was_added_later_has_the_fingerprint_that_it_had() -> None:
    assert request.fingerprint(GOOD) == "596aac4e3161f9182e94659b63842af357bff11b05b47bc9f18578f835ea2120"


def test_every_picture_is_named_once() -> None:
    asked = dataclasses.replace(GOOD, reference_asset_ids=("a", "b"), first_frame_asset_id="a", last_frame_asset_id="c")
    assert asked.picture_asset_ids == ("a", "b", "c")
    assert GOOD.picture_asset_ids == ()
