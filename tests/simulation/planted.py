"""Classic bugs, put in when the mesh is composed: each is a subclass or a wrapper in the place of what ships."""

import contextlib
import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import sqlalchemy as sa
from reelmesh.mesh.v1 import attempt_service_pb2
from reelmesh_kit import errors, rpc, sql
from reelmesh_orchestrator.adapters.sql import tables
from reelmesh_orchestrator.model import attempt, machine
from reelmesh_provider import gate, model
from reelmesh_provider.model import finding as finding_model
from reelmesh_provider.worker import Surroundings, Worker, finding, submitting
from typing_extensions import override

from tests.simulation import databases, dialect, hosts, loop, services

# How long an early acknowledgement is ahead of its commit.
LAG_SECONDS = 0.3


class AckBeforeCommit:
    """A database that answers as soon as the work is done, and commits a moment later."""

    def __init__(self, inner: sql.Database, host: hosts.Host) -> None:
        """Put it before a database, in the process of a host."""
        self._inner = inner
        self._host = host

    async def write(self, work: sql.Work[Any]) -> Any:
        """Run work, answer, and only then see to it that it is on disk."""
        results: list[Any] = []
        with contextlib.suppress(_LaterError):
            await self._inner.write(lambda transaction: _tried(work, transaction, results))
        assert self._host.process is not None
        self._host.process.spawn(self._commit(work))
        return results[0]

    async def read(self, work: sql.Work[Any]) -> Any:
        """Run work that changes nothing."""
        return await self._inner.read(work)

    async def glance(self, work: sql.Work[Any]) -> Any:
        """Run work that changes nothing."""
        return await self._inner.glance(work)

    async def close(self) -> None:
        """Close nothing."""

    async def _commit(self, work: sql.Work[Any]) -> None:
        await loop.passing(LAG_SECONDS)
        with contextlib.suppress(errors.ReelmeshError, machine.RefusedError):
            await self._inner.write(work)


class _LaterError(Exception):
    """Rolls back what is to be done again."""


def _tried(work: sql.Work[Any], transaction: sql.Transaction, results: list[Any]) -> None:
    results.append(work(transaction))
    raise _LaterError


class Resubmitting(dialect.Dialect):
    """A provider that asks again when a connection breaks."""

    @override
    async def submit(self, task: model.Task, gate: gate.Gate) -> model.Submitted:
        """Ask until there is an answer."""
        try:
            return await super().submit(task, gate)
        except ConnectionResetError:
            return await self._vendor.send(task)


class WindowFromReply(gate.Gate):
    """A gate whose window opens when the answer to Begin is read."""

    @override
    async def _answer(self, started: float) -> model.Go | model.Drop:
        answer = await super()._answer(started)
        if isinstance(answer, model.Drop):
            return answer
        return model.Go(answer.submit_within_seconds + self._clock.elapsed() - started)


class SubmittingFromReply(submitting.Submitting):
    """Submitting through such gates."""

    @override
    def _gate(self, task: model.Task, worker_id: str) -> gate.Gate:
        plain = super()._gate(task, worker_id)
        return WindowFromReply(
            clock=plain._clock, nonce=plain.nonce, ask=plain._ask, closed=plain._closed, lost=plain._lost
        )


class WorkerFromReply(Worker):
    """A worker that submits so."""

    def __init__(self, around: Surroundings, name: str) -> None:
        """Replace the submitting part."""
        super().__init__(around, name)
        self._submitting = SubmittingFromReply(around, self._lease, self._observing.watch)


class FindingAtConclusion(finding.Finding):
    """Finding that measures its wait when it concludes, and not when the list was asked for; one list is enough.

    Where two lists are asked for, as is shipped, the second one starts after the wait in any case: the mistake alone
    would do no harm.
    """

    @override
    async def _judge_all(
        self, account_id: str, searches: list[model.Search], listing: model.Listing, started: float
    ) -> None:
        hasty = [dataclasses.replace(search, clean_lists=finding_model.CLEAN_LISTS - 1) for search in searches]
        for search in hasty:
            if search.order.task.attempt_id in self._searches:
                self._searches[search.order.task.attempt_id] = search
        await super()._judge_all(account_id, hasty, listing, self._around.chassis.clock.elapsed())


class WorkerAtConclusion(Worker):
    """A worker that finds so."""

    def __init__(self, around: Surroundings, name: str) -> None:
        """Replace the finding part."""
        super().__init__(around, name)
        self._finding = FindingAtConclusion(around, self._lease, self._observing, self._heard, self._to_look)
        self._rounds._sought = self._finding


class RefusingServer:
    """Has the service of attempts registered with a Record that throws late ids away."""

    def __init__(self, server: Any, record: databases.InLoop) -> None:
        """Stand before a server."""
        self._server = server
        self._record = record

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Pass on."""
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Replace one."""
        plain = handlers["Record"]

        async def record(request: attempt_service_pb2.RecordRequest, context: Any) -> Any:
            if self._is_concluded(uuid.UUID(request.attempt_id)):
                return attempt_service_pb2.RecordResponse()
            return await plain.unary_unary(request, context)

        refusing = grpc.unary_unary_rpc_method_handler(
            record, request_deserializer=plain.request_deserializer, response_serializer=plain.response_serializer
        )
        self._server.add_registered_method_handlers(service, {**handlers, "Record": refusing})

    def _is_concluded(self, attempt_id: uuid.UUID) -> bool:
        states = sa.select(tables.ATTEMPTS.c.state).where(tables.ATTEMPTS.c.id == attempt_id)
        row = self._record.look(lambda transaction: transaction.row(states))
        return row is not None and row.state == attempt.AttemptState.NEVER_CREATED


def refusing_late(services_: Sequence[rpc.Service], record: databases.InLoop) -> Sequence[rpc.Service]:
    """Return the services with an AttemptService that refuses late ids."""

    def refusing(plain: rpc.Service) -> rpc.Service:
        return rpc.Service(plain.name, lambda server: plain.register(_as_server(RefusingServer(server, record))))

    return [refusing(each) if each.name.endswith(".AttemptService") else each for each in services_]


def _as_server(stand_in: Any) -> grpc.aio.Server:
    return stand_in


BUGS: Mapping[str, services.Wiring] = {
    "ack before commit": services.Wiring(record=AckBeforeCommit),
    "resubmit on timeout": services.Wiring(speak=Resubmitting),
    "window counted from the reply": services.Wiring(worker=WorkerFromReply),
    "wait measured at the conclusion": services.Wiring(worker=WorkerAtConclusion),
    "late Record refused": services.Wiring(doors=refusing_late),
}
