"""The Interactions API of Gemini, as it really answers."""

import base64
import dataclasses
import json

import pytest
from reelmesh_provider import card_files, model, testing
from reelmesh_provider_omni import wire

CARD = card_files.parse(card_files.packaged("reelmesh_provider_omni", "omni"), "omni", "1.0")
TASK = testing.make_task(
    provider="omni", model="gemini-omni-1.2-flash", prompt="a cat", duration_seconds=5.0, width=1280, height=720, seed=7
)
PICTURE = model.Picture("asset", "image/png", b"picture")
ENCODED = base64.b64encode(b"picture").decode()
RATE = 10_000_000
Verdict, Outcome = model.Verdict, model.Outcome


def asked(**changes: object) -> dict[str, object]:
    return json.loads(wire.create(dataclasses.replace(TASK, **changes), CARD, ""))  # pyright: ignore[reportArgumentType]


# --- creating


def test_words_become_an_interaction_in_the_background() -> None:
    assert asked() == {
        "model": "gemini-omni-1.2-flash",
        "input": [{"type": "user_input", "content": [{"type": "text", "text": "a cat"}]}],
        "background": True,
        "store": True,
        "labels": {"attempt": TASK.attempt_id},
        "response_format": {
            "type": "video",
            "aspect_ratio": "16:9",
            "resolution": "720p",
            "duration": "5s",
            "delivery": "uri",
        },
        "generation_config": {"seed": 7, "video_config": {"task": "text_to_video"}},
    }


def content_of(body: dict[str, object]) -> object:
    return body["input"][0]["content"]  # type: ignore[index]


def kind_of(body: dict[str, object]) -> object:
    return body["generation_config"]["video_config"]["task"]  # type: ignore[index]


def test_pictures_come_before_the_words_and_say_what_they_are_for() -> None:
    picture = {"type": "image", "mime_type": "image/png", "data": ENCODED}
    text = {"type": "text", "text": "a cat"}
    started = asked(first_frame=PICTURE)
    assert (content_of(started), kind_of(started)) == ([picture, text], "image_to_video")
    shown = asked(references=(PICTURE,) * 6)
    assert (content_of(shown), kind_of(shown)) == ([*[picture] * 6, text], "reference_to_video")
    assert content_of(asked(first_frame=PICTURE, prompt="")) == [picture]


def test_a_first_frame_goes_before_references() -> None:
    other = dataclasses.replace(PICTURE, data=b"other")
    both = asked(first_frame=PICTURE, references=(other,) * 7)
    assert (content_of(both), kind_of(both)) == (content_of(asked(first_frame=PICTURE)), "image_to_video")


@pytest.mark.parametrize(
    ("name", "width", "height", "resolution", "ratio"),
    [
        ("gemini-omni-1.2-flash@360p", 360, 640, "360p", "9:16"),
        ("gemini-omni-1.1-flash@1080p", 1920, 1080, "1080p", "16:9"),
        ("gemini-omni-1.2-flash@4k", 2160, 3840, "4k", "9:16"),
    ],
)
def test_each_resolution_is_a_model_of_ours_and_one_of_googles(
    name: str, width: int, height: int, resolution: str, ratio: str
) -> None:
    body = asked(model=name, width=width, height=height)
    form = body["response_format"]
    assert isinstance(form, dict)
    assert (body["model"], form["resolution"], form["aspect_ratio"]) == (name.partition("@")[0], resolution, ratio)


