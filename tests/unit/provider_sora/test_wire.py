"""The OpenAI Videos dialect, as each server really answers."""

import dataclasses
import datetime
import json

import pytest
from reelmesh_kit import clock
from reelmesh_provider import model, testing
from reelmesh_provider_sora import wire

OPENAI, SGLANG, VLLM, LITELLM = (wire.PROFILES[name] for name in ("openai", "sglang", "vllm-omni", "litellm"))
TASK = testing.make_task(model="sora-2", duration_seconds=4.0, width=1280, height=720, prompt="a cat")
Verdict = model.Verdict


def error(message: str, code: str | None = None) -> str:
    return json.dumps({"error": {"message": message, "type": "x", "param": None, "code": code}})


def test_the_model_goes_only_to_servers_of_many() -> None:
    told, besides = wire.fields(TASK, OPENAI)
    assert (told, besides) == ({"prompt": "a cat", "seconds": "4", "size": "1280x720", "model": "sora-2"}, {})
    told, besides = wire.fields(dataclasses.replace(TASK, frames_per_second=24), SGLANG)
    assert ("model" in told, besides) == (False, {"seed": TASK.seed, "fps": 24})


@pytest.mark.parametrize("profile", [SGLANG, VLLM])
def test_what_is_not_wanted_is_said_to_servers_that_take_it(profile: wire.Profile) -> None:
    _, besides = wire.fields(dataclasses.replace(TASK, negative_prompt="rain"), profile)
    assert besides == {"seed": TASK.seed, "negative_prompt": "rain"}


@pytest.mark.parametrize("profile", [OPENAI, LITELLM])
def test_what_the_dialect_has_no_word_for_is_refused(profile: wire.Profile) -> None:
    with pytest.raises(wire.Impossible, match="takes no negative prompt"):
        wire.fields(dataclasses.replace(TASK, negative_prompt="rain"), profile)
    frame = model.Picture("frame", "image/png", b"")
    with pytest.raises(wire.Impossible, match="cannot end on a given frame"):
        wire.fields(dataclasses.replace(TASK, first_frame=frame, last_frame=frame), profile)


def test_the_first_frame_comes_before_references() -> None:
    frame, reference = (model.Picture(name, "image/png", b"") for name in ("frame", "reference"))
    assert wire.picture_of(dataclasses.replace(TASK, first_frame=frame, references=(reference,))) == frame
    assert wire.picture_of(dataclasses.replace(TASK, references=(reference,))) == reference
    assert wire.picture_of(TASK) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": ""}', '{"id": 7}', '{"status": "queued"}', "<html>"])
def test_a_create_whose_answer_has_no_id_is_unknown(text: str) -> None:
    answer = wire.accepted(text)
    assert isinstance(answer, model.Declined)
    assert answer.verdict is Verdict.UNKNOWN


def test_any_text_may_be_an_id() -> None:
    assert wire.accepted('{"id": "video_a+b/c=="}') == model.Accepted("video_a+b/c==")


