"""The JSON of accounts, switches and pools: the same fields as `reelmesh.v1`, held to them by a test."""

from typing import Literal

from reelmesh_gateway.wire import bodies

BreakerState = Literal["CLOSED", "OPEN", "HALF_OPEN"]
HealthEventType = Literal["OPENED", "TRIED", "CLOSED", "SWITCHED_OFF", "SWITCHED_ON"]


class AccountModel(bodies.Body):
    """A model at an account."""

    model: str
    """Its name."""
    breaker: BreakerState | None
    """CLOSED: new attempts go through. OPEN: they do not, until the next trial. HALF_OPEN: trials are made."""
    breaker_time: bodies.Moment | None
    """When the breaker moved last; null when it never has."""
    trial_time: bodies.Moment | None
    """When the next trial may be made, while it is open."""
    rest_time: bodies.Moment | None
    """Until then the provider is left alone, because it asked for a pause; null when it did not."""
    failed_submits: bodies.Int32
    """Submits that failed in a row."""
    failed_jobs: bodies.Int32
    """Jobs that failed in a row."""
    message: str
    """Why it is open, and what the provider said last."""
    switched_off: bool
    """Whether an operator has switched it off, by whatever words."""
    retire_date: str
    """The first day on which it is not served any more, e.g. "2027-01-31"; empty when none is known."""


class Account(bodies.Body):
    """Credentials of ours at a provider."""

    id: str
    """Its id, as accounts.yaml names it."""
    provider: str
    """The provider."""
    slots: bodies.Int32
    """Attempts in flight at most."""
    in_flight: bodies.Int32
    """Attempts that take up a slot at present."""
    waiting: bodies.Int32
    """Attempts that wait to be sent out."""
    enabled: bool
    """Whether accounts.yaml lets it be used."""
    exclusive: bool
    """Whether nobody else uses it."""
    models: list[AccountModel]
    """The models of its provider."""


class ListAccountsResponse(bodies.Body):
    """The accounts."""

    accounts: list[Account]
    """All of them, by id."""


class SwitchTarget(bodies.Body):
    """What is switched. At least one of the names is given; what is empty means any."""

    provider: bodies.Text = ""
    """A provider, such as "veo"."""
    account_id: bodies.Text = ""
    """An account."""
    model: bodies.Text = ""
    """A model."""


class Switch(bodies.Body):
    """Something that is switched off."""

    target: SwitchTarget | None
    """What."""
    operator: str
    """Who did so."""
    reason: str
    """Why."""
    create_time: bodies.Moment | None
    """Since when."""


class ListSwitchesResponse(bodies.Body):
    """What is switched off."""

    switches: list[Switch]
    """All of it, the oldest first."""


class SwitchOffRequest(bodies.Body):
    """Switches something off."""

    target: SwitchTarget
    """What. A name that no account, provider or model has is refused."""
    reason: bodies.Text
    """Why: 1 to 500 characters for the history."""


class SwitchOffResponse(bodies.Body):
    """It is off."""

    switch: Switch | None
    """The switch; that of before if it was off already."""


class SwitchOnRequest(bodies.Body):
    """Switches something on."""

    target: SwitchTarget
    """What, by the same names by which it was switched off."""
    reason: bodies.Text
    """Why: 1 to 500 characters for the history."""


class SwitchOnResponse(bodies.Body):
    """It is on, unless it is off by other words as well."""

    remaining: list[Switch]
    """Switches that still keep all or a part of it off."""


class HealthEvent(bodies.Body):
    """What happened to a circuit breaker, or what an operator did."""

    type: HealthEventType | None
    """What it was."""
    target: SwitchTarget | None
    """What it happened to."""
    operator: str
    """The operator; empty for breakers."""
    message: str
    """A sentence: the reason, and what the provider said."""
    create_time: bodies.Moment | None
    """When it happened."""


class ListHealthEventsResponse(bodies.Body):
    """A page of the history."""

    events: list[HealthEvent]
    """Newest first."""
    next_page_token: str
    """Where the next page begins; empty when there is none."""


class ListHealthEventsQuery(bodies.Query):
    """Says how many, and from where."""

    page_size: bodies.Int32 = 0
    """At most so many; 0 means 100, more than 1000 means 1000."""
    page_token: str = ""
    """Where the page before ended."""


class LaneWork(bodies.Body):
    """What there is to do in a lane of media."""

    lane: str
    """The lane: "quick" or "ladder"."""
    steps: bodies.Int32
    """Steps that are sent or run."""


class PoolWorker(bodies.Body):
    """A worker that holds a lease."""

    worker_id: str
    """The worker, a UUID that it made when it began its present life."""
    name: str
    """Name of the process, e.g. its Pod."""
    cordoned: bool
    """Whether it is to take no new work."""
    idle: bool
    """Whether it had nothing to lose when it renewed its lease last."""
    drained: bool
    """Whether it was idle then and knew that it is cordoned, as it still was: it began nothing since, and may go."""
    load: bodies.Int32
    """Attempts that it submitted then, or steps that it ran."""


class Pool(bodies.Body):
    """Workers of one kind, and what there is for them to do."""

    kind: str
    """Either "provider" or "media"."""
    pool: str
    """Provider's name, or "media"."""
    known: bool
    """Whether a worker has ever said what the provider can do; always so for media."""
    waiting: bodies.Int32
    """Attempts that wait to be sent out."""
    sendable: bodies.Int32
    """How many of them the slots, breakers and switches of their accounts would let out now."""
    dispatched: bodies.Int32
    """Attempts that are sent out and not begun."""
    submitting: bodies.Int32
    """Attempts that are being submitted."""
    watched: bodies.Int32
    """Attempts that are accepted, or looked for."""
    lanes: list[LaneWork]
    """Steps of media that are sent or run, lane by lane."""
    workers: list[PoolWorker]
    """Those that hold a lease, by name."""


class ListPoolsResponse(bodies.Body):
    """The pools."""

    pools: list[Pool]
    """All of them: one for each provider that anybody has heard of, by name, and that of media."""
