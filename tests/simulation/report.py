"""What a campaign came to, for people and as JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulation import campaign, faults, plan, world


def table(total: campaign.Total, bugs: Mapping[str, campaign.Summary | None], real_seconds: float) -> str:
    """Return the table of a campaign."""
    rows = [
        ("seeds", f"{total.seeds}"),
        ("failing", f"{len(total.failures)}"),
        ("generations asked for", f"{total.wishes}"),
        ("requests that vendors got", f"{total.submits}"),
        ("jobs that vendors made", f"{total.jobs}"),
        ("virtual hours", f"{total.virtual_seconds / 3600:.1f}"),
        ("real seconds", f"{real_seconds:.0f}"),
        ("faults that struck", f"{total.faults.total()}"),
    ]
    rows += [(f"  {kind}", f"{total.faults[kind.name]}") for kind in faults.Kind]
    rows += [("events that were recorded", f"{total.events.total()}")]
    rows += [(f"  {type_}", f"{count}") for type_, count in sorted(total.events.items())]
    for bug, finder in bugs.items():
        rows.append((f"planted: {bug}", _finder(finder)))
    return "\n".join(f"{name:<46} {value}" for name, value in rows)


def _finder(one: campaign.Summary | None) -> str:
    return f"found by seed {one.seed}: {one.violations[0].rule}" if one else "NOT FOUND"


def failure(came: world.Outcome) -> str:
    """Return a run with everything that is needed to understand it."""
    of = came.plan
    lines = [f"seed {of.seed}, digest {came.digest}", "", "profile:", f"  {of.profile}", "", "wishes:"]
    lines += [f"  {wish}" for wish in of.wanted]
    lines += ["", "faults:", *(f"  {fault}" for fault in of.faults), "", "trace:", *came.lines, ""]
    lines += [f"VIOLATION of {one.rule}: {one.message}" for one in came.violations] or ["no violation"]
    return "\n".join(lines)


def as_json(
    total: campaign.Total, bugs: Mapping[str, campaign.Summary | None], small: Sequence[plan.Plan], real_seconds: float
) -> str:
    """Return the same for machines; failing seeds come with the smallest plan that fails."""
    found: dict[str, Any] = {
        bug: {"seed": one.seed, "rule": one.violations[0].rule} if one else None for bug, one in bugs.items()
    }
    return json.dumps(
        {
            "seeds": total.seeds,
            "failing_seeds": [one.seed for one in total.failures],
            "generations": total.wishes,
            "submits": total.submits,
            "jobs": total.jobs,
            "virtual_hours": round(total.virtual_seconds / 3600, 2),
            "real_seconds": round(real_seconds, 1),
            "faults": {kind.value: total.faults[kind.name] for kind in faults.Kind},
            "events": dict(sorted(total.events.items())),
            "planted": found,
            "smallest_failing_plans": [json.loads(one.to_json()) for one in small],
        },
        indent=2,
    )
