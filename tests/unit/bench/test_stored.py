"""Copies of a finished generation."""

import datetime
import uuid

from bench import stored

NOON = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)
GENERATION, SHOT = uuid.UUID(int=1), uuid.UUID(int=2)
ORIGINAL = {
    "generations": [{"id": GENERATION, "tenant_id": "t", "create_time": NOON, "deadline_time": None}],
    "shots": [{"id": SHOT, "generation_id": GENERATION, "prompt": "a red kite"}],
    "provider_jobs": [{"job_id": "job", "attempt_id": SHOT}],
    "events": [{"position": 5, "id": uuid.UUID(int=3), "generation_id": GENERATION}],
}


def test_the_rows_of_a_copy_belong_together_and_to_nothing_else() -> None:
    one, other = stored.copy(ORIGINAL, 1), stored.copy(ORIGINAL, 2)
    assert one["shots"][0]["generation_id"] == one["generations"][0]["id"]
    assert one["provider_jobs"][0]["attempt_id"] == one["shots"][0]["id"]
    ids = [copy["generations"][0]["id"] for copy in (ORIGINAL, one, other)]
    assert len(set(ids)) == 3
    assert one["provider_jobs"][0]["job_id"] != other["provider_jobs"][0]["job_id"]
    assert one == stored.copy(ORIGINAL, 1)


def test_a_copy_is_earlier_and_otherwise_the_same() -> None:
    copied = stored.copy(ORIGINAL, 9)
    assert copied["generations"][0]["create_time"] == NOON - datetime.timedelta(seconds=10)
    assert copied["generations"][0]["deadline_time"] is None
    assert copied["shots"][0]["prompt"] == "a red kite"


def test_the_position_of_an_event_is_left_to_the_database() -> None:
    assert "position" not in stored.copy(ORIGINAL, 0)["events"][0]
