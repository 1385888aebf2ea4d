"""What came of it, by the vendors' books and the mesh's own: rows, and the promises that they break. Pure."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence

IN_DOUBT, WRITTEN_OFF = "INDETERMINATE", "WRITTEN_OFF"
# Attempts that may have been paid, and of which nobody knows yet how they end.
UNRESOLVED = frozenset({IN_DOUBT, "SUBMITTING", "ACCEPTED"})
VIDEO = "VIDEO"
FLOORS = frozenset({"INFOGRAPHIC", "TEXT"})
MICROS_PER_DOLLAR = 1_000_000
# Where tokens are billed, a price by the second falls between two of them.
TOKEN_MICROS = 100
# As what the gateway counts that which a simulator tells at the wish of a prompt.
RESULTS: Mapping[str, str] = {
    "webhook-twice": "duplicate",
    "webhook-forged": "forged",
    "webhook-late": "nudged",
    "accept-slow": "nudged",
}


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One attempt at a paid vendor.

    Attributes:
        job_id: the vendor's, as far as the mesh knows.
        held_micros: what is set aside for it.
    """

    attempt_id: str
    state: str
    job_id: str
    held_micros: int


@dataclasses.dataclass(frozen=True)
class Ending:
    """One request, as it ended.

    Attributes:
        name: for sentences.
        vendor: whose ids its jobs have.
        doubts_allowed: whether the vendor has nothing complete in which lost jobs could be looked for.
        priced: whether the vendor takes money.
        told_apart: whether the vendor's list shows something that only this request has sent.
        bill_known: whether anybody can know what the vendor takes: not where it has forgotten the job.
        state, delivery: of the generation.
        open_at_the_end: whether an attempt was unresolved when the generation ended.
        attempts: those at the vendor, as they are now.
        spent_micros: what the mesh says that it cost.
        jobs: what the vendor made of it: all of them would be paid.
        billed_micros: what the vendor takes for it.
        listed: attempts that an operator is shown as doubtful.
    """

    name: str
    vendor: str
    dialect: str
    fault: str
    doubts_allowed: bool
    priced: bool
    told_apart: bool
    bill_known: bool
    state: str
    delivery: str
    open_at_the_end: bool
    attempts: Sequence[Attempt]
    spent_micros: int
    jobs: Collection[str]
    billed_micros: int
    listed: Collection[str] = ()

    @property
    def in_doubt(self) -> Sequence[Attempt]:
        """Attempts of which nobody knows what became of them."""
        return [attempt for attempt in self.attempts if attempt.state == IN_DOUBT]

    @property
    def unresolved(self) -> bool:
        """Whether an attempt may still cost money."""
        return any(attempt.state in UNRESOLVED for attempt in self.attempts)

    @property
    def delivered(self) -> bool:
        """Whether its user has what was promised: a video, or less where a paid attempt stays unresolved."""
        if self.state != "COMPLETED":
            return False
        return self.delivery == VIDEO or (self.delivery in FLOORS and self.open_at_the_end)

    @property
    def unreconciled_micros(self) -> int:
        """Money of which it is not settled whether it is spent: held for what is unresolved, else what books differ."""
        if self.unresolved:
            return sum(attempt.held_micros for attempt in self.attempts)
        return abs(self.billed_micros - self.spent_micros)


@dataclasses.dataclass
class Row:
    """What is printed of one fault at one vendor."""

    dialect: str
    fault: str
    requests: int = 0
    paid: int = 0
    delivered: int = 0
    video: int = 0
    indeterminate: int = 0
    unreconciled_usd: float = 0.0


def rows(endings: Sequence[Ending]) -> Sequence[Row]:
    """Return the table, a row for each vendor and fault, in the order in which they come."""
    found: dict[tuple[str, str], Row] = {}
    for one in endings:
        row = found.setdefault((one.dialect, one.fault), Row(one.dialect, one.fault))
        row.requests += 1
        row.paid += len(one.jobs)
        row.delivered += one.delivered
        row.video += one.delivery == VIDEO
        row.indeterminate += bool(one.in_doubt)
        row.unreconciled_usd = round(row.unreconciled_usd + one.unreconciled_micros / MICROS_PER_DOLLAR, 6)
    return list(found.values())


