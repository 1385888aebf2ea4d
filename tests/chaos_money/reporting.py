"""What is printed, and the same in JSON."""

import dataclasses
import json
from collections.abc import Sequence

from bench import reports
from tests.chaos_money import judging, running

MOST_SENTENCES = 40
SLOWEST_TOLD = 12


def table(rows: Sequence[judging.Row]) -> str:
    """Return the rows as text."""
    return reports.table([dataclasses.asdict(row) for row in rows])


def lines(report: running.Report) -> Sequence[str]:
    """Return what is printed."""
    total = {
        name: sum(getattr(row, name) for row in report.rows)
        for name in ("requests", "paid", "delivered", "video", "indeterminate")
    }
    unreconciled = sum(row.unreconciled_usd for row in report.rows)
    return [
        table(report.rows),
        "",
        f"{report.injected} faults, {report.kills} workers killed in their submits, {report.seconds:.0f} s",
        ", ".join(f"{name} {number}" for name, number in total.items()) + f", unreconciled ${unreconciled:.2f}",
        f"attempts in doubt that an operator settled: {report.adopted} adopted, {report.given_up} written off",
        f"requests with the job of another one, where a list tells nobody apart: {report.swapped}",
        "what took longest: "
        + ", ".join(f"{fault} {seconds:.0f} s" for fault, seconds in list(report.slowest.items())[:SLOWEST_TOLD]),
        "what vendors told: " + (", ".join(f"{many} {how}" for how, many in sorted(report.heard.items())) or "nothing"),
        *(f"BROKEN: {sentence}" for sentence in report.broken[:MOST_SENTENCES]),
        *([f"BROKEN: {len(report.broken) - MOST_SENTENCES} more"] if len(report.broken) > MOST_SENTENCES else []),
        "Every promise was kept." if not report.broken else f"{len(report.broken)} promises were broken.",
    ]


def as_json(report: running.Report) -> str:
    """Return the figures: the rows, and what is told of all."""
    return json.dumps(dataclasses.asdict(report), indent=1)