@pytest.mark.parametrize(
    ("profile", "status", "text", "verdict"),
    [
        (OPENAI, 400, error("no", "invalid_value"), Verdict.REFUSED_FOR_GOOD),
        (OPENAI, 400, error("blocked", "moderation_blocked"), Verdict.UNSAFE),
        (OPENAI, 401, error("key", "invalid_api_key"), Verdict.REFUSED_FOR_GOOD),
        (OPENAI, 404, error("gone", "model_not_found"), Verdict.REFUSED_FOR_GOOD),
        (OPENAI, 404, error("The Videos API has been shut down."), Verdict.REFUSED_FOR_GOOD),
        (OPENAI, 410, error("gone"), Verdict.REFUSED_FOR_GOOD),
        (OPENAI, 429, error("slow down", "rate_limit_exceeded"), Verdict.BUSY),
        (OPENAI, 429, error("no money", "insufficient_quota"), Verdict.REFUSED_FOR_GOOD),
        (OPENAI, 503, error("overloaded"), Verdict.BUSY),
        (OPENAI, 500, error("oops"), Verdict.UNKNOWN),
        (OPENAI, 502, "<html>502 Bad Gateway</html>", Verdict.UNKNOWN),
        (OPENAI, 429, "<html>429 Too Many Requests</html>", Verdict.UNKNOWN),
        (OPENAI, 503, "", Verdict.UNKNOWN),
        (LITELLM, 429, error("upstream is busy"), Verdict.UNKNOWN),
        (LITELLM, 503, error("no deployment"), Verdict.UNKNOWN),
        (LITELLM, 400, error("bad size"), Verdict.REFUSED_FOR_GOOD),
        (SGLANG, 400, '{"detail": "prompt is required"}', Verdict.REFUSED_FOR_GOOD),
        (SGLANG, 503, '{"error": "Scheduler is not ready"}', Verdict.BUSY),
        (VLLM, 422, '{"detail": [{"loc": ["body", "seconds"], "msg": "bad"}]}', Verdict.REFUSED_FOR_GOOD),
        (VLLM, 400, error("Model mismatch"), Verdict.REFUSED_FOR_GOOD),
    ],
)
def test_only_the_servers_own_word_is_a_refusal(
    profile: wire.Profile, status: int, text: str, verdict: Verdict
) -> None:
    assert wire.declined(status, {}, text, profile).verdict is verdict


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0.5", 0.5), ("", 10.0), ("soon", 10.0), ("inf", 10.0)])
def test_a_busy_server_says_how_long(header: str, seconds: float) -> None:
    declined = wire.declined(429, {"retry-after": header}, error("busy"), OPENAI)
    assert declined.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (error("m", "c"), ("c", "m")),
        ('{"error": "text"}', ("", "text")),
        ('{"detail": "text"}', ("", "text")),
        ('{"detail": [{"loc": ["body", "seconds"], "msg": "bad"}, "odd"]}', ("", "body.seconds: bad; odd")),
        ('{"message": "text"}', ("", "text")),
        ('{"id": "x"}', None),
        ("{}", None),
        ("nothing", None),
        ("[1]", None),
    ],
)
def test_errors_come_in_many_shapes(text: str, told: tuple[str, str] | None) -> None:
    assert wire.problem_of(text) == told


@pytest.mark.parametrize(
    ("job", "state"),
    [
        ({"status": "queued"}, model.Pending(0, "queued")),
        ({"status": "in_progress", "progress": 42}, model.Pending(42)),
        ({"status": "processing", "progress": 100}, model.Pending(99)),
        ({"status": "in_progress", "progress": None}, model.Pending(None)),
        ({"status": "in_progress", "progress": "x"}, model.Pending(None)),
        ({"status": "completed"}, model.Succeeded()),
        ({"status": "SUCCEEDED", "revised_prompt": "b"}, model.Succeeded(remark="the server rewrote the prompt")),
        ({"status": "deleted"}, model.Negative(model.Outcome.CANCELLED, "the server says that it was stopped", 0)),
        ({"status": "failed", "error": {"message": "m"}}, model.Negative(model.Outcome.FAILED, "m", 0)),
        (
            {"status": "failed", "error": {"code": "moderation_blocked", "message": "m"}},
            model.Negative(model.Outcome.FILTERED, "m", 0),
        ),
        ({"status": "failed"}, model.Negative(model.Outcome.FAILED, "the server says failed", 0)),
    ],
)
def test_a_job_is_understood(job: wire.Json, state: model.JobState) -> None:
    assert wire.observed(job) == state


@pytest.mark.parametrize("job", [{"status": "thinking"}, {"status": None}, {}])
def test_a_word_that_nobody_knows_is_no_verdict(job: wire.Json) -> None:
    assert isinstance(wire.observed(job), model.Unknown)


def test_a_failed_job_may_come_as_an_error_of_http() -> None:
    text = json.dumps({"id": "x", "object": "video", "status": "failed", "error": {"code": 500, "message": "m"}})
    assert wire.seen(500, text) == model.Negative(model.Outcome.FAILED, "m", 0)


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (404, error("Video not found"), model.Missing),
        (404, '{"detail": "Video not found"}', model.Missing),
        (404, "<html>nginx</html>", model.Unknown),
        (500, error("oops"), model.Unknown),
        (429, error("slow"), model.Unknown),
        (200, '{"status": ', model.Unknown),
    ],
)
def test_an_error_is_no_verdict_on_a_job(status: int, text: str, kind: type[model.JobState]) -> None:
    assert isinstance(wire.seen(status, text), kind)