@pytest.mark.parametrize(("seed", "sent"), [(0, 0), (2**31 - 1, 2**31 - 1), (2**31, -(2**31)), (2**32 - 1, -1)])
def test_seeds_keep_all_their_bits(seed: int, sent: int) -> None:
    assert asked(seed=seed)["generation_config"] == {"seed": sent, "video_config": {"task": "text_to_video"}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "gemini-omni-flash-preview"}, "not 'gemini-omni-flash-preview'"),
        ({"width": 1920, "height": 1080}, "makes 1280x720, 720x1280, not 1920x1080"),
        ({"width": 960, "height": 960}, "not 960x960"),
        ({"duration_seconds": 2.0}, "3 to 15 seconds, not 2"),
        ({"duration_seconds": 16.0}, "3 to 15 seconds, not 16"),
        ({"duration_seconds": 4.5}, "whole seconds, not 4.5"),
        ({"references": (PICTURE,) * 7}, "takes 6 reference images, not 7"),
        ({"first_frame": dataclasses.replace(PICTURE, content_type="image/gif")}, "image asset is image/gif"),
        ({"first_frame": PICTURE, "last_frame": PICTURE}, "cannot end on a given frame"),
        ({"negative_prompt": "rain"}, "takes no negative prompt"),
    ],
)
def test_what_cannot_be_asked_for_says_why(changes: dict[str, object], words: str) -> None:
    with pytest.raises(wire.Impossible, match=words):
        asked(**changes)


def test_a_card_of_ones_own_may_offer_less() -> None:
    less = dataclasses.replace(CARD.models[0], reference_images=1)
    card = dataclasses.replace(CARD, models=(less,))
    with pytest.raises(wire.Impossible, match="takes 1 reference images, not 2"):
        wire.create(dataclasses.replace(TASK, references=(PICTURE,) * 2), card, "")


def error(code: object, message: object = "Something.", **more: object) -> str:
    return json.dumps({"error": {"code": code, "message": message, **more}})


def test_a_create_is_accepted_by_its_id() -> None:
    assert wire.submitted(200, {}, '{"id": "v1_abc", "status": "in_progress"}') == model.Accepted("v1_abc")


PROXYS = json.dumps({"error": {"message": "Rate limited", "type": "throttling_error", "code": "rate_limit_exceeded"}})


@pytest.mark.parametrize(
    ("status", "text", "verdict"),
    [
        (200, '{"id": ""}', Verdict.UNKNOWN),
        (200, '{"id": 7}', Verdict.UNKNOWN),
        (200, '{"id": "', Verdict.UNKNOWN),
        (200, "<html>", Verdict.UNKNOWN),
        (302, "", Verdict.UNKNOWN),
        (400, error("invalid_request"), Verdict.REFUSED_FOR_GOOD),
        (400, error("parameter_unknown"), Verdict.REFUSED_FOR_GOOD),
        (400, error("invalid_request", "The prompt was blocked: it violates our usage policies."), Verdict.UNSAFE),
        (400, error(400, "API key not valid.", status="INVALID_ARGUMENT"), Verdict.REFUSED_FOR_GOOD),
        (400, "<html>400</html>", Verdict.UNKNOWN),
        (401, error("authentication"), Verdict.REFUSED_FOR_GOOD),
        (402, error("payment_required"), Verdict.REFUSED_FOR_GOOD),
        (403, error(403, "API key was blocked.", status="PERMISSION_DENIED"), Verdict.REFUSED_FOR_GOOD),
        (404, error("model_not_found"), Verdict.REFUSED_FOR_GOOD),
        (404, "Not Found", Verdict.UNKNOWN),
        (409, error("aborted"), Verdict.UNKNOWN),
        (429, error("rate_limit_exceeded"), Verdict.BUSY),
        (429, error(429, status="RESOURCE_EXHAUSTED"), Verdict.BUSY),
        (429, error("429"), Verdict.UNKNOWN),
        (429, error(503), Verdict.UNKNOWN),
        (429, PROXYS, Verdict.UNKNOWN),
        (429, error("rate_limit_exceeded", ""), Verdict.UNKNOWN),
        (429, '{"error": "Too many requests"}', Verdict.UNKNOWN),
        (429, "<html>429 Too Many Requests</html>", Verdict.UNKNOWN),
        (500, error("internal"), Verdict.UNKNOWN),
        (502, "<html>502 Bad Gateway</html>", Verdict.UNKNOWN),
        (503, error("unavailable"), Verdict.BUSY),
        (503, "", Verdict.UNKNOWN),
        (504, error("deadline_exceeded"), Verdict.UNKNOWN),
    ],
)
def test_only_googles_own_word_is_a_refusal(status: int, text: str, verdict: model.Verdict) -> None:
    answer = wire.submitted(status, {}, text)
    assert isinstance(answer, model.Declined)
    assert (answer.verdict, bool(answer.message)) == (verdict, True)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0", 0.0), ("", 30.0), ("soon", 30.0), ("-1", 30.0)])
