"""fal.ai's answers, as its documentation has them."""

import dataclasses
import datetime
import json

import pytest
from reelmesh_provider import card_files, model, testing
from reelmesh_provider_fal import forms, wire

CARD = card_files.parse(card_files.packaged("reelmesh_provider_fal", "fal"), "fal", "1.0")
FORMS = forms.parse(card_files.packaged("reelmesh_provider_fal", "forms"), CARD)
VEO, SILENT, KLING = "fal-ai/veo3.1", "fal-ai/veo3.1/silent", "fal-ai/kling-video/v3/pro"
SEEDANCE = "bytedance/seedance-2.5"
TASK = testing.make_task(model=VEO, duration_seconds=4.0, width=1280, height=720, prompt="a cat")
CLIP = dataclasses.replace(TASK, model=KLING, duration_seconds=5.0, width=1080, height=1920)
FRAME = model.Picture("frame", "image/png", b"png")
JOB = model.Job("attempt", "one", VEO, "fal-ai/veo3.1/r-1")
Verdict = model.Verdict


def of_the_model(kind: str, message: str = "no", where: str = "prompt") -> str:
    return json.dumps({"detail": [{"loc": ["body", where], "msg": message, "type": kind}]})


def of_the_machines(kind: str, message: str = "no") -> str:
    return json.dumps({"detail": message, "error_type": kind})


# --- creating


def test_a_model_is_told_in_its_own_words() -> None:
    assert wire.fields(TASK, FORMS[VEO]) == {
        "prompt": "a cat",
        "duration": "4s",
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "generate_audio": True,
        "auto_fix": False,
        "seed": TASK.seed,
    }
    assert wire.fields(CLIP, FORMS[KLING]) == {
        "prompt": "a cat",
        "duration": "5",
        "aspect_ratio": "9:16",
        "generate_audio": True,
    }
    assert wire.fields(dataclasses.replace(TASK, model=SILENT), FORMS[SILENT])["generate_audio"] is False


def test_a_size_that_a_model_has_not_is_impossible() -> None:
    with pytest.raises(wire.Impossible, match="1920x1080, 1080x1920, not 640x360"):
        wire.fields(dataclasses.replace(TASK, width=640, height=360), FORMS[VEO])


def test_a_first_frame_goes_to_an_endpoint_of_its_own_as_data() -> None:
    task = dataclasses.replace(TASK, first_frame=FRAME)
    assert wire.endpoint(TASK, FORMS[VEO]) == "fal-ai/veo3.1"
    assert wire.endpoint(task, FORMS[VEO]) == "fal-ai/veo3.1/image-to-video"
    assert wire.with_pictures({"a": 1}, TASK, FORMS[VEO]) == {"a": 1}
    assert wire.with_pictures({}, task, FORMS[VEO]) == {"image_url": "data:image/png;base64,cG5n"}
    assert wire.with_pictures({}, task, FORMS[KLING]) == {"start_image_url": "data:image/png;base64,cG5n"}


@pytest.mark.parametrize(
    ("name", "where", "first", "last"),
    [
        (VEO, "fal-ai/veo3.1/first-last-frame-to-video", "first_frame_url", "last_frame_url"),
        (KLING, "fal-ai/kling-video/v3/pro/image-to-video", "start_image_url", "end_image_url"),
        (SEEDANCE, "bytedance/seedance-2.5/image-to-video", "image_url", "end_image_url"),
    ],
)
def test_two_frames_go_where_a_model_takes_both(name: str, where: str, first: str, last: str) -> None:
    task = dataclasses.replace(TASK, first_frame=FRAME, last_frame=model.Picture("end", "image/jpeg", b"jpg"))
    assert wire.endpoint(task, FORMS[name]) == where
    assert where in FORMS[name].endpoints
    assert wire.with_pictures({}, task, FORMS[name]) == {
        first: "data:image/png;base64,cG5n",
        last: "data:image/jpeg;base64,anBn",
    }