@pytest.mark.parametrize(
    ("job", "address"),
    [
        ({"url": "https://a/b.mp4"}, "https://a/b.mp4"),
        ({"url": None, "video_url": "https://a/c.mp4"}, "https://a/c.mp4"),
        ({"urls": ["https://a/d.mp4"]}, "https://a/d.mp4"),
        ({"output": [{"url": "https://a/e.mp4"}]}, "https://a/e.mp4"),
        ({"output": ["https://a/f.mp4"]}, "https://a/f.mp4"),
        ({"url": "/outputs/x.mp4", "file_path": "/outputs/x.mp4"}, ""),
        ({}, ""),
    ],
)
def test_the_clip_may_lie_elsewhere(job: wire.Json, address: str) -> None:
    assert wire.address_of(job) == address


def test_an_error_may_say_where_the_clip_lies() -> None:
    text = '{"detail": "Video has been uploaded to cloud storage. Please use the cloud URL: https://b/x.mp4"}'
    assert wire.cloud_address(text) == "https://b/x.mp4"
    assert wire.cloud_address('{"detail": "no"}') == ""


@pytest.mark.parametrize(
    ("status", "text", "gone"),
    [
        (410, error("whatever"), True),
        (404, error("The video has expired."), True),
        (404, '{"detail": "Generated video file not found on disk"}', True),
        (404, '{"detail": "Generation is still in-progress"}', False),
        (404, "<html>not available</html>", False),
        (500, error("The video has expired."), False),
    ],
)
def test_a_clip_is_lost_only_by_the_servers_own_word(status: int, text: str, gone: bool) -> None:
    assert bool(wire.lost(status, text)) is gone


def page(*jobs: object, more: bool = False) -> str:
    return json.dumps({"object": "list", "data": list(jobs), "has_more": more})


def test_a_page_says_where_the_next_one_begins() -> None:
    assert wire.page_of(page({"id": "b"}, {"id": "a"}, more=True)).after == "a"
    assert wire.page_of(page({"id": "b"})).after == ""
    assert wire.page_of(page(more=True)) == wire.Page(())


@pytest.mark.parametrize("text", ["", "{}", '{"data": null}', page({"id": 7}), page("x"), page({})])
def test_a_page_that_cannot_be_read_is_not_the_end_of_the_list(text: str) -> None:
    with pytest.raises(ValueError, match="the list"):
        wire.page_of(text)


def listed(**fields: object) -> wire.Json:
    return {"id": "j", "prompt": "a cat", "model": "sora-2", "size": "1280x720", "seconds": "4", **fields}


@pytest.mark.parametrize(
    ("profile", "job", "alike"),
    [
        (OPENAI, listed(), True),
        (OPENAI, listed(prompt="a dog"), False),
        (OPENAI, listed(prompt=None), True),
        (OPENAI, listed(model="sora-2-pro"), False),
        (OPENAI, listed(size="720x1280"), False),
        (OPENAI, listed(seconds="8"), False),
        (OPENAI, listed(seconds=None), True),
        (SGLANG, listed(prompt="a dog", model="Wan"), True),
        (SGLANG, listed(seconds="8"), False),
        (VLLM, listed(prompt="a dog"), False),
    ],
)
def test_what_a_list_echoes_tells_jobs_apart(profile: wire.Profile, job: wire.Json, alike: bool) -> None:
    found = wire.matches([job], [TASK], profile)
    assert found == ((model.Match(TASK.attempt_id, "j", model.Fit.PLAUSIBLE),) if alike else ())


def test_matches_come_oldest_first() -> None:
    jobs = [listed(id="new", created_at=20), listed(id="old", created_at=10)]
    assert [match.job_id for match in wire.matches(jobs, [TASK], OPENAI)] == ["old", "new"]


def test_a_list_that_goes_back_far_enough_need_not_be_read_on() -> None:
    since = datetime.datetime.fromtimestamp(100, clock.UTC)
    assert wire.reaches_back([listed(created_at=200), listed(created_at=99)], since)
    assert not wire.reaches_back([listed(created_at=200)], since)
    assert not wire.reaches_back([listed()], since)
    assert not wire.reaches_back([listed(created_at=1)], None)


def test_a_census_tells_ids_and_models() -> None:
    assert wire.listed(listed()) == model.ListedJob("j", model="sora-2")
    assert wire.listed({"id": "j"}) == model.ListedJob("j")
