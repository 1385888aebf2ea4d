"""Pure translation between our nouns and the columns that hold them."""

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from reelmesh_kit import sql

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import attempt, card, generation, shot, step

Row = sa.Row[Any]
Columns = dict[str, Any]


def of_generation(one: generation.Generation) -> Columns:
    """Return the columns of a generation."""
    columns = _columns(one)
    columns["output"] = dataclasses.asdict(one.output)
    columns["result"] = dataclasses.asdict(one.result)
    columns["failure"] = dataclasses.asdict(one.failure) if one.failure else None
    columns["labels"] = dict(one.labels)
    return columns


def to_generation(row: Row) -> generation.Generation:
    """Return the generation that a row holds."""
    values = sql.columns(row)
    values.update(
        state=generation.GenerationState(row.state),
        output=generation.Output(**row.output),
        reference_asset_ids=tuple(row.reference_asset_ids),
        fallback_floor=generation.Delivery(row.fallback_floor),
        delivery=generation.Delivery(row.delivery),
        result=_result(row.result),
        failure=generation.Failure(**row.failure) if row.failure else None,
    )
    return generation.Generation(**values)


def _result(stored: Mapping[str, Any]) -> generation.Result:
    return generation.Result(
        files=tuple(generation.File(**file) for file in stored["files"]),
        thumbnail_asset_id=stored["thumbnail_asset_id"],
        poster_asset_id=stored["poster_asset_id"],
        findings=tuple(generation.Finding(**finding) for finding in stored["findings"]),
        text=stored["text"],
    )


def of_shot(one: shot.Shot, generation_id: uuid.UUID) -> Columns:
    """Return the columns of a shot."""
    route = [dataclasses.asdict(candidate) for candidate in one.route]
    return {**_columns(one), "generation_id": generation_id, "route": route}


def to_shot(row: Row) -> shot.Shot:
    """Return the shot that a row holds."""
    values = _without(row, "generation_id")
    values.update(state=shot.ShotState(row.state), route=tuple(shot.Candidate(**two) for two in row.route))
    return shot.Shot(**values)


def of_attempt(one: attempt.Attempt, of: generation.Generation) -> Columns:
    """Return the columns of an attempt."""
    return {**_columns(one), "generation_id": of.id, "tenant_id": of.tenant_id}


def to_attempt(row: Row) -> attempt.Attempt:
    """Return the attempt that a row holds."""
    values = _without(row, "generation_id", "tenant_id")
    values.update(state=attempt.AttemptState(row.state), ending=attempt.Ending(row.ending))
    return attempt.Attempt(**values)


def of_step(one: step.Step, generation_id: uuid.UUID) -> Columns:
    """Return the columns of a step."""
    return {**_columns(one), "generation_id": generation_id, "result": dict(one.result)}


def to_step(row: Row) -> step.Step:
    """Return the step that a row holds."""
    values = _without(row, "generation_id")
    values.update(
        kind=step.StepKind(row.kind), state=step.StepState(row.state), clip_asset_ids=tuple(row.clip_asset_ids)
    )
    return step.Step(**values)


def to_event(row: Row) -> ports.Event:
    """Return the event that a row holds."""
    return ports.Event(**sql.columns(row))


def of_card(stated: card.Card) -> Columns:
    """Return a card as JSON can hold it."""
    return dataclasses.asdict(stated, dict_factory=_plain_dict)


def to_card(stored: Mapping[str, Any]) -> card.Card:
    """Return the card that was stored as JSON."""
    values: Columns = dict(stored)
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
    values: Columns = dict(stored)
    values.update(
        durations_seconds=tuple(stored["durations_seconds"]),
        sizes=tuple((width, height) for width, height in stored["sizes"]),
        prices=prices,
        retires_on=datetime.date.fromisoformat(retires_on) if retires_on else None,
    )
    return card.ModelCard(**values)


def _plain_dict(pairs: list[tuple[str, Any]]) -> Columns:
    return {key: value.isoformat() if isinstance(value, datetime.date) else value for key, value in pairs}


def _columns(one: Any) -> Columns:
    """Return the fields of a noun, with words in place of enums and lists in place of tuples."""
    return {field.name: _plain(getattr(one, field.name)) for field in dataclasses.fields(one)}


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _without(row: Row, *names: str) -> Columns:
    return {key: value for key, value in sql.columns(row).items() if key not in names}