def test_what_is_not_wanted_is_said_where_a_model_takes_it() -> None:
    task = dataclasses.replace(TASK, negative_prompt="rain")
    assert wire.fields(task, FORMS[VEO]) == {**wire.fields(TASK, FORMS[VEO]), "negative_prompt": "rain"}
    with pytest.raises(wire.Impossible, match="takes no negative prompt"):
        wire.fields(task, FORMS[SEEDANCE])
    with pytest.raises(wire.Impossible, match="only where it starts from one too"):
        wire.fields(dataclasses.replace(TASK, last_frame=FRAME), FORMS[VEO])
    with pytest.raises(wire.Impossible, match="cannot end on a given frame"):
        wire.fields(dataclasses.replace(TASK, last_frame=FRAME), dataclasses.replace(FORMS[VEO], last_field=""))


def test_fal_is_told_not_to_repeat_and_not_to_wait_for_ever() -> None:
    assert wire.CREATE_HEADERS == {"x-fal-no-retry": "1", "x-fal-request-timeout": "1800"}
    longest = max(each.longest_render_seconds for each in CARD.models)
    assert CARD.listing_delay_seconds > longest >= 2 * wire.START_SECONDS


def test_an_id_leads_to_the_addresses_whichever_way_it_was_learnt() -> None:
    told = wire.accepted('{"request_id": "r-1", "status": "IN_QUEUE"}', "fal-ai/kling-video/v3/pro/text-to-video")
    assert told == model.Accepted("fal-ai/kling-video/r-1")
    item = {"request_id": "r-1", "endpoint_id": "fal-ai/kling-video/v3/pro/text-to-video"}
    assert wire.id_of(item) == told.job_id
    assert wire.path(dataclasses.replace(JOB, job_id=told.job_id)) == "/fal-ai/kling-video/requests/r-1"


@pytest.mark.parametrize("name", ["a/b", "../../x?y#z", "ä"])
def test_an_id_leads_nowhere_else(name: str) -> None:
    job = dataclasses.replace(JOB, job_id=wire.job_id("fal-ai/veo3.1", name))
    assert wire.path(job).count("/") == 4
    assert set("?#").isdisjoint(wire.path(job))
    assert wire.own_id(job) == name
    assert wire.path(dataclasses.replace(JOB, job_id="stray")) == "/fal-ai/veo3.1/requests/stray"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"request_id": ""}', '{"request_id": 7}', "<html>"])
