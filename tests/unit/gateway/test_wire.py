"""JSON and the public protos say the same."""

import datetime
import typing
from typing import Any

import pydantic
import pytest
from google.protobuf import descriptor, message, timestamp_pb2
from reelmesh.v1 import (
    account_service_pb2,
    asset_pb2,
    asset_service_pb2,
    generation_pb2,
    generation_service_pb2,
    pool_pb2,
    reconciliation_service_pb2,
    recovery_service_pb2,
)
from reelmesh_gateway.model import assets as model
from reelmesh_gateway.wire import accounts, assets, bodies, generations, parts, reconciliation, recovery
from reelmesh_json import messages

SAME_NAME: list[tuple[type[bodies.Body], Any]] = [
    (generations.OutputSpec, generation_pb2.OutputSpec),
    (generations.GenerationRequest, generation_service_pb2.GenerationRequest),
    (generations.Repeat, generation_service_pb2.Repeat),
    (parts.Rendition, generation_pb2.Rendition),
    (parts.Finding, generation_pb2.Finding),
    (parts.Failure, generation_pb2.Failure),
    (parts.Candidate, generation_pb2.Candidate),
    (parts.Attempt, generation_pb2.Attempt),
    (parts.Shot, generation_pb2.Shot),
    (parts.Take, generation_pb2.Take),
    (parts.Cancellation, generation_pb2.Cancellation),
    (generations.Generation, generation_pb2.Generation),
    (generations.GenerationEvent, generation_pb2.GenerationEvent),
    (generations.Progress, generation_service_pb2.Progress),
    (generations.ListGenerationsResponse, generation_service_pb2.ListGenerationsResponse),
    (generations.ListGenerationEventsResponse, generation_service_pb2.ListGenerationEventsResponse),
    (generations.QuoteGenerationResponse, generation_service_pb2.QuoteGenerationResponse),
    (generations.ListGenerationsQuery, generation_service_pb2.ListGenerationsRequest),
    (assets.Asset, asset_pb2.Asset),
    (recovery.AccountCensus, recovery_service_pb2.AccountCensus),
    (recovery.RecoveryReport, recovery_service_pb2.RecoveryReport),
    (recovery.GetRecoveryResponse, recovery_service_pb2.GetRecoveryResponse),
    (recovery.StartRecoveryRequest, recovery_service_pb2.StartRecoveryRequest),
    (recovery.StartRecoveryResponse, recovery_service_pb2.StartRecoveryResponse),
    (recovery.ReleaseAccountResponse, recovery_service_pb2.ReleaseAccountResponse),
    (recovery.Orphan, recovery_service_pb2.Orphan),
    (recovery.ListOrphansResponse, recovery_service_pb2.ListOrphansResponse),
    (recovery.ListOrphansQuery, recovery_service_pb2.ListOrphansRequest),
    *(
        (getattr(accounts, name), getattr(account_service_pb2, name))
        for name in (
            *("AccountModel", "Account", "ListAccountsResponse", "SwitchTarget", "Switch", "ListSwitchesResponse"),
            *("SwitchOffResponse", "SwitchOnResponse", "HealthEvent"),
            *("ListHealthEventsResponse", "ListPoolsResponse"),
        )
    ),
    (accounts.LaneWork, pool_pb2.LaneWork),
    (accounts.PoolWorker, pool_pb2.PoolWorker),
    (accounts.Pool, pool_pb2.Pool),
    (accounts.ListHealthEventsQuery, account_service_pb2.ListHealthEventsRequest),
    (reconciliation.DoubtfulAttempt, reconciliation_service_pb2.DoubtfulAttempt),
    (reconciliation.ListDoubtfulAttemptsResponse, reconciliation_service_pb2.ListDoubtfulAttemptsResponse),
    (reconciliation.ListDoubtfulAttemptsQuery, reconciliation_service_pb2.ListDoubtfulAttemptsRequest),
    (reconciliation.AdoptJobResponse, reconciliation_service_pb2.AdoptJobResponse),
    (reconciliation.ResubmitAttemptResponse, reconciliation_service_pb2.ResubmitAttemptResponse),
    (reconciliation.WriteOffAttemptResponse, reconciliation_service_pb2.WriteOffAttemptResponse),
]
# The path or the fields of the inner message stand for what is named here.
NEARLY: list[tuple[type[bodies.Body], set[str]]] = [
    (
        generations.CreateGenerationRequest,
        (set(generation_service_pb2.CreateGenerationRequest.DESCRIPTOR.fields_by_name) - {"generation"})
        | set(generation_service_pb2.GenerationRequest.DESCRIPTOR.fields_by_name),
    ),
    (
        generations.ListGenerationEventsQuery,
        set(generation_service_pb2.ListGenerationEventsRequest.DESCRIPTOR.fields_by_name) - {"generation_id"},
    ),
    (
        generations.WatchGenerationQuery,
        set(generation_service_pb2.WatchGenerationRequest.DESCRIPTOR.fields_by_name) - {"generation_id"},
    ),
    (
        assets.AssetWithUrl,
        (set(asset_service_pb2.GetAssetResponse.DESCRIPTOR.fields_by_name) - {"asset"})
        | set(asset_pb2.Asset.DESCRIPTOR.fields_by_name),
    ),
    (
        recovery.ReleaseAccountRequest,
        set(recovery_service_pb2.ReleaseAccountRequest.DESCRIPTOR.fields_by_name) - {"account_id"},
    ),
    *((body, {"target", "reason"}) for body in (accounts.SwitchOffRequest, accounts.SwitchOnRequest)),
    *(
        (body, set(proto.DESCRIPTOR.fields_by_name) - {"attempt_id"})
        for body, proto in (
            (reconciliation.AdoptJobRequest, reconciliation_service_pb2.AdoptJobRequest),
            (reconciliation.ResubmitAttemptRequest, reconciliation_service_pb2.ResubmitAttemptRequest),
            (reconciliation.WriteOffAttemptRequest, reconciliation_service_pb2.WriteOffAttemptRequest),
        )
    ),
]
ENUMS: list[tuple[Any, Any]] = [
    (generations.GenerationState, generation_pb2.GenerationState),
    (generations.Delivery, generation_pb2.Delivery),
    (parts.TakeState, generation_pb2.TakeState),
    (parts.ShotState, generation_pb2.ShotState),
    (parts.AttemptState, generation_pb2.AttemptState),
    (assets.AssetKind, asset_pb2.AssetKind),
    (recovery.RecoveryState, recovery_service_pb2.RecoveryState),
    (recovery.CensusState, recovery_service_pb2.CensusState),
    (recovery.OrphanEvidence, recovery_service_pb2.OrphanEvidence),
    (accounts.BreakerState, account_service_pb2.BreakerState),
    (accounts.HealthEventType, account_service_pb2.HealthEventType),
]


