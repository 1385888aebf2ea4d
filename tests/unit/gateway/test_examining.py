"""Looking after services: how often they are asked, since when they are as they are, what operators are told."""

import asyncio
import datetime
import logging

import pytest
from reelmesh_gateway.model import condition
from reelmesh_gateway.usecases import examining
from reelmesh_kit import clock, errors

NOON = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
WELL = condition.Answer(True, ())
LOGGER = logging.getLogger("reelmesh.gateway")


class FakePeer:
    """A service that is as a test says."""

    def __init__(self) -> None:
        self.away = False
        self.answer = WELL
        self.asked = 0

    async def ask(self) -> condition.Answer:
        self.asked += 1
        await clock.SystemClock().sleep(0)
        if self.away:
            raise errors.Unavailable
        return self.answer


@pytest.fixture
def time() -> clock.ManualClock:
    return clock.ManualClock(NOON)


@pytest.fixture
def peer() -> FakePeer:
    return FakePeer()


@pytest.fixture
def examined(time: clock.ManualClock, peer: FakePeer) -> examining.Examining:
    return examining.Examining({"storage": examining.Peer(peer, needed=True)}, time, LOGGER)


async def test_asking_often_is_not_calling_often(
    examined: examining.Examining, time: clock.ManualClock, peer: FakePeer
) -> None:
    await asyncio.gather(*(examined.latest() for _ in range(50)))
    assert peer.asked == 1
    time.advance(examining.REPORT_LIFETIME_SECONDS)
    await examined.latest()
    assert peer.asked == 2


async def test_a_service_says_since_when_it_is_as_it_is(
    examined: examining.Examining, time: clock.ManualClock, peer: FakePeer
) -> None:
    seen: list[tuple[str, float]] = []
    for away in (False, True, True, False):
        peer.away = away
        (found,) = await examined.latest()
        seen.append((found.look.condition, (found.since - NOON).total_seconds()))
        time.advance(10)
    assert seen == [("ok", 0), ("down", 10), ("down", 10), ("ok", 30)]


async def test_operators_are_told_of_changes_once(
    examined: examining.Examining, time: clock.ManualClock, peer: FakePeer, caplog: pytest.LogCaptureFixture
) -> None:
    bus = condition.Part("bus", ok=False, needed=False, reason="UNAVAILABLE", since=None)
    with caplog.at_level(logging.INFO):
        for peer.away, peer.answer in [(False, WELL), (True, WELL), (True, WELL), (False, WELL)]:
            await examined.latest()
            time.advance(10)
        peer.answer = condition.Answer(True, (bus,))
        await examined.latest()
    assert [record.message for record in caplog.records] == [
        "storage is down. It does not answer.",
        "storage is well again.",
        "storage is degraded. It does less than it could: bus (UNAVAILABLE). Its logs say more.",
    ]


async def test_a_service_that_starts_beside_the_gateway_is_no_reason_to_warn_unless_it_takes_long(
    examined: examining.Examining, time: clock.ManualClock, peer: FakePeer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.away = True
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert (await examined.latest())[0].look.condition is condition.Condition.DOWN
            time.advance(examining.STARTING_SECONDS / 4)
        assert caplog.records == []
        for _ in range(3):
            time.advance(examining.STARTING_SECONDS / 4)
            await examined.latest()
    assert [record.message for record in caplog.records] == ["storage is down. It does not answer."]


async def test_callers_wait_until_those_that_are_needed_were_well_once(
    examined: examining.Examining, time: clock.ManualClock, peer: FakePeer
) -> None:
    peer.away = True
    with pytest.raises(errors.Unavailable, match="storage has not been well yet"):
        await examined.met()
    time.advance(examining.REPORT_LIFETIME_SECONDS)
    peer.away = False
    await examined.met()
    time.advance(examining.REPORT_LIFETIME_SECONDS)
    peer.away = True
    await examined.latest()
    await examined.met()


async def test_callers_do_not_wait_for_what_is_not_needed_nor_for_ever(time: clock.ManualClock, peer: FakePeer) -> None:
    peer.away = True
    unneeded = examining.Examining({"media": examining.Peer(peer, needed=False)}, time, LOGGER)
    await unneeded.met()
    needed = examining.Examining({"storage": examining.Peer(peer, needed=True)}, time, LOGGER)
    time.advance(examining.STARTING_SECONDS - 1)
    with pytest.raises(errors.Unavailable):
        await needed.met()
    time.advance(1)
    await needed.met()


async def test_what_was_well_once_is_told_of_at_once(
    examined: examining.Examining, time: clock.ManualClock, peer: FakePeer, caplog: pytest.LogCaptureFixture
) -> None:
    await examined.latest()
    time.advance(examining.REPORT_LIFETIME_SECONDS)
    peer.away = True
    await examined.latest()
    assert [record.message for record in caplog.records] == ["storage is down. It does not answer."]