def test_a_create_whose_answer_has_no_id_is_unknown(text: str) -> None:
    answer = wire.accepted(text, "fal-ai/veo3.1")
    assert isinstance(answer, model.Declined)
    assert answer.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("status", "text", "verdict"),
    [
        (400, of_the_machines("bad_request"), Verdict.REFUSED_FOR_GOOD),
        (401, '{"detail": "Authentication is required"}', Verdict.REFUSED_FOR_GOOD),
        (403, '{"detail": "User is locked. Reason: Exhausted balance."}', Verdict.REFUSED_FOR_GOOD),
        (404, '{"detail": "Application not found"}', Verdict.REFUSED_FOR_GOOD),
        (422, of_the_model("missing"), Verdict.REFUSED_FOR_GOOD),
        (422, of_the_model("content_policy_violation"), Verdict.UNSAFE),
        (429, '{"detail": "Too many requests."}', Verdict.BUSY),
        (503, of_the_machines("runner_scheduling_failure"), Verdict.BUSY),
        (503, '{"detail": "Service Unavailable"}', Verdict.UNKNOWN),
        (500, of_the_machines("internal_error"), Verdict.UNKNOWN),
        (504, of_the_machines("request_timeout"), Verdict.UNKNOWN),
        (408, '{"detail": "slow"}', Verdict.UNKNOWN),
        (307, "", Verdict.UNKNOWN),
        (429, "<html>429 Too Many Requests</html>", Verdict.UNKNOWN),
        (502, "<html>502 Bad Gateway</html>", Verdict.UNKNOWN),
        (422, '{"detail": []}', Verdict.UNKNOWN),
        (400, '{"error": "bad"}', Verdict.UNKNOWN),
    ],
)
def test_only_fals_own_word_is_a_refusal(status: int, text: str, verdict: Verdict) -> None:
    assert wire.declined(status, {}, text).verdict is verdict


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("", 10.0), ("soon", 10.0), ("inf", 10.0), ("-1", 10.0)])
def test_a_busy_fal_says_how_long(header: str, seconds: float) -> None:
    assert wire.declined(429, {"retry-after": header}, '{"detail": "m"}').retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (of_the_machines("request_timeout", "m"), wire.Problem("m", frozenset({"request_timeout"}), by_machines=True)),
        ('{"detail": "m"}', wire.Problem("m")),
        (of_the_model("missing", "m", "seed"), wire.Problem("seed: m", frozenset({"missing"}))),
        ('{"detail": [{"loc": ["body"], "msg": "m"}]}', wire.Problem("m")),
        ('{"detail": [{"loc": 7}]}', wire.Problem("wrong")),
        ('{"detail": ["odd"]}', wire.Problem("no reason given")),
        ('{"detail": 7}', None),
        ("{}", None),
        ("[]", None),
        ("nothing", None),
    ],
)
def test_errors_come_in_two_shapes(text: str, problem: wire.Problem | None) -> None:
    assert wire.problem_of(text) == problem


# --- looking


def status(word: str, **more: object) -> str:
    return json.dumps({"status": word, "request_id": "r-1", **more})


@pytest.mark.parametrize(
    ("code", "text", "state"),
    [
        (202, status("IN_QUEUE", queue_position=3), model.Pending(0, "queued")),
        (202, status("IN_PROGRESS", logs=None), model.Pending()),
        (200, status("COMPLETED", metrics={"inference_time": 1.5}), wire.Ended(ran=True)),
        (200, status("COMPLETED", metrics={"inference_time": None}), wire.Ended()),
        (200, status("COMPLETED"), wire.Ended()),
        (200, status("COMPLETED", error="e", error_type="t"), wire.Ended("e", "t")),
        (404, '{"detail": "Request not found"}', model.Missing("Request not found")),
    ],
)
def test_a_status_is_understood(code: int, text: str, state: object) -> None:
    assert wire.seen(code, {}, text) == state


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (200, status("THINKING")),
        (200, "{"),
        (404, "<html>nginx</html>"),
        (401, '{"detail": "key"}'),
        (500, of_the_machines("internal_error")),
        (500, status("COMPLETED")),
        (302, ""),
    ],
)
def test_what_is_not_understood_is_no_verdict(code: int, text: str) -> None:
    assert isinstance(wire.seen(code, {}, text), model.Unknown)


def test_a_status_that_asks_to_wait_says_so() -> None:
    state = wire.seen(429, {"retry-after": "7"}, '{"detail": "slow"}')
    assert state == model.Unknown("answered 429: slow; it asks to wait 7 s", look_again_after_seconds=7.0)


FAILED, FILTERED, CANCELLED = model.Outcome.FAILED, model.Outcome.FILTERED, model.Outcome.CANCELLED
REFUSED = model.Outcome.REFUSED