def name_of(pair: object) -> str:
    return getattr(pair, "__name__", "")


def filled(target: message.Message) -> message.Message:
    """Set every field of a message, to something that its default is not."""
    if isinstance(target, timestamp_pb2.Timestamp):
        target.FromDatetime(datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC))
        return target
    for field in target.DESCRIPTOR.fields:
        _fill(target, field)
    return target


def _fill(target: message.Message, field: Any) -> None:
    if messages.is_map(field):
        getattr(target, field.name)["key"] = "value"
    elif field.message_type is not None:
        inner = getattr(target, field.name)
        filled(inner.add() if field.is_repeated else inner)
    elif field.is_repeated:
        getattr(target, field.name).append(_value(field))
    else:
        setattr(target, field.name, _value(field))


def _value(field: Any) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    kind = descriptor.FieldDescriptor
    return {
        kind.CPPTYPE_STRING: "text",
        kind.CPPTYPE_BOOL: True,
        kind.CPPTYPE_DOUBLE: 1.5,
        kind.CPPTYPE_INT64: 2**53 + 1,
    }.get(field.cpp_type, 7)


@pytest.mark.parametrize(("body", "proto"), SAME_NAME, ids=name_of)
def test_a_body_has_the_fields_of_its_message_in_the_same_order(body: type[bodies.Body], proto: Any) -> None:
    assert list(body.model_fields) == [field.name for field in proto.DESCRIPTOR.fields]


