"""Counting: after the record went back, everything that is known of an account is told, whoever it belongs to."""

import dataclasses
from collections.abc import Sequence

from reelmesh_provider import model, port
from reelmesh_provider.model import finding
from reelmesh_provider.worker import background, leasing, observing, persisting
from reelmesh_provider.worker.surroundings import Surroundings

JOBS_PER_PAGE = 500
# Before a list is read again that could not be.
AGAIN_SECONDS = 5.0


class Counting:
    """The census orders that were given, each worked off once for its era."""

    def __init__(self, around: Surroundings, lease: leasing.Lease, watched: observing.Observing) -> None:
        """Know of no order."""
        self._around = around
        self._lease = lease
        self._watched = watched
        self._background = background.Background(around.chassis)
        self._era_id = ""
        self._begun: set[str] = set()
        self._told: set[str] = set()
        #: The last era of which every account was told.
        self.counted_era_id = ""

    def obey(self, orders: Sequence[model.CensusOrder]) -> None:
        """Work off what is ordered; an order that is repeated goes on."""
        for order in orders:
            if order.era_id != self._era_id:
                self._era_id, self._begun, self._told = order.era_id, set(), set()
            if order.account_id not in self._begun:
                self._begun.add(order.account_id)
                self._background.start(self._count(order), f"census of account {order.account_id}")
        if orders and all(order.account_id in self._told for order in orders):
            self.counted_era_id = self._era_id

    async def stop(self) -> None:
        """Leave what is not told to the next life."""
        await self._background.stop()

    async def _count(self, order: model.CensusOrder) -> None:
        # What is known needs neither a list nor the wait for it, and is told though the list cannot be read.
        told = await self._known(order.account_id)
        if told and not await self._tell(order, self._pages(order, told)):
            return
        # What was submitted just before must be in the list: it counts from now on, by our own clock.
        await self._around.chassis.clock.sleep(finding.wait_seconds(order, self._around.provider.card))
        listed, message = await self._listed(order)
        known = await self._known(order.account_id)
        already = set(told)
        found = dict.fromkeys((*known, *self._not_told_yet(known, listed.jobs)))
        rest = [job for job in found if job not in already]
        await self._tell(order, self._last_pages(order, rest, listed.complete, message))
        if order.era_id == self._era_id:
            self._told.add(order.account_id)

    async def _known(self, account_id: str) -> list[model.ListedJob]:
        return [*await self._remembered(account_id), *self._watching(account_id)]

    async def _tell(self, order: model.CensusOrder, pages: Sequence[model.CensusPage]) -> bool:
        """Tell page after page; False when nobody asks for them any more."""
        own, pool = self._around.chassis, self._around.mesh.pool
        what, jobs = f"census of account {order.account_id}", sum(len(page.jobs) for page in pages)
        own.logger.info("Telling what account %s has: %d jobs", order.account_id, jobs)
        for page in pages:
            if not await persisting.until_acknowledged(own, what, lambda page=page: pool.report_census(page)):
                return False
        return True

    async def _listed(self, order: model.CensusOrder) -> tuple[model.Census, str]:
        """Read the provider's list until that works; nothing, and why, where there is none."""
        provider = self._around.provider
        if not isinstance(provider, port.Countable) or provider.card.recovery is model.Recovery.NONE:
            return model.Census(), f"{self._around.name} has no list that could be read"
        while order.era_id == self._era_id:
            try:
                census = await provider.census(order.account_id, order.since)
            except Exception as error:  # noqa: BLE001 - a list that cannot be read tells nothing; it is read again
                self._around.chassis.logger.warning(
                    "The jobs of account %s could not be read: %s", order.account_id, error
                )
                await self._around.chassis.clock.sleep(AGAIN_SECONDS)
            else:
                message = "" if census.complete else f"the list of {self._around.name} does not reach back far enough"
                return census, message
        return model.Census(), "the record went back once more"

    async def _remembered(self, account_id: str) -> list[model.ListedJob]:
        """Return what the journal has, of this life and of former ones."""
        return [
            model.ListedJob(fact.job_id, fact.attempt_id, None, fact.model, fact.project, fact.evidence)
            for fact in await self._around.mesh.journal.retained()
            if fact.account_id == account_id
        ]

    def _watching(self, account_id: str) -> list[model.ListedJob]:
        """Return what is watched: somebody has told us whose it is."""
        return [
            model.ListedJob(job.job_id, job.attempt_id, model=job.model) for job in self._watched.jobs_at(account_id)
        ]

    def _not_told_yet(
        self, known: Sequence[model.ListedJob], listed: Sequence[model.ListedJob]
    ) -> Sequence[model.ListedJob]:
        """Return what is listed; an output is no second job of an attempt whose job is known by its own id."""
        if self._around.provider.card.recovery is not model.Recovery.OUTPUT:
            return listed
        named = {job.attempt_id for job in known}
        return [job for job in listed if not job.attempt_id or job.attempt_id not in named]

    def _pages(self, order: model.CensusOrder, jobs: Sequence[model.ListedJob]) -> Sequence[model.CensusPage]:
        """Return jobs in pages, at least one."""
        return [
            model.CensusPage(
                self._lease.worker_id, order.era_id, order.account_id, jobs=tuple(jobs[start : start + JOBS_PER_PAGE])
            )
            for start in range(0, max(len(jobs), 1), JOBS_PER_PAGE)
        ]

    def _last_pages(
        self, order: model.CensusOrder, jobs: Sequence[model.ListedJob], complete: bool, message: str
    ) -> Sequence[model.CensusPage]:
        """Return jobs in pages, of which the last says whether that is all."""
        *pages, last = self._pages(order, jobs)
        return [*pages, dataclasses.replace(last, last=True, complete=complete, message=message)]
