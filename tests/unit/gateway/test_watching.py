"""Watching without gaps."""

from collections.abc import AsyncGenerator, Sequence

import pytest
from reelmesh_gateway.usecases import watching
from reelmesh_kit import chance, clock, errors

Item = tuple[int, str]


class Streams:
    """Streams of (sequence, word) that break as they are told to."""

    def __init__(self, *streams: Sequence[Item | type[Exception]]) -> None:
        self.opened_after: list[int] = []
        self.closed = 0
        self._streams = list(streams)

    async def open_after(self, sequence: int) -> AsyncGenerator[Item]:
        self.opened_after.append(sequence)
        try:
            for each in self._streams.pop(0):
                if isinstance(each, type):
                    raise each()
                yield each
        finally:
            self.closed += 1


def watch(streams: Streams, after: int = 0) -> AsyncGenerator[Item]:
    patient = watching.Watching(clock.ManualClock(), chance.SeededChance())
    return patient.without_gaps(streams.open_after, lambda item: item[0], after)


async def test_a_stream_that_ends_by_itself_is_the_end() -> None:
    streams = Streams([(4, "a"), (0, "progress"), (0, "ended")])

    assert [item async for item in watch(streams, 3)] == [(4, "a"), (0, "progress"), (0, "ended")]
    assert streams.opened_after == [3]


async def test_a_stream_that_breaks_is_opened_again_after_the_last_event_seen() -> None:
    streams = Streams([(1, "a"), (2, "b"), (0, "progress"), errors.Unavailable], [errors.Unavailable], [(3, "c")])

    assert [sequence for sequence, _ in [item async for item in watch(streams)]] == [1, 2, 0, 3]
    assert streams.opened_after == [0, 2, 2]


async def test_streams_that_break_before_they_tell_anything_are_given_up_at_last() -> None:
    streams = Streams(*([[errors.Unavailable]] * 50))

    with pytest.raises(errors.Unavailable):
        [item async for item in watch(streams)]

    assert len(streams.opened_after) == watching.REOPENINGS_LIMIT + 1


async def test_what_is_not_a_broken_connection_is_raised_at_once() -> None:
    streams = Streams([(1, "a"), errors.NotFound])

    with pytest.raises(errors.NotFound):
        [item async for item in watch(streams)]

    assert streams.opened_after == [0]


async def test_who_stops_watching_closes_the_stream() -> None:
    streams = Streams([(1, "a"), (2, "b")])
    watched = watch(streams)
    await anext(watched)

    await watched.aclose()

    assert streams.closed == 1
