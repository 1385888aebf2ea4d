"""A short run of what `make chaos-money` does at length: some vendors, the OpenAI door, and a worker that is killed."""

import pathlib

import pytest
from reelmesh_provider import model

from tests.chaos_money import dialects, faults, films, reporting, running

LIMITS = films.Limits(
    parallel=20,
    deadline_seconds=300.0,
    film_seconds=300.0,
    asking_seconds=300.0,
    doubtful_seconds=300.0,
    over_seconds=300.0,
)
VENDORS = ("openai", "vllm-omni", "veo", "omni", "runway", "fal")
# An answer is lost, asking is refused for now, bytes break off.
EVERYWHERE = ("accept-drop", "busy", "truncate")
REQUEST_SECONDS = 30.0
# Vendors tell of ends: twice, signed by somebody else, before they have answered themselves; Google where nothing else
# brings back an id that was lost.
TOLD = (
    ("openai", "webhook-twice"),
    ("openai", "webhook-first"),
    ("fal", "drop-and-webhook-forged"),
    ("omni", "drop-and-webhook-forged"),
)
# A worker that dies is a process of its own, and takes seconds to come back.
KILLED, KILL = "fal", "kill: job made"


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_each_vendor_is_paid_once_whatever_goes_wrong(tmp_path: pathlib.Path) -> None:
    chosen = [one for one in dialects.ALL if one.name in VENDORS]
    rows = [(one, faults.BY_NAME[name]) for one in chosen for name in EVERYWHERE]
    # What is lost where nothing can be looked up waits for a deadline: the long run has the time.
    rows = [(one, fault) for one, fault in rows if not (fault.lost and one.recovery is model.Recovery.NONE)]
    rows += [(one, faults.BY_NAME[name]) for one in chosen for vendor, name in TOLD if one.name == vendor]
    rows += [(one, faults.BY_NAME[KILL]) for one in chosen if one.name == KILLED]
    # No fault here is a vendor that does not answer: who is slow is a machine that is busy.
    plan = running.Plan(injected=1, seed=1, limits=LIMITS, rows=rows, core_apart=False, request_seconds=REQUEST_SECONDS)
    report = await running.report_of(plan, tmp_path, print)
    assert not report.broken, "\n".join(reporting.lines(report))
    assert (report.injected, report.kills) == (len(rows) + running.AT_THE_DOOR, 1)
    assert min(report.heard.get(each, 0) for each in ("nudged", "duplicate", "forged")) > 0
    assert all((row.paid <= row.requests == row.video, row.unreconciled_usd) == (True, 0.0) for row in report.rows)