def test_a_busy_google_says_how_long(header: str, seconds: float) -> None:
    answer = wire.submitted(429, {"retry-after": header}, error("rate_limit_exceeded"))
    assert isinstance(answer, model.Declined)
    assert answer.retry_after_seconds == seconds


def test_a_model_that_is_gone_is_explained() -> None:
    answer = wire.submitted(404, {}, error("model_not_found", "The model was not found."))
    assert isinstance(answer, model.Declined)
    assert answer.message == "Google does not offer this model, or not any more: The model was not found."


# --- looking

FILE = "https://generativelanguage.googleapis.com/v1/files/abc:download?alt=media"


def steps(*content: object, kind: str = "model_output") -> list[object]:
    return [{"type": kind, "content": list(content)}]


def video(**told: object) -> dict[str, object]:
    return {"type": "video", "mime_type": "video/mp4", **told}


def interaction(status: object, **more: object) -> str:
    return json.dumps({"id": "v1_abc", "status": status, "labels": {"attempt": TASK.attempt_id}, **more})


TOKENS = {"total_input_tokens": 2, "total_output_tokens": 5792, "total_tokens": 5794}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (interaction("queued"), model.Pending(0, "queued")),
        (interaction("in_progress", steps=[]), model.Pending()),
        (interaction("completed", steps=steps(video(uri=FILE))), model.Succeeded()),
        (interaction("completed", steps=steps(video(data=ENCODED)), usage=TOKENS), model.Succeeded()),
        (interaction("cancelled"), model.Negative(Outcome.CANCELLED, "Google says that it was stopped")),
        (
            interaction("cancelled", usage=TOKENS),
            model.Negative(Outcome.CANCELLED, "Google says that it was stopped", 57_920),
        ),
        (
            interaction("failed", errors=[{"code": "internal", "message": "m"}], usage={"total_output_tokens": 0}),
            model.Negative(Outcome.FAILED, "m", 0),
        ),
        (
            interaction("failed", errors=[{"code": "https://x/safety"}]),
            model.Negative(Outcome.FILTERED, "https://x/safety"),
        ),
        (interaction("failed"), model.Negative(Outcome.FAILED, "Gemini Omni failed, and gave no reason")),
    ],
)
def test_an_interaction_is_understood(text: str, state: model.JobState) -> None:
    assert wire.seen(200, text, RATE) == state


@pytest.mark.parametrize(
    "made",
    [
        [],
        None,
        steps(),
        steps(video()),
        steps(video(uri="")),
        steps(video(uri=FILE), kind="user_input"),
        steps({"type": "image", "uri": FILE}),
    ],
)
def test_what_went_well_without_a_video_was_withheld(made: object) -> None:
    state = wire.seen(200, interaction("completed", steps=made, usage={"total_output_tokens": 0}), RATE)
    assert isinstance(state, model.Negative)
    assert (state.outcome, state.cost_micros) == (Outcome.FILTERED, 0)


def test_what_is_said_instead_of_a_video_is_told() -> None:
    text = interaction("completed", steps=steps({"type": "text", "text": "I cannot show that."}))
    state = wire.seen(200, text, RATE)
    assert isinstance(state, model.Negative)
    assert "I cannot show that." in state.message


