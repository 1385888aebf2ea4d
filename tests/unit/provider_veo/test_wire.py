"""Veo on Vertex AI and Cloud Storage, as they really answer."""

import base64
import dataclasses
import datetime
import json
from typing import Any

import pytest
from reelmesh_kit import clock
from reelmesh_provider import card_files, model, testing
from reelmesh_provider_veo import wire
from reelmesh_provider_veo.model import places

CARD = card_files.parse(card_files.packaged("reelmesh_provider_veo", "veo"), "veo", "1.0")
TASK = testing.make_task(
    model="veo-3.1-generate-001", duration_seconds=8.0, width=1280, height=720, prompt="a cat", audio=True
)
PICTURE = model.Picture("asset", "image/png", b"picture")
ENCODED = {"bytesBase64Encoded": base64.b64encode(b"picture").decode(), "mimeType": "image/png"}
URI = "gs://clips/reelmesh/a/m/"
NAME = "projects/films/locations/us-central1/publishers/google/models/veo-3.1-generate-001/operations/7"
BLOCKED = "The prompt could not be submitted. It contains words that violate Vertex AI's usage guidelines."
WITHHELD = "could not generate videos because the output violated its usage guidelines. Support codes: 42237218"
Verdict, Outcome = model.Verdict, model.Outcome


def google(status: int, message: str = "no") -> str:
    return json.dumps({"error": {"code": status, "message": message, "status": "X"}})


def asked(**changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    told = json.loads(wire.body(dataclasses.replace(TASK, **changes), URI))
    assert set(told) == {"instances", "parameters"}
    (instance,) = told["instances"]
    return instance, told["parameters"]


def test_one_clip_is_asked_for_and_written_where_we_say() -> None:
    instance, parameters = asked()
    assert instance == {"prompt": "a cat"}
    assert parameters == {
        "sampleCount": 1,
        "durationSeconds": 8,
        "aspectRatio": "16:9",
        "resolution": "720p",
        "generateAudio": True,
        "seed": TASK.seed,
        "storageUri": URI,
    }


@pytest.mark.parametrize(
    ("size", "resolution", "ratio"),
    [
        ((1280, 720), "720p", "16:9"),
        ((720, 1280), "720p", "9:16"),
        ((1080, 1920), "1080p", "9:16"),
        ((3840, 2160), "4k", "16:9"),
    ],
)
def test_sizes_have_names(size: tuple[int, int], resolution: str, ratio: str) -> None:
    _, parameters = asked(width=size[0], height=size[1])
    assert (parameters["resolution"], parameters["aspectRatio"]) == (resolution, ratio)


def test_what_has_no_name_is_not_asked_for() -> None:
    with pytest.raises(wire.Impossible, match="not 640x360"):
        asked(width=640, height=360)


def test_a_seed_has_thirty_two_bits() -> None:
    assert asked(seed=2**32 + 5)[1]["seed"] == 5


def test_a_first_frame_goes_before_references() -> None:
    instance, parameters = asked(first_frame=PICTURE, references=(PICTURE,))
    assert instance == {"prompt": "a cat", "image": ENCODED}
    assert parameters["resizeMode"] == "crop"
    instance, parameters = asked(references=(PICTURE, PICTURE))
    assert instance["referenceImages"] == [{"image": ENCODED, "referenceType": "asset"}] * 2
    assert "resizeMode" not in parameters


def test_a_clip_ends_on_the_frame_that_it_was_given_and_what_is_not_wanted_is_said() -> None:
    instance, parameters = asked(first_frame=PICTURE, last_frame=PICTURE, negative_prompt="rain")
    assert instance == {"prompt": "a cat", "image": ENCODED, "lastFrame": ENCODED}
    assert parameters["negativePrompt"] == "rain"
    assert "negativePrompt" not in asked()[1]


def test_what_follows_the_at_is_ours() -> None:
    assert wire.vendor_model("veo-3.1-generate-001@4k") == "veo-3.1-generate-001"
    assert wire.vendor_model("veo-3.1-generate-001") == "veo-3.1-generate-001"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "veo-9"}, "not 'veo-9'"),
        ({"model": "veo-3.1-lite-generate-001@4k"}, "not 'veo-3.1-lite"),
        ({"width": 1920, "height": 1080}, "makes 1280x720, 720x1280, not 1920x1080"),
        ({"duration_seconds": 5.0}, "clips of 4, 6, 8 seconds, not 5"),
        ({"model": "veo-3.1-generate-001@1080p", "width": 1920, "height": 1080, "duration_seconds": 4.0}, "of 8 sec"),
        ({"references": (PICTURE,), "duration_seconds": 4.0}, "with reference images .* 8 seconds, not 4"),
        ({"references": (PICTURE,) * 4}, "takes 3 reference images, not 4"),
        ({"references": (PICTURE,), "model": "veo-3.1-lite-generate-001"}, "takes 0 reference images, not 1"),
        ({"first_frame": dataclasses.replace(PICTURE, content_type="image/gif")}, "image asset is image/gif"),
        (
            {"first_frame": PICTURE, "last_frame": dataclasses.replace(PICTURE, content_type="image/gif")},
            "image asset is image/gif",
        ),
        ({"last_frame": PICTURE}, "only where it starts from one too"),
    ],
)
def test_what_veo_does_not_make_is_refused_with_the_reason(changes: dict[str, Any], words: str) -> None:
    wire.check(TASK, CARD)
    with pytest.raises(wire.Impossible, match=words):
        wire.check(dataclasses.replace(TASK, **changes), CARD)


