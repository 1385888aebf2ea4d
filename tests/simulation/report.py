"""What a campaign came to, for people and as JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulation import campaign, faults, plan, world

Figures = dict[str, Any]


def figures(total: campaign.Total, finders: Mapping[str, campaign.Summary | None], real_seconds: float) -> Figures:
    """Return what a campaign came to, by name; what is counted by kind or type, in a mapping of its own."""
    return {
        "seeds": total.seeds,
        "failing seeds": [one.seed for one in total.failures],
        "generations asked for": total.wishes,
        "requests that vendors got": total.submits,
        "jobs that vendors made": total.jobs,
        "virtual hours": round(total.virtual_seconds / 3600, 1),
        "real seconds": round(real_seconds),
        "faults that struck": total.faults.total(),
        "faults": {kind.value: total.faults[kind.name] for kind in faults.Kind},
        "events that were recorded": total.events.total(),
        "events": dict(sorted(total.events.items())),
        "planted bugs": {bug: finder(one) for bug, one in finders.items()},
    }


def table(of: Figures) -> str:
    """Return the table of a campaign."""
    rows: list[tuple[str, str]] = []
    for name, value in of.items():
        if isinstance(value, dict):
            rows += [(f"  {kind}", str(count)) for kind, count in value.items()]
        elif isinstance(value, list):
            rows.append((name, ", ".join(str(one) for one in value) or "none"))
        else:
            rows.append((name, str(value)))
    return "\n".join(f"{name:<46} {value}" for name, value in rows)


def as_json(of: Figures, small: Sequence[plan.Plan]) -> str:
    """Return the same for machines; failing seeds come with the smallest plan that fails."""
    return json.dumps({**of, "smallest failing plans": [json.loads(one.to_json()) for one in small]}, indent=2)


def finder(one: campaign.Summary | None) -> str:
    """Return who found a planted bug, and by which rule."""
    return f"found by seed {one.seed}: {one.violations[0].rule}" if one else "NOT FOUND"


def again(seed: int, bug: str = "") -> str:
    """Return the command that tells a seed in full, made small."""
    planted = f" --bug '{bug}'" if bug else ""
    return f"python -m tests.simulation --seeds 1 --seed {seed}{planted} --small"


def failure(came: world.Outcome) -> str:
    """Return a run with everything that is needed to understand it."""
    of = came.plan
    lines = [f"seed {of.seed}, digest {came.digest}", "", "profile:", f"  {of.profile}", "", "wishes:"]
    lines += [f"  {wish}" for wish in of.wanted]
    lines += ["", "faults:", *(f"  {fault}" for fault in of.faults), "", "trace:", *came.lines, ""]
    lines += [f"VIOLATION of {one.rule}: {one.message}" for one in came.violations] or ["no violation"]
    return "\n".join(lines)
