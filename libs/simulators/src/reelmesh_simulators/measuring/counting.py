"""What the vendors' books say of each case: rows, and whether a promise was broken. Pure."""

import dataclasses
from collections.abc import Mapping, Sequence

from reelmesh_simulators import orders
from reelmesh_simulators.measuring.clients import Outcome

MICROS_PER_DOLLAR = 1_000_000
COLUMNS = ("fault", "requests", "creates", "paid", "delivered", "billed_usd")


@dataclasses.dataclass(frozen=True)
class Request:
    """One request of a user, and what all vendors together have of it.

    Attributes:
        case: what went wrong.
        creates: requests to make something that reached a vendor.
        jobs: what was made of them.
    """

    case: str
    outcome: Outcome
    creates: int
    jobs: Sequence[orders.Job]


@dataclasses.dataclass
class Row:
    """What is printed of one case.

    Attributes:
        requests: of users, each sent once by hand.
        creates: that reached vendors.
        paid: jobs that came to a clip: each is billed.
        delivered: videos that users could download.
        billed_usd: what vendors take for all of it.
        problems: what users were told who have no video, and how often.
    """

    fault: str
    requests: int = 0
    creates: int = 0
    paid: int = 0
    delivered: int = 0
    billed_usd: float = 0.0
    problems: dict[str, int] = dataclasses.field(default_factory=dict[str, int])


def rows(requests: Sequence[Request], now: float) -> Sequence[Row]:
    """Return a row for each case, in the order in which they come, as things are `now`, seconds since 1970."""
    found: dict[str, Row] = {}
    for one in requests:
        row = found.setdefault(one.case, Row(one.case))
        row.requests += 1
        row.creates += one.creates
        row.paid += sum(job.made(now) > 0 or job.bill_micros(now) > 0 for job in one.jobs)
        row.delivered += one.outcome.delivered
        billed = sum(job.bill_micros(now) for job in one.jobs)
        row.billed_usd = round(row.billed_usd + billed / MICROS_PER_DOLLAR, 6)
        if not one.outcome.delivered:
            row.problems[one.outcome.problem] = row.problems.get(one.outcome.problem, 0) + 1
    return list(found.values())


def broken(table: Sequence[Row]) -> Sequence[str]:
    """Return what a user would not want, a sentence for each row of which it is true."""
    found: list[str] = []
    for row in table:
        if row.paid > row.requests:
            found.append(f"{row.fault}: {row.requests} requests were paid {row.paid} times")
        if row.delivered < row.requests:
            without = row.requests - row.delivered
            found.append(f"{row.fault}: {without} of {row.requests} came to no video: {_told(row.problems)}")
    return found


def text(table: Sequence[Row]) -> str:
    """Return the rows in columns."""
    cells = [list(COLUMNS), *([_shown(getattr(row, name)) for name in COLUMNS] for row in table)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in cells
    )


def _shown(value: str | float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _told(problems: Mapping[str, int]) -> str:
    return "; ".join(problem if times == 1 else f"{problem} ({times} times)" for problem, times in problems.items())
