"""Numbers about what is at work: shown as they are, and not at all while nobody knows them."""

import dataclasses
import datetime

import prometheus_client
import pytest
from prometheus_client import exposition
from reelmesh_kit import clock, errors
from reelmesh_orchestrator import metrics
from reelmesh_orchestrator.model import attempt, generation
from reelmesh_orchestrator.ports import counting as ports
from reelmesh_orchestrator.usecases import counting

NOTHING = ports.Tally({}, {}, {})
BUSY = ports.Tally(
    {"QUEUED": 3, "GENERATING": 2},
    {("paid", "ACCEPTED"): 2, ("paid", "INDETERMINATE"): 1},
    {"bus": ports.Waiting(7, 12.5)},
)


class FakeCounts:
    """Says what a test says."""

    def __init__(self) -> None:
        self.answer: ports.Tally | Exception = NOTHING
        self.asked = 0

    async def tally(self) -> ports.Tally:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def registry() -> prometheus_client.CollectorRegistry:
    return prometheus_client.CollectorRegistry()


@pytest.fixture
def counts() -> FakeCounts:
    return FakeCounts()


@pytest.fixture
def shown(registry: prometheus_client.CollectorRegistry) -> metrics.Metrics:
    return metrics.Metrics(registry)


@pytest.fixture
def counted(counts: FakeCounts, shown: metrics.Metrics) -> counting.Counting:
    return counting.Counting(counts, shown, clock.ManualClock())


async def test_what_is_at_work_is_shown_by_state_account_and_lane(counted, counts, registry) -> None:
    counts.answer = BUSY
    await counted.once()
    assert registry.get_sample_value("orchestrator_generations", {"state": "QUEUED"}) == 3
    assert registry.get_sample_value("orchestrator_attempts", {"account_id": "paid", "state": "INDETERMINATE"}) == 1
    assert registry.get_sample_value("orchestrator_outbox_messages", {"lane": "bus"}) == 7
    assert registry.get_sample_value("orchestrator_outbox_oldest_seconds", {"lane": "bus"}) == 12.5


async def test_a_state_that_nothing_is_in_is_zero_and_an_end_is_not_shown(counted, counts, registry) -> None:
    counts.answer = BUSY
    await counted.once()
    for state in generation.GenerationState:
        expected = None if state in generation.ENDED else BUSY.generations.get(state.value, 0)
        assert registry.get_sample_value("orchestrator_generations", {"state": state.value}) == expected
    for state in attempt.AttemptState:
        shown = registry.get_sample_value("orchestrator_attempts", {"account_id": "paid", "state": state.value})
        assert (shown is None) == (state not in attempt.UNBEGUN | attempt.UNRESOLVED)
    assert registry.get_sample_value("orchestrator_outbox_messages", {"lane": "storage"}) == 0


async def test_what_is_over_is_no_longer_shown(counted, counts, registry) -> None:
    for counts.answer in (BUSY, NOTHING):
        await counted.once()
    assert registry.get_sample_value("orchestrator_attempts", {"account_id": "paid", "state": "ACCEPTED"}) is None
    assert registry.get_sample_value("orchestrator_generations", {"state": "QUEUED"}) == 0
    assert registry.get_sample_value("orchestrator_outbox_oldest_seconds", {"lane": "bus"}) == 0


@pytest.mark.parametrize("trouble", [errors.Unavailable(), errors.DeadlineExceeded()])
async def test_numbers_that_nobody_knows_are_not_shown(counted, counts, registry, trouble) -> None:
    for counts.answer in (BUSY, trouble):
        await counted.once()
    assert b'state="' not in exposition.generate_latest(registry)
    counts.answer = BUSY
    await counted.once()
    assert registry.get_sample_value("orchestrator_generations", {"state": "QUEUED"}) == 3


async def test_a_fault_of_ours_is_not_hidden(counted, counts) -> None:
    counts.answer = TypeError("a fault")
    with pytest.raises(TypeError):
        await counted.once()


async def test_the_queue_has_a_length_beside_its_limit_and_accounts_have_slots(
    counted, shown, counts, registry
) -> None:
    counts.answer = dataclasses.replace(BUSY, slots={"paid": 4})
    shown.limit(50)
    await counted.once()
    assert registry.get_sample_value("orchestrator_queue_length", {"scope": "mesh"}) == 5
    assert registry.get_sample_value("orchestrator_queue_limit", {"scope": "mesh"}) == 50
    assert registry.get_sample_value("orchestrator_account_slots", {"account_id": "paid"}) == 4
    counts.answer = errors.Unavailable()
    await counted.once()
    assert registry.get_sample_value("orchestrator_queue_length", {"scope": "mesh"}) is None
    assert registry.get_sample_value("orchestrator_queue_limit", {"scope": "mesh"}) == 50


async def test_a_model_that_ends_has_days_left(counted, counts, registry) -> None:
    left = {("sora", "sora-2"): datetime.timedelta(days=12), ("veo", "gone"): datetime.timedelta(days=-1)}
    counts.answer = dataclasses.replace(NOTHING, retirements=left)
    await counted.once()
    name = "orchestrator_model_retirement_days"
    assert registry.get_sample_value(name, {"provider": "sora", "model": "sora-2"}) == 12
    assert registry.get_sample_value(name, {"provider": "veo", "model": "gone"}) == -1