@pytest.mark.parametrize("word", ["incomplete", "budget_exceeded"])
def test_what_was_cut_short_is_made_if_there_is_a_clip(word: str) -> None:
    made = wire.seen(200, interaction(word, steps=steps(video(uri=FILE))), RATE)
    assert isinstance(made, model.Succeeded)
    assert word in made.remark
    without = wire.seen(200, interaction(word), RATE)
    assert isinstance(without, model.Negative)
    assert without.outcome is Outcome.FAILED


@pytest.mark.parametrize("word", ["requires_action", "requires_continuation"])
def test_what_waits_for_us_comes_to_nothing(word: str) -> None:
    state = wire.seen(200, interaction(word), RATE)
    assert isinstance(state, model.Negative)
    assert (state.outcome, state.cost_micros) == (Outcome.FAILED, None)


@pytest.mark.parametrize("usage", [None, [], {"total_output_tokens": "many"}, {"total_output_tokens": True}, {}])
def test_tokens_that_cannot_be_read_are_no_price(usage: object) -> None:
    state = wire.seen(200, interaction("cancelled", usage=usage), RATE)
    assert isinstance(state, model.Negative)
    assert state.cost_micros is None


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (404, error("not_found"), model.Missing),
        (404, "<html>nginx</html>", model.Unknown),
        (200, interaction("thinking"), model.Unknown),
        (200, interaction(["completed", {}]), model.Unknown),
        (200, interaction(None), model.Unknown),
        (200, '{"status": ', model.Unknown),
        (200, "[]", model.Unknown),
        (500, interaction("failed"), model.Unknown),
        (429, error("rate_limit_exceeded"), model.Unknown),
        (401, error("authentication"), model.Unknown),
    ],
)
def test_what_is_no_word_on_an_interaction_is_no_verdict(status: int, text: str, kind: type[model.JobState]) -> None:
    assert isinstance(wire.seen(status, text, RATE), kind)


# --- clips


@pytest.mark.parametrize(
    ("text", "clip"),
    [
        (interaction("completed", steps=steps(video(uri=FILE))), FILE),
        (interaction("completed", steps=steps(video(data=ENCODED))), b"picture"),
        (interaction("completed", steps=steps(video(data="AA=A"))), None),
        (interaction("completed", steps=steps(video(uri="https://a/1"), video(uri="https://a/2"))), "https://a/2"),
        (interaction("completed", steps=steps(video(uri=FILE), kind="user_input")), None),
        (interaction("completed"), None),
        ("nothing", None),
    ],
)
def test_a_clip_is_inline_or_a_file(text: str, clip: str | bytes | None) -> None:
    assert wire.clip_in(text) == clip


@pytest.mark.parametrize(
    ("url", "file"),
    [
        (FILE, "https://generativelanguage.googleapis.com/v1/files/abc"),
        ("https://elsewhere.example/clip.mp4?download", ""),
    ],
)
def test_a_file_is_looked_at_beside_its_bytes(url: str, file: str) -> None:
    assert wire.file_of(url) == file


@pytest.mark.parametrize(
    ("status", "text", "state"),
    [
        (200, '{"state": "ACTIVE"}', wire.Readiness.READY),
        (200, '{"state": "PROCESSING"}', wire.Readiness.PROCESSING),
        (200, '{"state": "FAILED"}', wire.Readiness.FAILED),
        (200, '{"state": "RESTING"}', wire.Readiness.UNKNOWN),
        (200, "{}", wire.Readiness.UNKNOWN),
        (200, "[]", wire.Readiness.UNKNOWN),
        (403, error(403, "You do not have permission, or it may not exist."), wire.Readiness.ABSENT),
        (404, error(404), wire.Readiness.ABSENT),
        (403, "<html>403</html>", wire.Readiness.UNKNOWN),
        (500, error(500), wire.Readiness.UNKNOWN),
    ],
)
def test_a_file_is_ready_when_google_says_so(status: int, text: str, state: wire.Readiness) -> None:
    assert wire.readiness(status, text) is state
