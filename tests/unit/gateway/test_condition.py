"""What the state of the services behind means for who calls the gateway."""

import datetime

import pytest
from reelmesh_gateway.model import condition

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
OK, DEGRADED, DOWN = condition.Condition.OK, condition.Condition.DEGRADED, condition.Condition.DOWN


def part(name: str = "database", *, ok: bool = True, needed: bool = True) -> condition.Part:
    return condition.Part(name, ok, needed, "" if ok else "UNAVAILABLE", NOON)


def look(*parts: condition.Part, needed: bool = True, silent: bool = False) -> condition.Look:
    ready = all(each.ok or not each.needed for each in parts)
    answer = None if silent else condition.Answer(ready, parts)
    return condition.Look("orchestrator", needed, answer, 1.0)


@pytest.mark.parametrize(
    ("seen", "expected", "cause"),
    [
        (look(), OK, ""),
        (look(part(), part("bus", needed=False)), OK, ""),
        (look(silent=True), DOWN, "It does not answer."),
        (
            look(part(ok=False), part("bus")),
            DOWN,
            "It cannot serve: database (UNAVAILABLE). Its logs say more.",
        ),
        (
            look(part(), part("bus", ok=False, needed=False)),
            DEGRADED,
            "It does less than it could: bus (UNAVAILABLE). Its logs say more.",
        ),
        (
            condition.Look("media", False, condition.Answer(False, ()), 1.0),
            DOWN,
            "It says that it cannot serve.",
        ),
    ],
)
def test_a_service_is_as_its_parts_are_and_says_which(seen: condition.Look, expected: str, cause: str) -> None:
    assert (seen.condition, condition.cause(seen)) == (expected, cause)


@pytest.mark.parametrize(
    ("looks", "draining", "expected"),
    [
        ([], False, OK),
        ([look(), look(needed=False)], False, OK),
        ([look(), look(needed=False, silent=True)], False, DEGRADED),
        ([look(part("bus", ok=False, needed=False)), look()], False, DEGRADED),
        ([look(silent=True), look()], False, DOWN),
        ([look(part(ok=False)), look()], False, DOWN),
        ([look(), look()], True, DOWN),
    ],
)
def test_the_gateway_is_down_only_without_what_it_needs(
    looks: list[condition.Look], draining: bool, expected: str
) -> None:
    seen = [condition.Seen(each, NOON) for each in looks]
    assert condition.overall(seen, draining=draining) is expected