@pytest.mark.parametrize(
    ("how", "code", "text", "state"),
    [
        (wire.Ended(), 200, '{"video": {"url": "u"}}', model.Succeeded()),
        (wire.Ended(), 200, '{"video": null}', model.Succeeded()),
        (wire.Ended("e", "missing"), 422, of_the_model("missing"), model.Negative(FAILED, "prompt: no", 0)),
        (
            wire.Ended("e", "runner_disconnected"),
            503,
            of_the_machines("runner_disconnected", "gone"),
            model.Negative(FAILED, "gone", 0),
        ),
        (
            wire.Ended("Invalid status code: 422", "content_policy_violation"),
            422,
            of_the_model("content_policy_violation", "flagged"),
            model.Negative(FILTERED, "prompt: flagged", 0),
        ),
        (
            wire.Ended("", ""),
            422,
            of_the_model("content_policy_violation", "flagged"),
            model.Negative(FILTERED, "prompt: flagged", 0),
        ),
        (
            wire.Ended("c", "client_cancelled"),
            499,
            of_the_machines("client_cancelled"),
            model.Negative(CANCELLED, "no"),
        ),
        # Of the request, not of fal: nobody else is worse off.
        (
            wire.Ended("Invalid status code: 422", "image_load_error"),
            422,
            of_the_model("image_load_error", "Image load error", "image_url"),
            model.Negative(REFUSED, "image_url: Image load error", 0),
        ),
        (
            wire.Ended("Invalid status code: 422", "string_too_long"),
            500,
            of_the_machines("internal_error"),
            model.Negative(REFUSED, "Invalid status code: 422", 0),
        ),
        # The status has said it: a result that cannot be had at the moment changes nothing.
        (wire.Ended("e", "missing"), 500, of_the_machines("internal_error"), model.Negative(FAILED, "e", 0)),
        (wire.Ended("e", "missing"), 502, "<html>", model.Negative(FAILED, "e", 0)),
        (wire.Ended("", "request_timeout"), 502, "<html>", model.Negative(FAILED, "request_timeout", 0)),
        (wire.Ended("e", "unprocessable_entity"), 422, '{"detail": "m"}', model.Negative(FAILED, "m", 0)),
    ],
)
def test_an_end_is_what_status_and_result_say_together(
    how: wire.Ended, code: int, text: str, state: model.JobState
) -> None:
    assert wire.ended(how, code, text) == state


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (200, "{"),
        (200, "[]"),
        (400, '{"detail": "Request is still in progress"}'),
        (401, '{"detail": "key"}'),
        (404, '{"detail": "Request not found"}'),
        (429, '{"detail": "slow"}'),
        (500, of_the_machines("internal_error")),
        (503, of_the_machines("runner_disconnected")),
        (502, "<html>"),
    ],
)
def test_a_result_that_does_not_come_is_no_verdict_where_the_status_told_of_no_error(code: int, text: str) -> None:
    assert isinstance(wire.ended(wire.Ended(), code, text), model.Unknown)


@pytest.mark.parametrize(
    ("text", "address", "none"),
    [
        ('{"video": {"url": "https://a/b.mp4"}}', "https://a/b.mp4", False),
        ('{"video": null}', "", True),
        ('{"video": {"url": 7}}', "", False),
        ("{}", "", False),
        ("{", "", False),
    ],
)
def test_where_a_clip_lies(text: str, address: str, none: bool) -> None:
    assert (wire.address_in(text), wire.has_no_video(text)) == (address, none)


# --- lists


def page(*items: object, **more: object) -> str:
    return json.dumps({"items": list(items), "next_cursor": None, "has_more": False, **more})


def item(task: model.Task = TASK, **changes: object) -> wire.Json:
    form = FORMS[task.model]
    told = {**wire.fields(task, form), **changes}
    return {"request_id": "r-1", "endpoint_id": form.text, "sent_at": "2026-11-20T10:00:00Z", "json_input": told}


def test_a_page_says_where_the_next_one_begins() -> None:
    assert wire.page_of(page(item(), next_cursor="MQ==", has_more=True)).cursor == "MQ=="
    assert wire.page_of(page()) == wire.Page(())