def test_a_first_frame_may_have_any_length_that_the_model_has() -> None:
    wire.check(dataclasses.replace(TASK, first_frame=PICTURE, references=(PICTURE,) * 9, duration_seconds=4.0), CARD)


def test_an_operation_is_accepted_by_its_name() -> None:
    assert wire.submitted(200, {}, json.dumps({"name": NAME})) == model.Accepted(NAME)


@pytest.mark.parametrize(
    ("status", "text", "verdict"),
    [
        (200, "", Verdict.UNKNOWN),
        (200, "{}", Verdict.UNKNOWN),
        (200, "[]", Verdict.UNKNOWN),
        (200, '{"name": 7}', Verdict.UNKNOWN),
        (200, '{"name": "operations/7"}', Verdict.UNKNOWN),
        (200, google(400), Verdict.UNKNOWN),
        (307, "", Verdict.UNKNOWN),
        (400, google(400, "Unsupported duration."), Verdict.REFUSED_FOR_GOOD),
        (400, google(400, BLOCKED), Verdict.UNSAFE),
        (400, "<html>400</html>", Verdict.UNKNOWN),
        (400, google(429), Verdict.UNKNOWN),
        (401, google(401), Verdict.REFUSED_FOR_GOOD),
        (403, google(403), Verdict.REFUSED_FOR_GOOD),
        (404, google(404), Verdict.REFUSED_FOR_GOOD),
        (404, "<html>404</html>", Verdict.UNKNOWN),
        (408, google(408), Verdict.UNKNOWN),
        (429, google(429), Verdict.BUSY),
        (429, '{"error": {"message": "rate limited", "code": "rate_limit"}}', Verdict.UNKNOWN),
        (429, '{"error": "slow down"}', Verdict.UNKNOWN),
        (429, "<html>429 Too Many Requests</html>", Verdict.UNKNOWN),
        (500, google(500), Verdict.UNKNOWN),
        (502, "<html>502 Bad Gateway</html>", Verdict.UNKNOWN),
        (503, google(503), Verdict.BUSY),
        (503, "upstream connect error", Verdict.UNKNOWN),
        (504, google(504), Verdict.UNKNOWN),
    ],
)
def test_only_googles_own_word_is_a_refusal(status: int, text: str, verdict: model.Verdict) -> None:
    answer = wire.submitted(status, {}, text)
    assert isinstance(answer, model.Declined)
    assert answer.verdict is verdict
    assert answer.message


