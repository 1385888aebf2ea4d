"""What is stored as JSON is read by versions of ours that stand side by side."""

import uuid

from reelmesh_orchestrator.adapters.sql import rows
from reelmesh_orchestrator.model import shot

from tests.support import orchestrator


def test_a_card_is_read_as_it_was_stored() -> None:
    assert rows.to_card(rows.of_card(orchestrator.PAID)) == orchestrator.PAID


def test_of_a_card_that_a_younger_version_stored_what_is_unknown_is_passed_over() -> None:
    stored = rows.of_card(orchestrator.PAID)
    models = [{**model, "smell": True} for model in stored["models"]]
    assert rows.to_card({**stored, "models": models, "mood": "sunny"}) == orchestrator.PAID


def test_a_route_is_read_as_it_was_stored_by_older_and_younger_versions() -> None:
    plain = shot.Candidate("a", "p", "m", 1, free=False, struck=False, reason="makes it")
    longer = shot.Candidate("b", "p", "m", 1, free=False, struck=False, reason="makes it", duration_seconds=6.0)
    one = shot.Shot(uuid.UUID(int=1), 0, shot.ShotState.READY, "x", 5.0, continues=False, route=(plain, longer))
    stored = dict(rows.of_shot(one, uuid.UUID(int=2)))
    assert rows.to_shot(stored) == one
    # An older version reads what has nothing new in it.
    assert ["duration_seconds" in each for each in stored["route"]] == [False, True]
    younger = [{**each, "smell": True} for each in stored["route"]]
    assert rows.to_shot({**stored, "route": younger}) == one
