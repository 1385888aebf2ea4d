"""Pure translation between our nouns and the columns that hold them."""

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from reelmesh_kit import sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import (
    attempt,
    breaker,
    card,
    eras,
    facts,
    generation,
    health,
    recovering,
    repeats,
    shot,
    step,
)

Columns = sql.Columns


def of_generation(one: generation.Generation) -> Columns:
    """Return the columns of a generation."""
    columns = _columns(one)
    columns["output"] = dataclasses.asdict(one.output)
    columns["result"] = dataclasses.asdict(one.result)
    columns["failure"] = dataclasses.asdict(one.failure) if one.failure else None
    columns["labels"] = dict(one.labels)
    columns["takes"] = [dataclasses.asdict(take, dict_factory=_plain_dict) for take in one.takes]
    return columns


def to_generation(columns: Columns) -> generation.Generation:
    """Return the generation that a row holds."""
    failure = columns["failure"]
    values: Columns = {
        **columns,
        "state": generation.GenerationState(columns["state"]),
        "output": generation.Output(**columns["output"]),
        "reference_asset_ids": tuple(columns["reference_asset_ids"]),
        "fallback_floor": generation.Delivery(columns["fallback_floor"]),
        "delivery": generation.Delivery(columns["delivery"]),
        "result": _result(columns["result"]),
        "failure": generation.Failure(**failure) if failure else None,
        "takes": tuple(_take(take) for take in columns["takes"]),
    }
    return generation.Generation(**values)


def _result(stored: Mapping[str, Any]) -> generation.Result:
    return generation.Result(
        files=tuple(generation.File(**file) for file in stored["files"]),
        thumbnail_asset_id=stored["thumbnail_asset_id"],
        poster_asset_id=stored["poster_asset_id"],
        findings=tuple(generation.Finding(**finding) for finding in stored["findings"]),
        text=stored["text"],
        # Those of older releases have none.
        infographic=generation.File(**stored["infographic"]) if stored.get("infographic") else None,
    )


def _take(stored: Mapping[str, Any]) -> generation.Take:
    values: Columns = dict(stored)
    values.update(
        state=generation.TakeState(stored["state"]),
        attempt_id=uuid.UUID(stored["attempt_id"]) if stored["attempt_id"] else None,
        clip_asset_ids=tuple(stored["clip_asset_ids"]),
        create_time=datetime.datetime.fromisoformat(stored["create_time"]),
        result=_result(stored["result"]),
    )
    return generation.Take(**values)


def of_twins(twins: Sequence[repeats.Twin]) -> list[Columns]:
    """Return what the column of a call holds."""
    return [
        {
            "generation_id": str(one.generation_id),
            "first_id": str(one.first_id) if one.first_id else None,
            "count": one.count,
            "seen_time": one.seen_time.isoformat(),
        }
        for one in twins
    ]


def to_twins(stored: Sequence[Mapping[str, Any]]) -> list[repeats.Twin]:
    """Return the generations that the column of a call holds."""
    return [
        repeats.Twin(
            uuid.UUID(one["generation_id"]),
            uuid.UUID(one["first_id"]) if one["first_id"] else None,
            one["count"],
            datetime.datetime.fromisoformat(one["seen_time"]),
        )
        for one in stored
    ]


def of_shot(one: shot.Shot, generation_id: uuid.UUID) -> Columns:
    """Return the columns of a shot."""
    route = [_of_candidate(candidate) for candidate in one.route]
    return {**_columns(one), "generation_id": generation_id, "route": route}


def _of_candidate(candidate: shot.Candidate) -> dict[str, Any]:
    """Return a candidate as JSON; what is as ever is left out, for older versions of ours know nothing of it."""
    values = dataclasses.asdict(candidate)
    if not candidate.duration_seconds:
        del values["duration_seconds"]
    return values


def to_shot(columns: Columns) -> shot.Shot:
    """Return the shot that a row holds."""
    values = _without(columns, "generation_id")
    values.update(
        state=shot.ShotState(columns["state"]),
        route=tuple(shot.Candidate(**_known(shot.Candidate, two)) for two in columns["route"]),
    )
    return shot.Shot(**values)


def of_attempt(one: attempt.Attempt, of: generation.Generation) -> Columns:
    """Return the columns of an attempt."""
    return {**_columns(one), "generation_id": of.id, "tenant_id": of.tenant_id}


def to_attempt(columns: Columns) -> attempt.Attempt:
    """Return the attempt that a row holds."""
    values = _without(columns, "generation_id", "tenant_id")
    values.update(state=attempt.AttemptState(columns["state"]), ending=attempt.Ending(columns["ending"]))
    return attempt.Attempt(**values)


def of_step(one: step.Step, generation_id: uuid.UUID) -> Columns:
    """Return the columns of a step."""
    return {**_columns(one), "generation_id": generation_id, "result": dict(one.result)}


def to_step(columns: Columns) -> step.Step:
    """Return the step that a row holds."""
    values = _without(columns, "generation_id")
    values.update(
        kind=step.StepKind(columns["kind"]),
        state=step.StepState(columns["state"]),
        clip_asset_ids=tuple(columns["clip_asset_ids"]),
    )
    return step.Step(**values)