@pytest.mark.parametrize(
    ("status", "words"), [(401, "token"), (403, "roles/aiplatform.user"), (404, "not offer this model")]
)
def test_a_refusal_says_what_it_means(status: int, words: str) -> None:
    answer = wire.submitted(status, {}, google(status, "Google's own words"))
    assert isinstance(answer, model.Declined)
    assert words in answer.message
    assert "Google's own words" in answer.message


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("", 15.0), ("soon", 15.0), ("inf", 15.0), ("-1", 15.0)])
def test_a_busy_vendor_says_how_long(header: str, seconds: float) -> None:
    answer = wire.submitted(429, {"retry-after": header}, google(429))
    assert isinstance(answer, model.Declined)
    assert answer.retry_after_seconds == seconds


VIDEO = {"gcsUri": "gs://clips/reelmesh/a/m/1/sample_0.mp4", "mimeType": "video/mp4"}


@pytest.mark.parametrize(
    ("operation", "state"),
    [
        ({}, model.Pending()),
        ({"done": False}, model.Pending()),
        ({"response": {"videos": [VIDEO]}}, model.Pending()),
        ({"done": True, "response": {"videos": [VIDEO]}}, model.Succeeded()),
        ({"done": True, "response": {"videos": [VIDEO], "raiMediaFilteredCount": 0}}, model.Succeeded()),
        (
            {"done": True, "response": {"videos": [VIDEO], "raiMediaFilteredCount": 2}},
            model.Succeeded(remark="2 further clip(s) were withheld for safety"),
        ),
        (
            {"done": True, "response": {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [WITHHELD, WITHHELD]}},
            model.Negative(Outcome.FILTERED, WITHHELD, 0),
        ),
        (
            {"done": True, "response": {"videos": [], "raiMediaFilteredCount": "1"}},
            model.Negative(Outcome.FILTERED, "Veo withheld the clip for safety, and gave no reason", 0),
        ),
        (
            {"done": True, "response": {}},
            model.Negative(Outcome.FAILED, "Veo says that it is done, and has neither a clip nor a reason"),
        ),
        ({"done": True, "error": {"code": 3, "message": BLOCKED}}, model.Negative(Outcome.FILTERED, BLOCKED, 0)),
        (
            {"done": True, "error": {"code": 3, "message": "m"}},
            model.Negative(Outcome.REFUSED, "the request was not taken after all: m", 0),
        ),
        (
            {"done": True, "error": {"code": 8, "message": "m"}},
            model.Negative(Outcome.FAILED, "Veo had no capacity left: m", 0),
        ),
        (
            {"done": True, "error": {"code": 13, "message": "m"}},
            model.Negative(Outcome.FAILED, "Veo failed inside: m", 0),
        ),
        ({"done": True, "error": {}}, model.Negative(Outcome.FAILED, "no code: no reason given", 0)),
        ({"done": True, "error": {"code": 99, "message": "m"}}, model.Negative(Outcome.FAILED, "code 99: m", 0)),
    ],
)
def test_an_operation_is_understood(operation: dict[str, Any], state: model.JobState) -> None:
    assert wire.seen(NAME, 200, json.dumps({"name": NAME, **operation})) == state


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, ""),
        (200, '{"status": '),
        (200, '{"name": "another", "done": true}'),
        (200, json.dumps({"name": NAME, "done": True})),
        (200, json.dumps({"name": NAME, "done": "yes"})),
        (400, google(400)),
        (401, google(401)),
        (403, google(403)),
        (404, "<html>404</html>"),
        (429, google(429)),
        (500, google(500)),
        (502, "bad gateway"),
    ],
)
def test_what_cannot_be_read_says_nothing(status: int, text: str) -> None:
    assert isinstance(wire.seen(NAME, status, text), model.Unknown)