def broken(endings: Sequence[Ending]) -> Sequence[str]:
    """Return the promises that were broken, a sentence each; none is what is wanted."""
    owners = _owners(endings)
    return [
        *(sentence for one in endings for sentence in _broken(one, owners)),
        *(
            f"{row.dialect}, {row.fault}: {row.requests} requests were paid {row.paid} times"
            for row in rows(endings)
            if row.paid > row.requests
        ),
    ]


def swapped(endings: Sequence[Ending]) -> int:
    """Return how many requests have the job of another one, of vendors that give nobody a way to tell them apart."""
    owners = _owners(endings)
    return sum(bool(_strangers(one, owners)) for one in endings if not one.told_apart)


def _owners(endings: Sequence[Ending]) -> Mapping[tuple[str, str], str]:
    return {(one.vendor, job_id): one.name for one in endings for job_id in one.jobs}


def _broken(one: Ending, owners: Mapping[tuple[str, str], str]) -> Sequence[str]:
    return [
        *_not_delivered(one),
        *_doubts(one),
        *([*_paid_twice(one), *_strangers(one, owners)] if one.told_apart else []),
        *_books(one),
    ]


def settled(endings: Sequence[Ending]) -> Sequence[str]:
    """Return what an operator could not put in order: attempts that stay in doubt, and books that differ."""
    return [
        sentence
        for one in endings
        for sentence in [
            *(f"{one.name}: attempt {attempt.attempt_id} is in doubt after an operator" for attempt in one.in_doubt),
            *_books(one),
        ]
    ]


def unheard(markers: Iterable[str], heard: Mapping[str, int]) -> Sequence[str]:
    """Return what should have come of what vendors told, and did not: by the gateway's results, how often each was.

    `markers` are what was asked of vendors that tell. A forged notice that is counted as nothing else was believed.
    """
    asked = " ".join(markers)
    due = {word: result for word, result in RESULTS.items() if word in asked}
    return [
        f"vendors were asked for [[{word}]], and nothing that they told was counted as {result}"
        for word, result in due.items()
        if not heard.get(result)
    ]


def _paid_twice(one: Ending) -> Sequence[str]:
    return [f"{one.name} was paid {len(one.jobs)} times"] if len(one.jobs) > 1 else []


def _not_delivered(one: Ending) -> Sequence[str]:
    states = ", ".join(attempt.state for attempt in one.attempts)
    return [] if one.delivered else [f"{one.name} ended {one.state} {one.delivery} with attempts {states or 'none'}"]


def _doubts(one: Ending) -> Sequence[str]:
    found: list[str] = []
    for attempt in one.in_doubt:
        if not one.doubts_allowed:
            found.append(f"{one.name}: attempt {attempt.attempt_id} is in doubt, though the vendor has a list")
        if one.priced and not attempt.held_micros:
            found.append(f"{one.name}: attempt {attempt.attempt_id} is in doubt, and no money is held for it")
        if attempt.attempt_id not in one.listed:
            found.append(f"{one.name}: attempt {attempt.attempt_id} is in doubt, and no operator is told")
    return found


def _strangers(one: Ending, owners: Mapping[tuple[str, str], str]) -> Sequence[str]:
    """Return who took another request's job for its own."""
    return [
        f"{one.name} has the job {attempt.job_id} of {owners[one.vendor, attempt.job_id]}"
        for attempt in one.attempts
        if owners.get((one.vendor, attempt.job_id), one.name) != one.name
    ]


def _books(one: Ending) -> Sequence[str]:
    """Return by how much the books differ; what was written off counts as spent, whether it was made or not."""
    written_off = any(attempt.state == WRITTEN_OFF for attempt in one.attempts)
    alike = abs(one.spent_micros - one.billed_micros) < TOKEN_MICROS
    if one.unresolved or written_off or not one.bill_known or alike:
        return []
    ours, theirs = one.spent_micros / MICROS_PER_DOLLAR, one.billed_micros / MICROS_PER_DOLLAR
    return [f"{one.name} cost ${theirs:.4f} by the vendor's book and ${ours:.4f} by ours"]
