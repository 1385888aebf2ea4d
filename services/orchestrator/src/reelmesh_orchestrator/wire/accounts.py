"""Accounts, breakers and switches, as operators are told of them."""

import datetime

from google.protobuf import timestamp_pb2
from reelmesh.v1 import account_service_pb2
from reelmesh_kit import errors

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import card, health


def account_to_proto(seen: ports.SeenAccount) -> account_service_pb2.Account:
    """Return an account with its models."""
    one = seen.account
    return account_service_pb2.Account(
        id=one.id,
        provider=one.provider,
        slots=one.slots,
        in_flight=seen.load.in_flight,
        waiting=seen.load.waiting,
        enabled=one.enabled,
        exclusive=one.exclusive,
        models=[_model_to_proto(seen, model) for model in seen.models],
    )


def _model_to_proto(seen: ports.SeenAccount, model: card.ModelCard) -> account_service_pb2.AccountModel:
    known = seen.breaker(model)
    said = [words for words in (known.reason, known.message) if words]
    return account_service_pb2.AccountModel(
        model=model.model,
        breaker=f"BREAKER_STATE_{known.state}",
        breaker_time=_stamp(known.since),
        trial_time=_stamp(known.trial_time),
        rest_time=_stamp(known.rest_until if known.resting(seen.health.now) else None),
        failed_submits=known.failed_submits,
        failed_jobs=known.failed_jobs,
        message=": ".join(said),
        switched_off=seen.is_off(model),
        retire_date=model.retires_on.isoformat() if model.retires_on else "",
    )


def target_from_proto(target: account_service_pb2.SwitchTarget) -> health.Target:
    """Return what a switch is about, unchecked."""
    return health.Target(target.provider, target.account_id, target.model)


def _target_to_proto(target: health.Target) -> account_service_pb2.SwitchTarget:
    return account_service_pb2.SwitchTarget(provider=target.provider, account_id=target.account_id, model=target.model)


def switch_to_proto(switch: health.Switch) -> account_service_pb2.Switch:
    """Return a switch."""
    return account_service_pb2.Switch(
        target=_target_to_proto(switch.target),
        operator=switch.who,
        reason=switch.reason,
        create_time=_stamp(switch.since),
    )


def health_event_to_proto(event: ports.HealthEvent) -> account_service_pb2.HealthEvent:
    """Return what happened to a breaker or switch."""
    return account_service_pb2.HealthEvent(
        type=f"HEALTH_EVENT_TYPE_{event.type}",
        target=_target_to_proto(event.target),
        operator=event.who,
        message=event.message,
        create_time=_stamp(event.create_time),
    )


def position_from_token(token: str) -> int | None:
    """Return where a page of the history begins; None for the first.

    Raises:
        errors.InvalidArgument: it is no token of ours.
    """
    if not token:
        return None
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        raise errors.InvalidArgument("page_token", "is none that a page of this list has returned")
    return int(token)


def _stamp(moment: datetime.datetime | None) -> timestamp_pb2.Timestamp | None:
    if moment is None:
        return None
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(moment)
    return stamp