def to_lease(columns: Columns) -> ports.Lease:
    """Return the lease that a row holds."""
    return ports.Lease(*(columns[name] for name in ("worker_id", "kind", "pool", "renewals", "active")))


def to_account(columns: Columns) -> card.Account:
    """Return the account that a row holds."""
    return card.Account(**columns)


def to_claim(columns: Columns) -> ports.Claim:
    """Return what a row says about a provider's job."""
    job = facts.Job(columns["project"], columns["job_id"], columns["attempt_id"], facts.Evidence(columns["evidence"]))
    return ports.Claim(job, ended=columns["outcome"] != "")


def to_event(columns: Columns) -> ports.Event:
    """Return the event that a row holds."""
    return ports.Event(**columns)


def to_era(columns: Columns) -> eras.Era:
    """Return the era that a row holds."""
    values: Columns = {**columns, "state": eras.EraState(columns["state"])}
    return eras.Era(**values)


def to_census(columns: Columns) -> recovering.Census:
    """Return what a row says about an account."""
    values = _without(columns, "era", "update_time")
    values["state"] = recovering.CensusState(columns["state"])
    return recovering.Census(**values)


def of_found(found: recovering.Found) -> Columns:
    """Return the columns of a job that was found."""
    return _columns(found)


def to_found(columns: Columns) -> recovering.Found:
    """Return the job that a row holds."""
    values = _without(columns, "era", "create_time", "adopted_by")
    values["evidence"] = facts.Evidence(columns["evidence"])
    return recovering.Found(**values)


def of_era(era: eras.Era) -> Columns:
    """Return the columns of an era."""
    return _columns(era)


def of_census(census: recovering.Census) -> Columns:
    """Return the columns of what is known about an account."""
    return _columns(census)


def of_breaker(one: breaker.Breaker) -> Columns:
    """Return the columns of a breaker."""
    return _columns(one)


def to_breaker(columns: Columns) -> breaker.Breaker:
    """Return the breaker that a row holds."""
    values: Columns = {**columns, "state": breaker.BreakerState(columns["state"])}
    return breaker.Breaker(**values)


def of_target(target: health.Target) -> Columns:
    """Return the columns that say what is meant."""
    return _columns(target)


def _to_target(columns: Columns) -> health.Target:
    return health.Target(columns["provider"], columns["account_id"], columns["model"])


def of_switch(switch: health.Switch) -> Columns:
    """Return the columns of a switch."""
    return {**of_target(switch.target), "who": switch.who, "reason": switch.reason, "since": switch.since}


def to_health(now: datetime.datetime, found: Mapping[str, Sequence[Columns]]) -> health.Health:
    """Return what rows say about breakers, switches and, where that was asked, trials."""
    breakers = map(to_breaker, found["breakers"])
    return health.Health(
        now,
        {(one.account_id, one.model): one for one in breakers},
        tuple(
            health.Switch(_to_target(one), one["who"], one["reason"], one["since"])
            for one in sorted(found["switches"], key=lambda one: (one["since"], *_columns(_to_target(one)).values()))
        ),
        {(one["account_id"], one["model"]): one["number"] for one in found.get("trials", ())},
    )


def to_health_event(columns: Columns) -> ports.HealthEvent:
    """Return the event of a breaker or switch that a row holds."""
    return ports.HealthEvent(
        columns["position"],
        ports.HealthEventType(columns["type"]),
        _to_target(columns),
        columns["who"],
        columns["message"],
        columns["create_time"],
    )


def of_card(stated: card.Card) -> Columns:
    """Return a card as JSON can hold it."""
    return dataclasses.asdict(stated, dict_factory=_plain_dict)


def to_card(stored: Mapping[str, Any]) -> card.Card:
    """Return the card that was stored as JSON, by a younger version of ours perhaps: what is unknown is passed over."""
    values = _known(card.Card, stored)
    values.update(models=tuple(_model(model) for model in stored["models"]), recovery=card.Recovery(stored["recovery"]))
    return card.Card(**values)


def _model(stored: Mapping[str, Any]) -> card.ModelCard:
    prices = tuple(
        card.Price(
            datetime.date.fromisoformat(price["effective_on"]), price["micros_per_second"], price["micros_per_clip"]
        )
        for price in stored["prices"]
    )
    retires_on = stored["retires_on"]
    values = _known(card.ModelCard, stored)
    values.update(
        durations_seconds=tuple(stored["durations_seconds"]),
        sizes=tuple((width, height) for width, height in stored["sizes"]),
        prices=prices,
        retires_on=datetime.date.fromisoformat(retires_on) if retires_on else None,
    )
    return card.ModelCard(**values)


def _known(kind: type[card.Card | card.ModelCard | shot.Candidate], stored: Mapping[str, Any]) -> Columns:
    names = kind.__dataclass_fields__
    return {name: value for name, value in stored.items() if name in names}


def _plain_dict(pairs: list[tuple[str, Any]]) -> Columns:
    return {key: _as_json(value) for key, value in pairs}


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def _columns(one: Any) -> Columns:
    """Return the fields of a noun, with words in place of enums and lists in place of tuples."""
    return {name: _plain(getattr(one, name)) for name in one.__dataclass_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _without(columns: Columns, *names: str) -> Columns:
    values = dict(columns)
    for name in names:
        del values[name]
    return values
