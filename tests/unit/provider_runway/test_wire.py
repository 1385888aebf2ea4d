"""Runway's API, as it really answers."""

import base64
import dataclasses
import json

import pytest
from reelmesh_provider import card_files, model, testing
from reelmesh_provider_runway import wire

CARD = card_files.parse(card_files.packaged("reelmesh_provider_runway", "runway"), "runway", "1")
TASK = testing.make_task(
    provider="runway", model="gen4.5", prompt="a cat", duration_seconds=5.0, width=1280, height=720
)
PICTURE = model.Picture("asset", "image/png", b"picture")
DOCS = "https://docs.dev.runwayml.com/"
Verdict, Outcome = model.Verdict, model.Outcome


def asked(**changes: object) -> wire.Create:
    task = dataclasses.replace(TASK, **changes)  # pyright: ignore[reportArgumentType]
    return wire.create(task, CARD)


# --- creating


def test_words_alone_and_pictures_go_to_addresses_of_their_own() -> None:
    words = asked()
    assert (words.path, words.pictures) == ("/v1/text_to_video", ())
    assert words.body == {
        "model": "gen4.5",
        "promptText": "a cat",
        "ratio": "1280:720",
        "duration": 5,
        "seed": TASK.seed,
    }
    started = asked(first_frame=PICTURE)
    assert (started.path, started.pictures) == ("/v1/image_to_video", (PICTURE,))
    assert started.with_pictures(["runway://x"])["promptImage"] == "runway://x"
    assert words.with_pictures([]) == words.body
    assert isinstance(words.body["duration"], int)


def test_the_first_frame_comes_before_references() -> None:
    reference = dataclasses.replace(PICTURE, asset_id="reference")
    assert asked(references=(reference,)).pictures == (reference,)
    assert asked(references=(reference,), first_frame=PICTURE).pictures == (PICTURE,)


def test_two_frames_have_their_positions_and_what_is_not_wanted_is_said() -> None:
    end = dataclasses.replace(PICTURE, asset_id="end")
    both = asked(model="veo3.1", duration_seconds=4.0, first_frame=PICTURE, last_frame=end, negative_prompt="rain")
    assert (both.path, both.pictures) == ("/v1/image_to_video", (PICTURE, end))
    assert both.with_pictures(["runway://a", "runway://b"])["promptImage"] == [
        {"uri": "runway://a", "position": "first"},
        {"uri": "runway://b", "position": "last"},
    ]
    assert both.body["negativePrompt"] == "rain"
    assert asked(model="veo3.1", duration_seconds=4.0, negative_prompt="rain").body["negativePrompt"] == "rain"
    assert "negativePrompt" not in asked().body


@pytest.mark.parametrize("audio", [True, False])
def test_sound_is_asked_for_or_not_where_a_model_makes_it(audio: bool) -> None:
    assert asked(model="veo3.1", duration_seconds=4.0, audio=audio).body["audio"] is audio
    assert "audio" not in asked(audio=audio).body


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "gen3a_turbo"}, "gen4.5, gen4_turbo"),
        ({"model": "gen4_turbo"}, "starts from a picture"),
        ({"prompt": "\N{CAT FACE}" * 501}, "1002"),
        ({"duration_seconds": 2.5}, "whole seconds"),
        ({"first_frame": PICTURE, "last_frame": PICTURE}, "gen4.5 cannot end on a given frame"),
        ({"model": "seedance2", "last_frame": PICTURE}, "only where it starts from one too"),
        ({"model": "seedance2", "negative_prompt": "rain"}, "seedance2 takes no negative prompt"),
        ({"width": 960, "height": 960}, "1280x720, 720x1280, not 960x960"),
    ],
)
def test_what_cannot_be_asked_for_says_why(changes: dict[str, object], words: str) -> None:
    with pytest.raises(wire.Impossible, match=words):
        asked(**changes)


def test_a_prompt_is_as_long_as_runway_counts() -> None:
    assert asked(prompt="\N{CAT FACE}" * 500)
    assert asked(prompt="x" * 1001, model="seedance2")
    assert asked(model="gen4_turbo", first_frame=PICTURE, prompt="").body.get("promptText") is None