@pytest.mark.parametrize(("body", "fields"), NEARLY, ids=name_of)
def test_a_body_that_stands_for_two_messages_has_the_fields_of_both(body: type[bodies.Body], fields: set[str]) -> None:
    assert set(body.model_fields) == fields


def test_no_body_was_forgotten_here() -> None:
    listed = {body for body, _ in [*SAME_NAME, *NEARLY]}
    written = {
        each
        for module in (generations, parts, assets, recovery, reconciliation, accounts)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, bodies.Body) and each.__module__ == module.__name__
    }

    assert written == listed


@pytest.mark.parametrize(("words", "enum"), ENUMS)
def test_an_enum_has_its_words_without_prefix_and_without_the_one_that_says_nothing(words: Any, enum: Any) -> None:
    assert list(typing.get_args(words)) == messages.words(enum.DESCRIPTOR)


@pytest.mark.parametrize(("body", "proto"), [each for each in SAME_NAME if "Query" not in each[0].__name__])
def test_what_is_rendered_is_what_the_schema_promises(body: type[bodies.Body], proto: Any) -> None:
    for instance in (proto(), filled(proto())):
        body.model_validate(messages.to_json(instance))


def test_every_field_of_a_request_arrives_and_comes_back_as_it_was() -> None:
    body = generations.GenerationRequest.model_validate(
        {
            "prompt": "灯台",
            "output": {"duration_seconds": 4, "aspect_ratio": "1:1", "audio": False, "width": 0},
            "reference_asset_ids": ["a", "b"],
            "model": "local/film",
            "labels": {"k": "v"},
            "max_cost_micros": 2**63 - 1,
            "deadline_time": "2026-12-24T18:00:00.123456Z",
            "fallback_floor": "INFOGRAPHIC",
            "seed": 2**32 - 1,
            "priority": 0,
            "user_id": "ada",
            "negative_prompt": "rain",
            "first_frame_asset_id": "c",
            "last_frame_asset_id": "d",
        }
    )

    sent = generations.to_request(body)

    assert messages.to_json(sent)["deadline_time"] == "2026-12-24T18:00:00.123456Z"
    again = messages.to_json(sent) | {"output": {**messages.to_json(sent.output)}}
    assert generations.to_request(generations.GenerationRequest.model_validate(again)) == sent
    assert sent.output.HasField("audio")
    assert sent.HasField("priority")


def test_what_a_request_leaves_out_stays_absent() -> None:
    sent = generations.to_request(generations.GenerationRequest(prompt="a"))

    assert [field.name for field, _ in sent.ListFields()] == ["prompt"]


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"promt": "a"}, 'Did you mean "prompt"?'),
        ({"prompt": "a", "zzz": 1}, "Known are: prompt, output"),
        ({"prompt": "a", "output": {"durationSeconds": 1}}, 'Did you mean "duration_seconds"?'),
    ],
)
def test_an_unknown_field_is_told_its_nearest_neighbour(given: dict[str, Any], hint: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=hint.replace("?", r"\?")):
        generations.GenerationRequest.model_validate(given)


def test_an_asset_survives_the_way_through_our_own_words() -> None:
    proto = typing.cast(asset_pb2.Asset, filled(asset_pb2.Asset()))

    assert assets.to_message(assets.from_message(proto)) == proto
    assert assets.to_message(assets.from_message(asset_pb2.Asset())) == asset_pb2.Asset()


def test_our_own_kinds_are_those_of_the_protos() -> None:
    assert list(model.Kind) == ["UNSPECIFIED", *messages.words(asset_pb2.AssetKind.DESCRIPTOR)]
