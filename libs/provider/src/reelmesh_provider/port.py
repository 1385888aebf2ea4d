"""What a provider is: one vendor dialect behind six verbs. Everything else is the worker's, written once.

A provider's package names its class in the entry point group `reelmesh.providers`, and has an `app.build` and one class
of settings like every service. Adding one edits no file outside its own folder. `tests/conformance/test_provider.py`
holds every provider to the contracts below.
"""

import datetime
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self, runtime_checkable

from reelmesh_provider import gate, model, pacing


@dataclass(frozen=True)
class Download:
    """The bytes of a clip on their way. `size_bytes` is what the provider announced; None when it did not say."""

    chunks: AsyncIterator[bytes]
    size_bytes: int | None = None


class Provider(Protocol):
    """One vendor dialect, for all our accounts there.

    The worker enters the provider once before any other call and leaves it after the last one has ended or was
    cancelled. All verbs may run at the same time on one event loop; none may block it. Any verb may be cancelled at
    any await. A verb may keep connections between calls, except `submit`, which opens its own.
    """

    async def __aenter__(self) -> Self:
        """Open what the verbs need. Called once, before everything else; may raise, then the service does not start."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it again. Jobs at the provider go on."""
        ...

    @property
    def card(self) -> model.ProviderCard:
        """What the provider can do. The same each time it is read; registered by the worker at start."""
        ...

    async def submit(self, task: model.Task, gate: gate.Gate) -> model.Submitted:
        """Ask the provider, once, to make the clip.

        Called at most once for a task in this process, with its pictures filled in. Prepare everything first (upload
        pictures, build the request), then open a fresh connection, then `await gate.begin()`, and only then write:
        `gate.check()` before the headers, before each piece of the body, and before its last byte. One request, no
        retry, no redirect: `gated_http.GatedTransport` does all of this for httpx.

        Returns:
            Accepted as soon as the provider named an id. Declined for the provider's *own* answer: BUSY for its 429
            or 503, REFUSED for a documented refusal that may pass, REFUSED_FOR_GOOD for one that will not, UNSAFE for
            safety; the same words from a proxy, and whatever cannot be read, are UNKNOWN. What is known to be
            impossible before connecting may be Declined without ever using the gate.

        Raises:
            errors.Dropped, errors.WindowPassed: from the gate; let them pass.
            errors.Unreachable: could not connect; raised before the gate was used.
            Exception: anything else counts as UNKNOWN once the gate has opened. Never repeat the request yourself.
        """
        ...

    async def find(self, account_id: str, tasks: Sequence[model.Task]) -> model.Listing:
        """Read the account's list (or look up our own ids) for jobs that may belong to `tasks`, which have no id.

        Called for one account at a time, with as much pause between calls as the account's rate asks for. A match is
        reported with the strongest fit that can be shown; where the list echoes something that tells ours apart,
        jobs in which it differs are no match at all. A seed with `seed_is_users` tells nothing apart.

        Raises:
            Exception: the list could not be read; nothing is concluded from it and it is read again later.
        """
        ...

    async def poll(self, account_id: str, jobs: Sequence[model.Job]) -> Sequence[model.Observation]:
        """Look at many jobs of one account, with as few requests as the provider allows.

        A job without an observation counts as Unknown. Translate leniently: what cannot be read is Unknown, a
        time-out or 5xx too; only the provider's own word is Negative or Missing, also when it comes as an HTTP error.

        Raises:
            Exception: the same as Unknown for all of them.
        """
        ...

    async def cancel(self, job: model.Job) -> None:
        """Ask the provider to stop a job. Returning says that it was asked, not that it stopped: polling goes on.

        Asking for a job that has ended already is no error. Called again later when it raises.
        """
        ...

    def fetch(self, job: model.Job) -> AbstractAsyncContextManager[Download]:
        """Open the bytes of a succeeded job; leaving the context closes the connection, also half-way.

        Raises:
            errors.FetchLost: the provider says for certain that the bytes cannot be had any more.
            Exception: anything else is tried again, without end, after another poll.
        """
        ...


@runtime_checkable
class Countable(Protocol):
    """A provider that can say what an account has: each whose card promises any recovery should be one.

    Without it an account is parked when the orchestrator's record goes back: somebody has to look at the vendor's
    console, then.
    """

    async def census(self, account_id: str, since: datetime.datetime | None) -> model.Census:
        """Read every job of an account that may have been created since a time, ended ones included.

        Each is told with what shows whose it is: our own id where it comes back, else the seed. Jobs that others may
        have made at a shared account are told as well: what belongs to nobody is only reported. A time-out or a page
        that cannot be read must not look like the end of the list.

        Args:
            account_id: the account.
            since: by the orchestrator's clock, an hour early; None means from the beginning.

        Raises:
            Exception: the list could not be read; it is read again later.
        """
        ...


@runtime_checkable
class Paced(Protocol):
    """A provider that may make several requests for one `poll` or `find`: it takes a turn before each of them.

    Any other is given its turn once for each call. The worker looks at no more jobs at a time than it can ask about in
    a moment, unless one request may show many.
    """

    turns: pacing.Turns


@runtime_checkable
class Told(Protocol):
    """A provider whose submits carry an address with our tag in it, at which the vendor tells how a job ended."""

    def job_told(self, task: model.Task, vendor_job_id: str) -> str:
        """Return what we call a job of `task` that the vendor names so in what it tells."""
        ...


@runtime_checkable
class Rooted(Protocol):
    """A provider whose jobs live and die with its worker: nobody else can watch them, and it is busy with any of them.

    A worker of any other provider that is to go hands over what it watches.
    """

    jobs_end_with_worker: Literal[True]