def test_a_small_picture_travels_in_the_request_and_a_large_one_does_not() -> None:
    encoded = base64.b64encode(b"picture").decode()
    assert wire.data_uri(PICTURE) == f"data:image/png;base64,{encoded}"
    room = (wire.LARGEST_DATA_URI_BYTES - len("data:image/png;base64,")) // 4 * 3
    largest = wire.data_uri(dataclasses.replace(PICTURE, data=bytes(room)))
    assert largest is not None
    assert wire.LARGEST_DATA_URI_BYTES - 4 < len(largest) <= wire.LARGEST_DATA_URI_BYTES
    assert wire.data_uri(dataclasses.replace(PICTURE, data=bytes(room + 1))) is None


def test_where_a_file_goes_is_read() -> None:
    text = '{"uploadUrl": "https://b/x", "fields": {"key": "k"}, "runwayUri": "runway://1"}'
    assert wire.upload(text) == wire.Upload("https://b/x", {"key": "k"}, "runway://1")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"uploadUrl": "https://b/x", "fields": [], "runwayUri": "r"}'])
def test_an_upload_that_cannot_be_read_goes_nowhere(text: str) -> None:
    assert wire.upload(text) is None


def error(message: str, **more: object) -> str:
    return json.dumps({"error": message, **more})


def test_a_create_is_accepted_by_its_id() -> None:
    assert wire.submitted(200, {}, '{"id": "17f2", "estimatedCost": {"credits": 25}}') == model.Accepted("17f2")


CAP = error("You have reached the daily limit of generations for this model.", docUrl=f"{DOCS}usage/tiers")


@pytest.mark.parametrize(
    ("status", "headers", "text", "verdict"),
    [
        (200, {}, '{"id": ""}', Verdict.UNKNOWN),
        (200, {}, '{"id": 7}', Verdict.UNKNOWN),
        (200, {}, '{"id": "', Verdict.UNKNOWN),
        (200, {}, "<html>", Verdict.UNKNOWN),
        (302, {}, "", Verdict.UNKNOWN),
        (400, {}, error("Validation of body failed", issues=[]), Verdict.REFUSED_FOR_GOOD),
        (400, {}, error("You do not have enough credits to run this task."), Verdict.REFUSED_FOR_GOOD),
        (400, {}, error("The prompt was rejected by our content moderation system."), Verdict.UNSAFE),
        (
            400,
            {},
            error("Validation of body failed", issues=[{"path": ["contentModeration"], "message": "x"}]),
            Verdict.REFUSED_FOR_GOOD,
        ),
        (400, {}, "<html>400</html>", Verdict.UNKNOWN),
        (401, {}, error("You did not provide a valid API key."), Verdict.REFUSED_FOR_GOOD),
        (401, {}, "<html>401</html>", Verdict.UNKNOWN),
        (404, {}, error("Not found"), Verdict.REFUSED_FOR_GOOD),
        (429, {}, error("You are sending requests too quickly."), Verdict.BUSY),
        (429, {"retry-after": "7"}, CAP, Verdict.BUSY),
        (429, {}, CAP, Verdict.REFUSED),
        (429, {}, "<html>429 Too Many Requests</html>", Verdict.UNKNOWN),
        (500, {}, error("An unexpected error occurred."), Verdict.UNKNOWN),
        (502, {}, error("Shedding load."), Verdict.UNKNOWN),
        (502, {}, "<html>502 Bad Gateway</html>", Verdict.UNKNOWN),
        (503, {}, error("The service is temporarily unavailable."), Verdict.BUSY),
        (503, {}, "", Verdict.UNKNOWN),
        (504, {}, error("Overloaded."), Verdict.UNKNOWN),
    ],
)
def test_only_runways_own_word_is_a_refusal(
    status: int, headers: dict[str, str], text: str, verdict: model.Verdict
) -> None:
    answer = wire.submitted(status, headers, text)
    assert isinstance(answer, model.Declined)
    assert (answer.verdict, bool(answer.message)) == (verdict, True)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("", 30.0), ("soon", 30.0), ("inf", 30.0), ("-1", 30.0)])
def test_a_busy_runway_says_how_long(header: str, seconds: float) -> None:
    answer = wire.submitted(503, {"retry-after": header}, error("busy"))
    assert isinstance(answer, model.Declined)
    assert answer.retry_after_seconds == seconds


def test_a_refusal_says_what_is_wrong_with_which_field() -> None:
    issues = [{"code": "too_big", "path": ["duration"], "message": "too long"}, {"path": [], "message": "odd"}, "x"]
    answer = wire.submitted(400, {}, error("Validation of body failed", issues=issues))
    assert isinstance(answer, model.Declined)
    assert answer.message == "Validation of body failed: duration: too long; odd"


# --- looking


