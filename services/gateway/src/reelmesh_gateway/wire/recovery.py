"""The JSON of recovery: the same fields as `reelmesh.v1`, held to them by a test."""

from typing import Literal

from reelmesh_gateway.wire import bodies

RecoveryState = Literal["LOOKING", "MATCHING", "STANDING"]
CensusState = Literal["ASKED", "ANSWERED", "PARKED", "RELEASED"]
OrphanEvidence = Literal["ADOPTION", "WEBHOOK", "RECORD"]


class AccountCensus(bodies.Body):
    """What is known about an account."""

    account_id: str
    """The account."""
    provider: str
    """Its provider."""
    state: CensusState | None
    """ASKED: workers were asked what it has. ANSWERED: they have said so. PARKED: nobody can say, or nobody did: shots
    that may have been tried there wait. RELEASED: an operator has looked."""
    jobs: bodies.Int32
    """Jobs that nobody knew."""
    message: str
    """A sentence: why it is parked, or who released it."""


class RecoveryReport(bodies.Body):
    """One time that lost jobs were looked for."""

    era_id: str
    """The era of the record that it began, UUID."""
    number: bodies.Int32
    """Its number."""
    state: RecoveryState | None
    """LOOKING: accounts are looked through, nothing is submitted. MATCHING: what was found is given to its attempts,
    nothing is submitted. STANDING: it is over."""
    reason: str
    """Why it began."""
    begin_time: bodies.Moment | None
    """When it began."""
    end_time: bodies.Moment | None
    """When what could be found was with its attempts; null before."""
    head_time: bodies.Moment | None
    """When the last event was recorded that the record knows of before it; null when there is none."""
    accounts: list[AccountCensus]
    """Accounts."""
    adopted: bodies.Int32
    """Jobs that found their attempts."""
    freed: bodies.Int32
    """Generations that had something to submit, and no job."""
    orphans: bool
    """Whether there are jobs that belong to nobody."""


class GetRecoveryResponse(bodies.Body):
    """How far it is."""

    recovery: RecoveryReport | None
    """The last recovery; null when there was none."""


class StartRecoveryRequest(bodies.Body):
    """Asks for it."""

    reason: bodies.Text | None = None
    """Why: a sentence for the report, at most 500 characters."""


class StartRecoveryResponse(bodies.Body):
    """How far it is."""

    recovery: RecoveryReport | None
    """The recovery that has begun, or was being done already."""


class ReleaseAccountRequest(bodies.Body):
    """Releases the account of the path."""

    reason: bodies.Text | None = None
    """A sentence for the report, e.g. who looked where; at most 500 characters."""


class ReleaseAccountResponse(bodies.Body):
    """How far it is now."""

    recovery: RecoveryReport | None
    """The recovery."""


class Orphan(bodies.Body):
    """A job that belongs to nobody. If it is of a generation that was admitted after the backup, that one gets it when
    its client asks for it again under the same request id.
    """

    account_id: str
    """The account that has it."""
    provider: str
    """Its provider."""
    job_id: str
    """The provider's id of the job."""
    attempt_id: str
    """UUID of the attempt that it names; empty when it names none."""
    model: str
    """The model; empty when it is not known."""
    evidence: OrphanEvidence | None
    """How it is known that the account has it. ADOPTION: it stands in the provider's list. WEBHOOK: the provider told
    of it. RECORD: a worker has it in its journal, or watches it."""
    find_time: bodies.Moment | None
    """When it was found."""


class ListOrphansResponse(bodies.Body):
    """A page of orphans."""

    orphans: list[Orphan]
    """The jobs."""
    next_page_token: str
    """Where the next page begins; empty when there is none."""


class ListOrphansQuery(bodies.Query):
    """Says how many, and from where."""

    page_size: bodies.Int32 = 0
    """At most so many; 0 means 100, more than 1000 means 1000."""
    page_token: str = ""
    """Where the page before ended."""
