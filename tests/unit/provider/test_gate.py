"""The gate: leave is asked for once, the window starts before the first sending, nothing leaves after it."""

import pytest
from reelmesh_kit import clock
from reelmesh_kit import errors as kit_errors
from reelmesh_provider import errors, gate, model


class Orchestrator:
    """Answers Begin as told, one answer or error after the other; each takes `seconds`."""

    def __init__(
        self, time: clock.ManualClock, *answers: model.Go | model.Drop | Exception, seconds: float = 0
    ) -> None:
        self.nonces: list[str] = []
        self._time = time
        self._answers = list(answers)
        self._seconds = seconds

    async def ask(self, nonce: str) -> model.Go | model.Drop:
        self.nonces.append(nonce)
        self._time.advance(self._seconds)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def time() -> clock.ManualClock:
    return clock.ManualClock()


def make(time: clock.ManualClock, orchestrator: Orchestrator, **closing) -> gate.Gate:
    return gate.Gate(clock=time, nonce="nonce-1", ask=orchestrator.ask, **closing)


async def test_within_the_window_every_check_passes(time: clock.ManualClock) -> None:
    own = make(time, Orchestrator(time, model.Go(1.0)))
    await own.begin()
    own.check()
    time.advance(0.99)
    own.check()


async def test_a_process_that_slept_past_the_window_may_not_go_on(time: clock.ManualClock) -> None:
    own = make(time, Orchestrator(time, model.Go(1.0)))
    await own.begin()
    time.advance(1.0)
    with pytest.raises(errors.WindowPassed):
        own.check()


async def test_a_lost_answer_is_asked_for_again_with_the_same_nonce(time: clock.ManualClock) -> None:
    orchestrator = Orchestrator(time, kit_errors.Unavailable(), kit_errors.DeadlineExceeded(), model.Go(1.0))
    own = make(time, orchestrator)
    await own.begin()
    assert orchestrator.nonces == ["nonce-1"] * 3


async def test_the_window_starts_before_the_first_sending_not_before_the_last(time: clock.ManualClock) -> None:
    orchestrator = Orchestrator(time, kit_errors.DeadlineExceeded(), model.Go(1.0), seconds=0.6)
    own = make(time, orchestrator)
    with pytest.raises(errors.WindowPassed):
        await own.begin()
    assert len(orchestrator.nonces) == 2
    assert own.granted


async def test_an_answer_that_was_read_too_late_opens_nothing(time: clock.ManualClock) -> None:
    own = make(time, Orchestrator(time, model.Go(1.0), seconds=1.5))
    with pytest.raises(errors.WindowPassed):
        await own.begin()


async def test_no_leave_means_dropped_with_the_reason(time: clock.ManualClock) -> None:
    own = make(time, Orchestrator(time, model.Drop("a sibling is unresolved", come_again=True)))
    with pytest.raises(errors.Dropped, match="sibling") as caught:
        await own.begin()
    assert caught.value.come_again
    assert not own.granted


@pytest.mark.parametrize("error", [kit_errors.NotFound(), kit_errors.WrongState(), kit_errors.PermissionDenied()])
async def test_what_will_not_change_by_asking_again_is_no_leave(time: clock.ManualClock, error: Exception) -> None:
    orchestrator = Orchestrator(time, error)
    with pytest.raises(errors.Dropped):
        await make(time, orchestrator).begin()
    assert len(orchestrator.nonces) == 1


async def test_an_orchestrator_that_stays_silent_means_not_sent(time: clock.ManualClock) -> None:
    orchestrator = Orchestrator(time, kit_errors.Unavailable())
    own = make(time, orchestrator)
    with pytest.raises(errors.WindowPassed, match="not answered"):
        await own.begin()
    assert own.asked
    assert not own.granted
    assert time.elapsed() <= gate.BEGIN_PATIENCE_SECONDS


async def test_one_gate_is_one_request(time: clock.ManualClock) -> None:
    own = make(time, Orchestrator(time, model.Go(1.0)))
    await own.begin()
    with pytest.raises(errors.GateMisused):
        await own.begin()


async def test_checking_before_beginning_is_a_mistake(time: clock.ManualClock) -> None:
    with pytest.raises(errors.GateMisused):
        make(time, Orchestrator(time, model.Go(1.0))).check()


async def test_a_closed_gate_asks_nobody(time: clock.ManualClock) -> None:
    orchestrator = Orchestrator(time, model.Go(1.0))
    own = make(time, orchestrator, closed=lambda: "the worker is shutting down")
    with pytest.raises(errors.Dropped, match="shutting down"):
        await own.begin()
    assert orchestrator.nonces == []
    assert not own.asked


async def test_a_lost_lease_stops_what_began(time: clock.ManualClock) -> None:
    lost = ""
    own = make(time, Orchestrator(time, model.Go(1.0)), lost=lambda: lost)
    await own.begin()
    lost = "the worker lost its lease"
    with pytest.raises(errors.WindowPassed, match="lost its lease"):
        own.check()