def task(status: object, **more: object) -> str:
    return json.dumps({"id": "17f2", "status": status, "createdAt": "2026-11-20T10:00:00.000Z", **more})


PAID, FREE = {"credits": 25}, {"credits": 0}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (task("PENDING", estimatedCost=PAID), model.Pending(0, "queued")),
        (task("THROTTLED"), model.Pending(0, "queued")),
        (task("RUNNING", progress=0.35), model.Pending(35)),
        (task("RUNNING", progress=1), model.Pending(99)),
        (task("RUNNING", progress=-1e300), model.Pending(0)),
        (task("RUNNING", progress="x"), model.Pending(None)),
        (task("RUNNING"), model.Pending(None)),
        (task("SUCCEEDED", output=["https://a/b.mp4"], cost=PAID), model.Succeeded(250_000)),
        (task("SUCCEEDED", output=["https://a/b.mp4"]), model.Succeeded(None)),
        (task("SUCCEEDED", output=["https://a/b.mp4"], cost={"credits": "many"}), model.Succeeded(None)),
        (
            task("SUCCEEDED", output=[], cost=PAID),
            model.Negative(Outcome.FAILED, "Runway says that it succeeded, with nothing made", 250_000),
        ),
        (task("CANCELLED", cost=PAID), model.Negative(Outcome.CANCELLED, "Runway says that it was stopped", 250_000)),
        (task("FAILED", failure="m", cost=FREE), model.Negative(Outcome.FAILED, "m", 0)),
        (task("FAILED"), model.Negative(Outcome.FAILED, "Runway failed", None)),
    ],
)
def test_a_task_is_understood(text: str, state: model.JobState) -> None:
    assert wire.seen(200, text) == state


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("SAFETY.INPUT.TEXT", Outcome.FILTERED),
        ("SAFETY.OUTPUT.VIDEO", Outcome.FILTERED),
        ("INPUT_PREPROCESSING.SAFETY.TEXT", Outcome.FILTERED),
        ("INPUT_PREPROCESSING.INTERNAL", Outcome.FAILED),
        ("INTERNAL.BAD_OUTPUT.CODE01", Outcome.FAILED),
        ("INTERNAL", Outcome.FAILED),
        ("ASSET.INVALID", Outcome.REFUSED),
        ("NEW.FAMILY", Outcome.FAILED),
        (None, Outcome.FAILED),
        (7, Outcome.FAILED),
    ],
)
def test_the_family_of_a_failure_decides_and_its_code_is_not_shown(code: object, outcome: model.Outcome) -> None:
    state = wire.seen(200, task("FAILED", failure="It did not work.", failureCode=code, cost=PAID))
    assert state == model.Negative(outcome, "It did not work.", 250_000)


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (404, error("Could not find a task with that ID."), model.Missing),
        (404, "<html>nginx</html>", model.Unknown),
        (200, task("THINKING"), model.Unknown),
        (200, task(None), model.Unknown),
        (200, task(["RUNNING", {}]), model.Unknown),
        (200, task("SUCCEEDED"), model.Unknown),
        (200, '{"status": ', model.Unknown),
        (200, "[]", model.Unknown),
        (500, task("FAILED"), model.Unknown),
        (429, error("You are sending requests too quickly."), model.Unknown),
        (401, error("You did not provide a valid API key."), model.Unknown),
    ],
)
def test_what_is_no_word_on_a_task_is_no_verdict(status: int, text: str, kind: type[model.JobState]) -> None:
    assert isinstance(wire.seen(status, text), kind)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (task("SUCCEEDED", output=["https://a/b.mp4", 7, ""]), ("https://a/b.mp4",)),
        (task("RUNNING", output=["https://a/b.mp4"]), ()),
        (task("SUCCEEDED"), ()),
        ("nothing", ()),
    ],
)
def test_only_what_succeeded_has_clips(text: str, addresses: tuple[str, ...]) -> None:
    assert wire.addresses_of(text) == addresses


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        (task("PENDING", estimatedCost=PAID), 0),
        (task("THROTTLED", estimatedCost=PAID), 0),
        (task("RUNNING", estimatedCost=PAID), 250_000),
        (task("RUNNING"), None),
    ],
)
def test_stopping_is_free_until_it_runs(text: str, micros: int | None) -> None:
    assert wire.cost_of_stopping(text) == micros


def test_each_model_that_needs_a_picture_is_on_the_card() -> None:
    assert {"gen4_turbo", "gen4.5", "veo3.1", "veo3.1_fast", "seedance2"} <= {each.model for each in CARD.models}
