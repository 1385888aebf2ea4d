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
_ATTEMPTS = "SELECT generation_id, state FROM attempts ORDER BY ordinal"


class Record:
    """The record, read only."""

    def __init__(self, file: pathlib.Path, time: clock.Clock) -> None:
        """Read the SQLite database `file`."""
        self._file = file
        self._clock = time
        self._states: Mapping[str, str] = {}
        self._attempts: Mapping[str, Sequence[str]] = {}

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once."""
        self._states, self._attempts = await asyncio.to_thread(self._read)

    def over(self, generation_id: str) -> bool:
        """Tell whether a generation had ended."""
        return self._states.get(_key(generation_id), "") in callers.ENDED

    def answered(self, generation_id: str) -> bool:
        """Tell whether the last attempt of a generation had left the hands of its worker."""
        attempts = self._attempts.get(_key(generation_id), ())
        return bool(attempts) and attempts[-1] not in BEFORE_ITS_ANSWER

    def _read(self) -> tuple[Mapping[str, str], Mapping[str, Sequence[str]]]:
        connection = sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=10.0)
        try:
            states = dict(connection.execute(_STATES).fetchall())
            attempts: dict[str, list[str]] = {}
            for generation_id, state in connection.execute(_ATTEMPTS):
                attempts.setdefault(generation_id, []).append(state)
            return states, attempts
        finally:
            connection.close()


def _key(generation_id: str) -> str:
    return uuid.UUID(generation_id).hex
