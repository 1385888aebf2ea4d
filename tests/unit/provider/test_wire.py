"""Translation between messages and our words loses nothing."""

import dataclasses
import datetime

import pytest
from reelmesh.mesh.v1 import attempt_service_pb2, pool_service_pb2, task_pb2
from reelmesh_kit import errors
from reelmesh_provider import model, testing, wire
from reelmesh_provider.testing import scripted


def full_task() -> model.Task:
    return testing.make_task(
        user_id="ada",
        frames_per_second=24,
        audio=True,
        seed=2**32 - 1,
        seed_is_users=True,
        reference_asset_ids=("a", "b"),
        first_frame_asset_id="c",
        continued=True,
        price_micros=5_000_000,
        last_frame_asset_id="d",
        negative_prompt="rain",
    )


def test_a_task_survives_the_wire() -> None:
    assert wire.task_from(wire.task_to(full_task()).SerializeToString()) == full_task()


def test_every_field_of_the_message_is_read() -> None:
    names = {field.name for field in task_pb2.GenerateTask.DESCRIPTOR.fields}
    ours = {field.name for field in dataclasses.fields(model.Task)} - {"references", "first_frame", "last_frame"}
    assert names == ours


@pytest.mark.parametrize("field", ["attempt_id", "generation_id", "tenant_id", "account_id", "model"])
def test_a_task_that_lacks_what_no_task_can_do_without_is_refused(field: str) -> None:
    message = wire.task_to(full_task())
    message.ClearField(field)
    with pytest.raises(errors.InvalidArgument, match=field):
        wire.task_from(message.SerializeToString())


def test_what_is_no_task_is_refused() -> None:
    with pytest.raises(errors.InvalidArgument, match="GenerateTask"):
        wire.task_from(b"\xff\xff\xff")


def test_a_card_is_stated_whole() -> None:
    card = wire.card_to(scripted.scripted_card())
    assert card.recovery == pool_service_pb2.RECOVERY_EXACT
    (stated,) = card.models
    assert stated.prices[0].effective_on == "2026-01-01"
    assert stated.prices[0].micros_per_second == 100_000
    assert stated.retires_on == ""
    retiring = dataclasses.replace(
        scripted.scripted_card().models[0], retires_on=datetime.date(2027, 3, 1), sizes=("1280x720",)
    )
    card = wire.card_to(dataclasses.replace(scripted.scripted_card(), models=(retiring,)))
    assert card.models[0].retires_on == "2027-03-01"
    assert list(card.models[0].sizes) == ["1280x720"]


@pytest.mark.parametrize("recovery", list(model.Recovery))
def test_every_recovery_has_a_word_on_the_wire(recovery: model.Recovery) -> None:
    card = wire.card_to(dataclasses.replace(scripted.scripted_card(), recovery=recovery))
    assert pool_service_pb2.Recovery.Name(card.recovery) == f"RECOVERY_{recovery}"


@pytest.mark.parametrize("verdict", list(model.Verdict))
def test_every_verdict_has_a_word_on_the_wire(verdict: model.Verdict) -> None:
    request = wire.declined_to("a", "w", "n", model.Declined(verdict, "why"))
    assert attempt_service_pb2.Verdict.Name(request.verdict) == f"VERDICT_{verdict}"
    assert not request.HasField("retry_after")


def test_a_wait_that_the_provider_asked_for_is_told() -> None:
    request = wire.declined_to("a", "w", "n", model.Declined(model.Verdict.BUSY, "why", 1.5))
    assert request.retry_after.ToMilliseconds() == 1500


@pytest.mark.parametrize("outcome", list(model.Outcome))
def test_every_outcome_has_a_word_on_the_wire(outcome: model.Outcome) -> None:
    request = wire.ending_to(model.Ending("a", "w", "j", outcome))
    assert attempt_service_pb2.Outcome.Name(request.outcome) == f"OUTCOME_{outcome}"
    assert not request.HasField("cost_micros")
    assert not request.HasField("clip")


def test_a_cost_of_nothing_is_not_the_same_as_no_cost() -> None:
    request = wire.ending_to(model.Ending("a", "w", "j", model.Outcome.FAILED, cost_micros=0))
    assert request.HasField("cost_micros")


@pytest.mark.parametrize("evidence", list(model.Evidence))
def test_every_evidence_has_a_word_on_the_wire(evidence: model.Evidence) -> None:
    request = wire.fact_to(model.JobFact("a", "w", "j", evidence, "p"))
    assert attempt_service_pb2.Evidence.Name(request.evidence) == f"EVIDENCE_{evidence}"
    assert request.project == "p"


def test_an_answer_to_begin_that_says_nothing_is_no_leave() -> None:
    assert isinstance(wire.leave_of(attempt_service_pb2.BeginResponse()), model.Drop)


def test_a_go_carries_its_window() -> None:
    answer = attempt_service_pb2.BeginResponse()
    answer.go.submit_within.CopyFrom(wire.duration_to(1.25))
    assert wire.leave_of(answer) == model.Go(1.25)


def test_orders_are_read_whole() -> None:
    answer = pool_service_pb2.RenewLeaseResponse(
        held=True,
        lease=wire.duration_to(15),
        renew_every=wire.duration_to(5),
        watch=[pool_service_pb2.WatchOrder(task=wire.task_to(full_task()), job_id="j", cancel=True)],
        find=[
            pool_service_pb2.FindOrder(
                task=wire.task_to(full_task()), revision=3, wait=wire.duration_to(65), claimed_job_ids=["x"]
            )
        ],
        cancel=["c"],
        forget=["f"],
        cordoned=True,
        rates={"main": 0.5},
    )
    read = wire.answer_of(answer)
    assert read.watch == (model.WatchOrder(full_task(), "j", cancel=True),)
    assert read.find == (model.FindOrder(full_task(), 3, 65.0, rivals=1, claimed_job_ids=frozenset({"x"})),)
    assert (read.cancel, read.forget, read.cordoned, read.rates) == (("c",), ("f",), True, {"main": 0.5})


def test_a_clip_is_stored_as_provisional() -> None:
    header = wire.clip_header(full_task(), "asset")
    assert not header.HasField("expires_after")  # the default of clips: swept unless it is kept
    assert (header.tenant_id, header.user_id, header.content_type) == ("acme", "ada", "video/mp4")
