"""Telling that a job has ended, as vendors do: signed, sometimes twice, late, forged, or not at all."""

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import httpx

from reelmesh_simulators import orders, vendor
from reelmesh_simulators.faults import Fault

TRIES = 5
TRY_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.5
# Jobs may end sooner than they would, by being stopped, and later, by waiting for others: so often one is looked after.
LONGEST_NAP_SECONDS = 1.0
_LOGGER = logging.getLogger("reelmesh.simulators.webhooks")


@dataclass(frozen=True, slots=True)
class Notice:
    """What is sent where; `also` tells others of the same."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    also: Sequence["Notice"] = ()


@runtime_checkable
class Telling(Protocol):
    """A dialect that tells."""

    def notice(self, look: vendor.Look, *, forged: bool) -> Notice | None:
        """Return what is told of a job that ended, signed by nobody's key when `forged`; None for nothing."""
        ...


class Teller:
    """Waits for jobs to end, and tells."""

    def __init__(self, seller: vendor.Vendor, dialect: Telling) -> None:
        """Tell of the jobs that `seller` takes from now on."""
        self._vendor = seller
        self._dialect = dialect
        self._open: set[asyncio.Task[None]] = set()
        # One for all: a client reads its certificate authorities for longer than a notice takes.
        self._http = httpx.AsyncClient(timeout=TRY_SECONDS)

    async def watch(self, job: orders.Job) -> None:
        """Tell of a job once it has ended."""
        task = asyncio.create_task(self._tell(job.job_id), name=f"webhook of {job.job_id}")
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def stop(self) -> None:
        """Tell nothing any more."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._http.aclose()

    async def _tell(self, job_id: str) -> None:
        look = await self._ended(job_id)
        if look is None:
            return
        job, suffering = look.job, self._vendor.suffering

        def suffers(fault: Fault) -> float | None:
            marker = suffering.now(job.job_id, job.order.markers, job.order.prompt, fault)
            return None if marker is None else marker.amount

        if suffers(Fault.WEBHOOK_NONE) is not None:
            return
        await self._vendor.clock.sleep(suffers(Fault.WEBHOOK_LATE) or 0.0)
        if suffers(Fault.WEBHOOK_FORGED) is not None:
            await self._send(self._dialect.notice(look, forged=True))
        notice = self._dialect.notice(look, forged=False)
        await self._send(notice)
        if suffers(Fault.WEBHOOK_TWICE) is not None:
            await self._send(notice)

    async def _ended(self, job_id: str) -> vendor.Look | None:
        """Wait for the end of a job; None when nobody knows it any more."""
        while True:
            job = self._vendor.ledger.job(job_id)
            if job is None:
                return None
            look = vendor.seen(job, self._vendor.now)
            if look.state is orders.State.FORGOTTEN:
                return None
            if look.state in orders.ENDED:
                return look
            await self._vendor.clock.sleep(min(max(job.ends - look.now, 0.01), LONGEST_NAP_SECONDS))

    async def _send(self, notice: Notice | None) -> None:
        if notice is None:
            return
        for one in (notice, *notice.also):
            await self._deliver(one)

    async def _deliver(self, notice: Notice) -> None:
        pause = FIRST_PAUSE_SECONDS
        for _ in range(TRIES):
            try:
                answer = await self._http.post(notice.url, content=notice.body, headers=dict(notice.headers))
                if answer.status_code < 300:
                    return
                _LOGGER.info("A webhook was answered %d by %s", answer.status_code, notice.url)
            except httpx.HTTPError as error:
                _LOGGER.info("A webhook did not reach %s: %r", notice.url, error)
            await self._vendor.clock.sleep(pause)
            pause *= 2


def standard(secret: bytes, message_id: str, now: float, body: bytes) -> Mapping[str, str]:
    """Return the headers of the Standard Webhooks scheme for a body, signed by `secret`."""
    stamp = str(int(now))
    digest = hmac.digest(secret, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
