"""What operators ask a mesh, as a part of the client: recovery after a restore, attempts in doubt, and accounts."""

import abc
from collections.abc import AsyncGenerator
from typing import TypeVar

import grpc.aio
from google.protobuf import message
from reelmesh.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    pool_pb2,
    reconciliation_service_pb2,
    reconciliation_service_pb2_grpc,
    recovery_service_pb2,
    recovery_service_pb2_grpc,
)

from reelmesh_client import machine, recovering, watching

# Most that one page holds, as the contract says.
_ORPHANS_PAGE = 1000
_DOUBTS_PAGE = 1000
_HEALTH_EVENTS_PAGE = 1000

Request = TypeVar("Request", bound=message.Message)
Answer = TypeVar("Answer", bound=message.Message)


class Operating(abc.ABC):
    """The verbs of operators. All of them need a key with the scope "admin"."""

    _device: machine.Machine

    @abc.abstractmethod
    async def _ask(self, method: "grpc.aio.UnaryUnaryMultiCallable[Request, Answer]", request: Request) -> Answer:
        """Make a call that is safe to repeat, again while the mesh does not answer."""

    @abc.abstractmethod
    def _open(self) -> grpc.aio.Channel:
        """Return the connection."""

    async def recovery(self) -> recovery_service_pb2.RecoveryReport | None:
        """Return how far the search for lost jobs is, or how the last one went; None when the record never went back.

        Like all verbs of recovery it needs a key with the scope "admin".
        """
        answer = await self._ask(self._recovery.GetRecovery, recovery_service_pb2.GetRecoveryRequest())
        return answer.recovery if answer.HasField("recovery") else None

    async def start_recovery(self, reason: str = "") -> recovery_service_pb2.RecoveryReport:
        """Look for lost jobs, although the record seems to be what it was; nothing is submitted meanwhile.

        Args:
            reason: a sentence for the report, at most 500 characters.
        """
        request = recovery_service_pb2.StartRecoveryRequest(reason=reason)
        return (await self._ask(self._recovery.StartRecovery, request)).recovery

    def follow_recovery(
        self, *, patience_seconds: float = watching.PATIENCE_SECONDS, on_lost: watching.OnLost | None = None
    ) -> AsyncGenerator[recovery_service_pb2.RecoveryReport]:
        """Yield the report, and again whenever it changes, until it is over; nothing when the record never went back.

        A mesh that does not answer is looked for, for `patience_seconds`; `on_lost` is told each time.
        """
        return recovering.follow(self.recovery, self._device, patience_seconds=patience_seconds, on_lost=on_lost)

    async def orphans(self, *, limit: int = 100) -> AsyncGenerator[recovery_service_pb2.Orphan]:
        """Yield at most `limit` jobs that accounts have and that belong to nobody; pages are read as needed."""
        request = recovery_service_pb2.ListOrphansRequest()
        left = limit
        while left > 0:
            request.page_size = min(left, _ORPHANS_PAGE)
            page = await self._ask(self._recovery.ListOrphans, request)
            for orphan in page.orphans[:left]:
                yield orphan
            left -= len(page.orphans)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def release_account(self, account_id: str, reason: str = "") -> recovery_service_pb2.RecoveryReport:
        """State that a parked account has no job that is not known: what waits for it goes on.

        Args:
            account_id: the account, as the report names it.
            reason: a sentence for the report, e.g. who looked where; at most 500 characters.

        Raises:
            errors.NotFound: nobody looks for lost jobs at such an account.
            errors.WrongState: it is not parked.
            errors.ReelmeshError: it was refused, or nobody answers.
        """
        request = recovery_service_pb2.ReleaseAccountRequest(account_id=account_id, reason=reason)
        return (await self._ask(self._recovery.ReleaseAccount, request)).recovery

    async def doubts(self, *, limit: int = 100) -> AsyncGenerator[reconciliation_service_pb2.DoubtfulAttempt]:
        """Yield at most `limit` attempts of which nobody knows what became of them, the oldest first.

        Like the three verbs about them it needs a key with the scope "admin".
        """
        request = reconciliation_service_pb2.ListDoubtfulAttemptsRequest()
        left = limit
        while left > 0:
            request.page_size = min(left, _DOUBTS_PAGE)
            page = await self._ask(self._reconciliation.ListDoubtfulAttempts, request)
            for attempt in page.attempts[:left]:
                yield attempt
            left -= len(page.attempts)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def adopt_job(self, attempt_id: str, job_id: str, reason: str) -> reconciliation_service_pb2.DoubtfulAttempt:
        """State that a provider's job is that of an attempt in doubt: its result is taken.

        Args:
            attempt_id: the attempt.
            job_id: the provider's id of the job.
            reason: how that is known, 1 to 500 characters for the history.

        Raises:
            errors.WrongState: the attempt is not in doubt, or the job is another one's.
            errors.ReelmeshError: it was refused, or nobody answers.
        """
        request = reconciliation_service_pb2.AdoptJobRequest(attempt_id=attempt_id, job_id=job_id, reason=reason)
        return (await self._ask(self._reconciliation.AdoptJob, request)).attempt

    async def resubmit(self, attempt_id: str, reason: str) -> reconciliation_service_pb2.DoubtfulAttempt:
        """Give an attempt in doubt up, its price counting as spent, and let the same provider be tried again.

        Raises:
            errors.WrongState: it is not in doubt.
            errors.ReelmeshError: it was refused, or nobody answers.
        """
        request = reconciliation_service_pb2.ResubmitAttemptRequest(attempt_id=attempt_id, reason=reason)
        return (await self._ask(self._reconciliation.ResubmitAttempt, request)).attempt

    async def write_off(self, attempt_id: str, reason: str) -> reconciliation_service_pb2.DoubtfulAttempt:
        """Give an attempt in doubt up, its price counting as spent; its shot goes on with the next candidate.

        Raises:
            errors.WrongState: it is not in doubt.
            errors.ReelmeshError: it was refused, or nobody answers.
        """
        request = reconciliation_service_pb2.WriteOffAttemptRequest(attempt_id=attempt_id, reason=reason)
        return (await self._ask(self._reconciliation.WriteOffAttempt, request)).attempt

    async def accounts(self) -> list[account_service_pb2.Account]:
        """Return the accounts at providers, with the health of each of their models.

        Like the verbs about switches it needs a key with the scope "admin".
        """
        return list((await self._ask(self._accounts.ListAccounts, account_service_pb2.ListAccountsRequest())).accounts)

    async def switches(self) -> list[account_service_pb2.Switch]:
        """Return what is switched off, the oldest first."""
        return list((await self._ask(self._accounts.ListSwitches, account_service_pb2.ListSwitchesRequest())).switches)

    async def switch_off(
        self, reason: str, *, provider: str = "", account_id: str = "", model: str = ""
    ) -> account_service_pb2.Switch:
        """Switch a provider, an account or a model off: nothing new is submitted there, what is in flight goes on.

        Args:
            reason: why, 1 to 500 characters for the history.
            provider: a provider; "" means any, as for the others. One of the three must be given.
            account_id: an account.
            model: a model.

        Raises:
            errors.InvalidArgument: there is no such name, or none was given.
            errors.ReelmeshError: it was refused, or nobody answers.
        """
        target = account_service_pb2.SwitchTarget(provider=provider, account_id=account_id, model=model)
        request = account_service_pb2.SwitchOffRequest(target=target, reason=reason)
        return (await self._ask(self._accounts.SwitchOff, request)).switch

    async def switch_on(
        self, reason: str, *, provider: str = "", account_id: str = "", model: str = ""
    ) -> list[account_service_pb2.Switch]:
        """Switch on what was switched off, by the same names; return what still keeps all or a part of it off.

        Raises:
            errors.ReelmeshError: it was refused, or nobody answers.
        """
        target = account_service_pb2.SwitchTarget(provider=provider, account_id=account_id, model=model)
        request = account_service_pb2.SwitchOnRequest(target=target, reason=reason)
        return list((await self._ask(self._accounts.SwitchOn, request)).remaining)

    async def pools(self) -> list[pool_pb2.Pool]:
        """Return the pools of workers: what there is to do in each, and who does it."""
        return list((await self._ask(self._accounts.ListPools, account_service_pb2.ListPoolsRequest())).pools)

    async def health_events(self, *, limit: int = 100) -> AsyncGenerator[account_service_pb2.HealthEvent]:
        """Yield at most `limit` things that happened to circuit breakers and switches, newest first."""
        request = account_service_pb2.ListHealthEventsRequest()
        left = limit
        while left > 0:
            request.page_size = min(left, _HEALTH_EVENTS_PAGE)
            page = await self._ask(self._accounts.ListHealthEvents, request)
            for event in page.events[:left]:
                yield event
            left -= len(page.events)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    @property
    def _accounts(self) -> "account_service_pb2_grpc.AccountServiceAsyncStub":
        return account_service_pb2_grpc.AccountServiceStub(self._open())

    @property
    def _recovery(self) -> "recovery_service_pb2_grpc.RecoveryServiceAsyncStub":
        return recovery_service_pb2_grpc.RecoveryServiceStub(self._open())

    @property
    def _reconciliation(self) -> "reconciliation_service_pb2_grpc.ReconciliationServiceAsyncStub":
        return reconciliation_service_pb2_grpc.ReconciliationServiceStub(self._open())
