"""`make simulate-scaling`: days of traffic through the pure controller, and beside it the rule of a queue's length."""

import argparse
import dataclasses
import json
import pathlib
import statistics
import sys
from collections.abc import Sequence

from tests.scaling import running, tales

COLUMNS = ("traffic", "rule", "wait p50", "wait p95", "worker-hours", "busy kills", "429s", "flaps", "done")
ROW = "{:<14} {:<25} {:>9} {:>9} {:>13} {:>11} {:>7} {:>6} {:>8}"


def _row(tale: str, rule: str, outcomes: Sequence[running.Outcome]) -> dict[str, object]:
    waits = sorted(wait for one in outcomes for wait in one.waits)
    return dict(
        zip(
            COLUMNS,
            (
                tale,
                rule,
                f"{statistics.median(waits):.0f} s",
                f"{waits[int(0.95 * (len(waits) - 1))]} s",
                f"{sum(one.worker_hours for one in outcomes) / len(outcomes):.1f}",
                sum(one.busy_kills for one in outcomes),
                sum(one.refusals for one in outcomes),
                sum(one.flaps for one in outcomes),
                sum(one.done for one in outcomes),
            ),
            strict=True,
        )
    )


def main(argv: Sequence[str]) -> int:
    """Print the table; return 1 when a promise is broken."""
    parser = argparse.ArgumentParser(prog="simulate-scaling", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--json", default="", help="where to keep the numbers")
    told = parser.parse_args(argv)
    print(ROW.format(*COLUMNS))
    outcomes: list[running.Outcome] = []
    rows: list[dict[str, object]] = []
    for tale in tales.TALES:
        for rule in running.RULES:
            lived = [running.live(tale, rule, seed) for seed in range(told.seed, told.seed + told.seeds)]
            outcomes += lived
            rows.append(_row(tale.name, rule, lived))
            print(ROW.format(*map(str, rows[-1].values())), flush=True)
    broken = [what for one in outcomes if one.rule == running.OURS for what in one.broken]
    print(f"\n{told.seeds} seeds of each. Worker-hours are the mean of a seed; the rest is the sum, or of all of them.")
    print("\n".join(["", "BROKEN:", *broken]) if broken else "Nothing that is promised was broken.")
    if told.json:
        numbers = [dataclasses.asdict(one) | {"waits": len(one.waits)} for one in outcomes]
        pathlib.Path(told.json).write_text(json.dumps({"table": rows, "broken": broken, "seeds": numbers}, indent=1))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