def test_pictures_and_results_are_not_kept_of_a_list() -> None:
    entry = {**item(image_url="data:image/png;base64,AAAA"), "json_output": {"video": {"url": "u"}}}
    (kept,) = wire.page_of(page(entry)).items
    assert kept == item()
    bare = {**entry, "json_input": None}
    assert wire.page_of(page(bare)).items == ({**item(), "json_input": None},)


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"items": null}', page("x"), page({}), page({"request_id": "r-1"}), page(has_more=True)],
)
def test_a_page_that_cannot_be_read_is_not_the_end_of_the_list(text: str) -> None:
    with pytest.raises(ValueError, match="the list"):
        wire.page_of(text)


@pytest.mark.parametrize(
    ("task", "listed", "fit"),
    [
        (TASK, item(), model.Fit.DISCRIMINATED),
        # fal may have written what it was told in another way; the seed is ours alone.
        (TASK, item(prompt="a  cat", duration=4), model.Fit.DISCRIMINATED),
        (TASK, item(seed=7), None),
        (TASK, item(seed=None), model.Fit.PLAUSIBLE),
        (TASK, item(seed=None, prompt="a dog"), None),
        (TASK, {**item(), "json_input": None}, model.Fit.PLAUSIBLE),
        (TASK, {**item(), "endpoint_id": "fal-ai/veo3.1/image-to-video"}, model.Fit.DISCRIMINATED),
        (TASK, {**item(), "endpoint_id": "fal-ai/veo3.1/fast"}, None),
        (dataclasses.replace(TASK, seed_is_users=True), item(), model.Fit.PLAUSIBLE),
        (dataclasses.replace(TASK, seed_is_users=True), item(prompt="a dog"), None),
        (CLIP, item(CLIP), model.Fit.PLAUSIBLE),
        (CLIP, item(CLIP, duration=5), model.Fit.PLAUSIBLE),
        (CLIP, item(CLIP, duration="6"), None),
        (CLIP, item(CLIP, aspect_ratio="1:1"), None),
        (dataclasses.replace(TASK, width=1), item(), model.Fit.DISCRIMINATED),
        (dataclasses.replace(TASK, model="gone"), item(), None),
    ],
)
def test_what_the_list_echoes_tells_requests_apart(task: model.Task, listed: wire.Json, fit: model.Fit | None) -> None:
    found = wire.matches([listed], [task], FORMS)
    assert found == ((model.Match(task.attempt_id, wire.id_of(listed), fit),) if fit else ())


def test_matches_come_oldest_first() -> None:
    new, old = ({**item(), "request_id": name, "sent_at": at} for name, at in (("new", "2026-11-20"), ("old", "2026")))
    assert [match.job_id for match in wire.matches([new, old], [TASK], FORMS)] == [
        "fal-ai/veo3.1/old",
        "fal-ai/veo3.1/new",
    ]


def test_a_census_tells_ids_seeds_and_models() -> None:
    assert wire.listed(item(), FORMS) == model.ListedJob("fal-ai/veo3.1/r-1", seed=TASK.seed, model=VEO)
    silent = item(dataclasses.replace(TASK, model=SILENT))
    assert wire.listed(silent, FORMS).model == SILENT
    bare = {**item(), "json_input": None}
    assert wire.listed(bare, FORMS) == model.ListedJob("fal-ai/veo3.1/r-1")
    assert wire.listed({**item(), "endpoint_id": "fal-ai/flux"}, FORMS).model == ""


def test_a_price_goes_by_the_length_that_was_asked_for() -> None:
    assert wire.billed_seconds(item()) == 4.0
    assert wire.billed_seconds(item(duration="auto")) is None
    assert wire.billed_seconds({**item(), "json_input": None}) is None
    old, new = (model.Price(datetime.date(2026, 1, day), 100 * day, 5) for day in (1, 9))
    card = dataclasses.replace(CARD.models[0], prices=(new, old))
    assert wire.price(card, 2.5, datetime.date(2026, 1, 8)) == 255
    assert wire.price(card, 2.5, datetime.date(2026, 1, 9)) == 2255
    assert wire.price(card, 2.5, datetime.date(2025, 1, 1)) == 255
