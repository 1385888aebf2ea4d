"""Looks into the record of the mesh, beside everybody who works: how far a film is, at no cost for who serves it."""

import asyncio
import pathlib
import sqlite3
import uuid
from collections.abc import Mapping, Sequence

from reelmesh_kit import clock

from tests.e2e import caller as callers

LOOK_SECONDS = 0.7
# An attempt in one of these may not have reached its vendor yet.
BEFORE_ITS_ANSWER = frozenset({"PLANNED", "DISPATCHED", "SUBMITTING"})
_STATES = "SELECT id, state FROM generations"
_ATTEMPTS = "SELECT generation_id, state, provider FROM attempts ORDER BY run, ordinal"
# Steps that pictures and sound are waited for with.
_STEPS = "SELECT generation_id, kind, state FROM steps WHERE state IN ('SENT', 'RUNNING')"
# By the generation: its state, provider and state of each attempt, and what it waits for beside them.
_Seen = tuple[Mapping[str, str], Mapping[str, Sequence[tuple[str, str]]], Mapping[str, Sequence[str]]]


class Record:
    """The record, read only."""

    def __init__(self, file: pathlib.Path, time: clock.Clock) -> None:
        """Read the SQLite database `file`."""
        self._file = file
        self._clock = time
        self._states: Mapping[str, str] = {}
        self._attempts: Mapping[str, Sequence[tuple[str, str]]] = {}
        self._steps: Mapping[str, Sequence[str]] = {}
        self._looked = asyncio.Event()

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once."""
        self._states, self._attempts, self._steps = await asyncio.to_thread(self._read)
        self._looked.set()
        self._looked = asyncio.Event()

    @property
    def now(self) -> float:
        """The run's clock, seconds."""
        return self._clock.elapsed()

    async def ended(self, generation_id: str, seconds: float) -> None:
        """Wait for the end of a generation, so long at most. Hundreds wait: they wake when something was seen."""
        gives_up = self.now + seconds
        while not self.over(generation_id) and self.now < gives_up:
            await self._looked.wait()

    def over(self, generation_id: str) -> bool:
        """Tell whether a generation had ended."""
        return self._states.get(_key(generation_id), "") in callers.ENDED

    def answered(self, generation_id: str) -> bool:
        """Tell whether the last attempt of a generation had left the hands of its worker."""
        attempts = self._attempts.get(_key(generation_id), ())
        return bool(attempts) and attempts[-1][1] not in BEFORE_ITS_ANSWER

    def standing(self, generation_id: str) -> str:
        """Return how far a generation was: its state, its attempts in order, and the steps that it waits for."""
        if not generation_id:
            return "is being asked for"
        key = _key(generation_id)
        tried = [f"{provider} {state}" for provider, state in self._attempts.get(key, ())]
        return ", ".join((self._states.get(key, "not seen yet"), *tried, *self._steps.get(key, ())))

    def _read(self) -> _Seen:
        connection = sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=10.0)
        try:
            states = dict(connection.execute(_STATES).fetchall())
            attempts: dict[str, list[tuple[str, str]]] = {}
            for generation_id, state, provider in connection.execute(_ATTEMPTS):
                attempts.setdefault(generation_id, []).append((provider, state))
            steps: dict[str, list[str]] = {}
            for generation_id, kind, state in connection.execute(_STEPS):
                steps.setdefault(generation_id, []).append(f"step {kind} {state}")
            return states, attempts, steps
        finally:
            connection.close()


def _key(generation_id: str) -> str:
    return uuid.UUID(generation_id).hex