def test_an_operation_that_is_not_found_is_missing() -> None:
    assert wire.seen(NAME, 404, google(404, "not found")) == model.Missing("not found")


@pytest.mark.parametrize(
    ("video", "clip"),
    [
        (VIDEO, places.Output("clips", "reelmesh/a/m/1/sample_0.mp4")),
        ({"bytesBase64Encoded": "YWJj"}, b"abc"),
        ({"bytesBase64Encoded": "%"}, None),
        ({"gcsUri": "https://elsewhere/clip"}, None),
        ({}, None),
        ("odd", None),
    ],
)
def test_a_clip_is_in_the_bucket_or_in_the_answer(video: Any, clip: places.Output | bytes | None) -> None:
    assert wire.clip_in(json.dumps({"response": {"videos": [video]}})) == clip


ATTEMPT = "0b0e3bb6-6b53-5f0a-8d57-5a2d8f6f3f11"
ITEM = {"name": f"reelmesh/{ATTEMPT}/veo/1/sample_0.mp4", "timeCreated": "2026-11-21T10:00:00.5Z"}
CREATED = datetime.datetime(2026, 11, 21, 10, 0, 0, 500_000, tzinfo=clock.UTC)


def test_a_bucket_shows_whose_clips_are_in_it() -> None:
    told = {"items": [ITEM, {"name": "reelmesh/readme.txt"}, {"name": "other.mp4"}], "nextPageToken": "t"}
    page = wire.page_of("clips", 200, json.dumps(told))
    assert page == wire.Page((wire.Stored(places.Output("clips", ITEM["name"]), ATTEMPT, "veo", CREATED),), "t")
    assert wire.page_of("clips", 200, '{"kind": "storage#objects"}') == wire.Page(())


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, ""),
        (200, "[]"),
        (200, '{"items": 7}'),
        (200, '{"items": [{}]}'),
        (200, '{"items": ["x"]}'),
        (200, google(403)),
        (403, google(403)),
        (404, google(404)),
        (500, "{}"),
    ],
)
def test_a_list_that_cannot_be_read_is_not_an_empty_one(status: int, text: str) -> None:
    with pytest.raises(ValueError, match="bucket clips"):
        wire.page_of("clips", status, text)


def test_a_census_leaves_out_what_is_older_only() -> None:
    (old,) = wire.page_of("clips", 200, json.dumps({"items": [ITEM]})).stored
    undated = dataclasses.replace(old, created=None)
    later = CREATED + datetime.timedelta(seconds=1)
    assert wire.since([old, undated], None) == [old, undated]
    assert wire.since([old, undated], CREATED) == [old, undated]
    assert wire.since([old, undated], later) == [undated]


@pytest.mark.parametrize(
    ("status", "text", "found"),
    [
        (200, "{}", wire.Presence.PRESENT),
        (404, google(404), wire.Presence.ABSENT),
        (404, "No such object", wire.Presence.UNKNOWN),
        (403, google(403), wire.Presence.UNKNOWN),
        (500, google(500), wire.Presence.UNKNOWN),
    ],
)
def test_an_object_is_absent_by_the_storages_own_word(status: int, text: str, found: wire.Presence) -> None:
    assert wire.presence(status, text) is found


def test_the_card_has_a_price_and_a_rank_for_each_resolution() -> None:
    def price(name: str) -> tuple[int, int]:
        (found,) = [one for one in CARD.models if one.model == name]
        return found.prices[0].micros_per_second, found.quality

    assert price("veo-3.1-generate-001") == (400_000, 3)
    assert price("veo-3.1-generate-001@4k") == (600_000, 3)
    assert price("veo-3.1-fast-generate-001@1080p") == (120_000, 2)
    assert price("veo-3.1-lite-generate-001") == (50_000, 1)
    assert CARD.recovery is model.Recovery.OUTPUT
    assert all(one.retires_on is None for one in CARD.models)
