"""What is stored as JSON is read by versions of ours that stand side by side."""

from reelmesh_orchestrator.adapters.sql import rows

from tests.support import orchestrator


def test_a_card_is_read_as_it_was_stored() -> None:
    assert rows.to_card(rows.of_card(orchestrator.PAID)) == orchestrator.PAID


def test_of_a_card_that_a_younger_version_stored_what_is_unknown_is_passed_over() -> None:
    stored = rows.of_card(orchestrator.PAID)
    models = [{**model, "smell": True} for model in stored["models"]]
    assert rows.to_card({**stored, "models": models, "mood": "sunny"}) == orchestrator.PAID
