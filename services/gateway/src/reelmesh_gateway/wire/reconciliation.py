"""The JSON of attempts in doubt: the same fields as `reelmesh.v1`, held to them by a test."""

from reelmesh_gateway.wire import bodies, parts


class DoubtfulAttempt(bodies.Body):
    """An attempt of which nobody knows what became of it, or knew until somebody said so."""

    attempt_id: str
    """UUID."""
    generation_id: str
    """UUID of its generation."""
    tenant_id: str
    """Whose generation it is."""
    account_id: str
    """The account that it was submitted to."""
    provider: str
    """The provider."""
    model: str
    """The model."""
    state: parts.AttemptState | None
    """Where it stands."""
    held_micros: bodies.Int64
    """Micro-dollars set aside for it."""
    spent_micros: bodies.Int64
    """Micro-dollars that count as spent for it."""
    submit_time: bodies.Moment | None
    """When leave to submit it was given."""
    job_id: str
    """The provider's id of its job; empty while nobody knows one."""
    message: str
    """A sentence: why it is in doubt, or who decided."""


class ListDoubtfulAttemptsResponse(bodies.Body):
    """A page."""

    attempts: list[DoubtfulAttempt]
    """The attempts."""
    next_page_token: str
    """Where the next page begins; empty when there is none."""


class ListDoubtfulAttemptsQuery(bodies.Query):
    """Says how many, and from where."""

    page_size: bodies.Int32 = 0
    """At most so many; 0 means 100, more than 1000 means 1000."""
    page_token: str = ""
    """Where the page before ended."""


class AdoptJobRequest(bodies.Body):
    """States that a job is that of the attempt of the path."""

    job_id: bodies.Text
    """The provider's id of the job, 1 to 1000 characters."""
    reason: bodies.Text
    """How that is known: 1 to 500 characters for the history."""


class AdoptJobResponse(bodies.Body):
    """What it led to."""

    attempt: DoubtfulAttempt | None
    """The attempt."""


class ResubmitAttemptRequest(bodies.Body):
    """Gives the attempt of the path up, for another at the same provider."""

    reason: bodies.Text
    """Why: 1 to 500 characters for the history."""


class ResubmitAttemptResponse(bodies.Body):
    """What it led to."""

    attempt: DoubtfulAttempt | None
    """The attempt."""


class WriteOffAttemptRequest(bodies.Body):
    """Gives the attempt of the path up."""

    reason: bodies.Text
    """Why: 1 to 500 characters for the history."""


class WriteOffAttemptResponse(bodies.Body):
    """What it led to."""

    attempt: DoubtfulAttempt | None
    """The attempt."""
