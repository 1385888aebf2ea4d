"""What media workers do: begin a step, finish it."""

import datetime
import uuid
from collections.abc import Mapping
from typing import Any

from reelmesh_kit import ids

from reelmesh_orchestrator import crash_points, ports
from reelmesh_orchestrator.model import advancing, draft, verbs
from reelmesh_orchestrator.usecases import transitions

# When a worker that finds a step held by a live one should ask again.
ASK_AGAIN = datetime.timedelta(seconds=15)


class Steps:
    """Steps are rows, each run has a fresh token that fences its result."""

    def __init__(self, record: ports.Record, fresh: ids.Ids, policy: advancing.Policy) -> None:
        """Take the record and the source of tokens."""
        self._record = record
        self._ids = fresh
        self._policy = policy

    async def begin(self, step_id: uuid.UUID, worker_id: str) -> tuple[draft.Aggregate | None, str]:
        """Take a step for a worker; return the generation, or None and the reason why not."""
        token = str(self._ids.fresh())

        def work(store: ports.Store) -> tuple[draft.Aggregate | None, str]:
            case = store.step_case(step_id)
            if case.aggregate is None:
                return None, "there is no such step"
            holder_lives = case.holder is not None and case.holder.active and case.holder.worker_id != worker_id
            refusal, final = transitions.on(
                store,
                case.aggregate,
                self._policy,
                lambda decided: verbs.begin_step(decided, step_id, worker_id, token, holder_lives),
            )
            return (None, refusal) if refusal else (final, "")

        with crash_points.BEGIN_STEP:
            return await self._record.write(work)

    async def finish(self, step_id: uuid.UUID, token: str, result: Mapping[str, Any]) -> bool:
        """Take the result of a run; False when its token is stale."""
        with crash_points.FINISH_STEP:
            return await self._record.write(
                lambda store: transitions.on_step(
                    store, step_id, self._policy, lambda decided: verbs.finish_step(decided, step_id, token, result)
                )
            )

    async def fail(self, step_id: uuid.UUID, token: str, trouble: verbs.StepTrouble) -> bool:
        """Take the failure of a run; False when its token is stale."""
        with crash_points.FAIL_STEP:
            return await self._record.write(
                lambda store: transitions.on_step(
                    store, step_id, self._policy, lambda decided: verbs.fail_step(decided, step_id, token, trouble)
                )
            )
