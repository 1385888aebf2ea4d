"""Gives attempts up that stay in doubt at an account of which was said beforehand how long that may last."""

import contextlib
import uuid
from collections.abc import Mapping

from reelmesh_kit import clock, errors

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import leases
from reelmesh_orchestrator.ports import accounts
from reelmesh_orchestrator.usecases import attempts

# What is waited for lasts hours.
EVERY_SECONDS = 60.0
# What one look reads at once.
BATCH = 500


class WritingOff:
    """One observer. Any number may run side by side: every move is guarded by the row."""

    def __init__(
        self,
        record: ports.Record,
        protocol: attempts.Attempts,
        listed: accounts.AccountList,
        time: clock.Clock,
        *,
        batch: int = BATCH,
    ) -> None:
        """Take what it works on, the observer's own clock, and how many attempts are read at once."""
        self._record = record
        self._attempts = protocol
        self._list = listed
        self._clock = time
        self._batch = batch
        self._seen = leases.Watch()

    async def run(self) -> None:
        """Look now and then, for ever."""
        # Begun anew after each failure: what nobody could look at for a while was not in doubt for so long.
        self._seen = leases.Watch()
        while True:
            await self.once()
            await self._clock.sleep(EVERY_SECONDS)

    async def once(self) -> None:
        """Write off what this observer has seen in doubt for as long as its account bears."""
        rules = self._list.write_offs()
        found = await self._in_doubt(rules)
        now = self._clock.elapsed()
        self._seen = self._seen.after({str(attempt_id): 1 for attempt_id in found}, now)
        for account_id, rule in rules.items():
            for key in self._seen.unchanged(now, rule.after_seconds):
                if found[uuid.UUID(key)] == account_id:
                    await self._write_off(uuid.UUID(key), account_id, rule)

    async def _write_off(self, attempt_id: uuid.UUID, account_id: str, rule: accounts.WriteOff) -> None:
        hours = f"{rule.after_seconds / 3600:g} hours"
        message = f"Written off as accounts.yaml says of account {account_id}: in doubt for more than {hours}"
        # It may have been found in this moment.
        with contextlib.suppress(errors.WrongState):
            await self._attempts.write_off(attempt_id, message, again=rule.resubmit)

    async def _in_doubt(self, rules: Mapping[str, accounts.WriteOff]) -> Mapping[uuid.UUID, str]:
        """Return the accounts of the attempts in doubt at them, by attempt."""
        found: dict[uuid.UUID, str] = {}
        if not rules:
            return found
        place: ports.DoubtPlace | None = None
        while True:
            page = await self._record.read(lambda store, behind=place: store.doubtful(behind, self._batch))
            found |= {doubt.attempt.id: doubt.attempt.account_id for doubt in page if doubt.attempt.account_id in rules}
            if len(page) < self._batch:
                return found
            place = ports.DoubtPlace(page[-1].since, page[-1].attempt.id)
