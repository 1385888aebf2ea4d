"""Whether the record still is what was seen of it: judged from marks that others carry."""

import dataclasses
import uuid

import pytest
from reelmesh_orchestrator.model import eras

from tests.support import orchestrator

ERA_ID, OTHER_ID = uuid.UUID(int=1), uuid.UUID(int=2)
EVENT_ID, OTHER_EVENT_ID = uuid.UUID(int=11), uuid.UUID(int=12)
ERA = eras.Era(1, ERA_ID, eras.EraState.STANDING, "system/1", "", "", orchestrator.NOW)
STANDING = eras.Standing(ERA, "system/1", 9, EVENT_ID, known_eras=frozenset({ERA_ID}), events={9: EVENT_ID})
MARK = eras.Mark(ERA_ID, 9, EVENT_ID)


def test_a_record_that_has_what_was_seen_of_it_is_the_one_that_was_seen() -> None:
    assert eras.trouble(STANDING, [MARK]) == ""
    assert eras.trouble(STANDING, []) == ""
    assert eras.trouble(STANDING, [eras.Mark(ERA_ID)]) == ""
    assert STANDING.mark == MARK


def test_a_record_without_an_era_is_not_judged() -> None:
    assert eras.trouble(eras.Standing(None, "system/1"), [MARK]) == ""
    assert eras.Standing(None, "system/1").mark is None


@pytest.mark.parametrize(
    ("standing", "mark", "said"),
    [
        pytest.param(
            dataclasses.replace(STANDING, identity="system/2"),
            MARK,
            "the database was system/1 and is system/2 now",
            id="a standby was promoted",
        ),
        pytest.param(
            dataclasses.replace(STANDING, head_position=7, events={}), MARK, "this record ends at 7", id="it is shorter"
        ),
        pytest.param(
            dataclasses.replace(STANDING, head_position=12, events={9: OTHER_EVENT_ID}),
            MARK,
            f"somebody has seen event {EVENT_ID} at position 9",
            id="it has grown since, but otherwise",
        ),
        pytest.param(
            dataclasses.replace(STANDING, known_eras=frozenset()),
            eras.Mark(OTHER_ID, 1, EVENT_ID),
            f"somebody has seen era {OTHER_ID}",
            id="it knows nothing of an era",
        ),
    ],
)
def test_a_record_that_went_back_is_told_by_what_was_seen_of_it(
    standing: eras.Standing, mark: eras.Mark, said: str
) -> None:
    assert said in eras.trouble(standing, [mark])
    assert said in eras.trouble(standing, [eras.Mark(ERA_ID), mark])


def test_marks_of_an_era_that_was_looked_through_tell_nothing_new() -> None:
    second = dataclasses.replace(ERA, number=2, id=OTHER_ID)
    standing = dataclasses.replace(STANDING, era=second, known_eras=frozenset({ERA_ID, OTHER_ID}), events={})
    assert eras.trouble(standing, [MARK]) == ""
    assert eras.trouble(standing, [eras.Mark(OTHER_ID, 9, EVENT_ID)])


def test_events_that_were_deleted_because_they_were_old_are_not_missed() -> None:
    pruned = dataclasses.replace(STANDING, era=dataclasses.replace(ERA, pruned_to=9), events={})
    assert eras.trouble(pruned, [MARK]) == ""
    assert eras.trouble(pruned, [eras.Mark(ERA_ID, 10, EVENT_ID)])


def test_an_era_that_only_others_know_is_named() -> None:
    assert eras.lost_era(STANDING, [MARK, eras.Mark(OTHER_ID)]) == OTHER_ID
    assert eras.lost_era(STANDING, [MARK]) is None


def test_of_two_marks_the_higher_is_kept_and_a_new_era_wins() -> None:
    higher = eras.Mark(ERA_ID, 10, OTHER_EVENT_ID)
    assert eras.later(MARK, higher) == eras.later(higher, MARK) == higher
    assert eras.later(higher, eras.Mark(OTHER_ID, 1)) == eras.Mark(OTHER_ID, 1)
    assert eras.later(None, MARK) == eras.later(MARK, None) == MARK


def test_a_revision_of_another_era_fences_nothing() -> None:
    second = dataclasses.replace(ERA, number=2)
    assert eras.fence(None, 7) == eras.fence(ERA, 7) == 7
    assert eras.fence(second, 7) not in {eras.fence(ERA, revision) for revision in range(1000)}
