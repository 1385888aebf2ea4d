"""`python -m tests.simulation`: lives through seeds; fails if one breaks a rule, or a planted bug goes unseen."""

import argparse
import pathlib
import sys

from reelmesh_kit import clock

from tests.simulation import campaign, plan, planted, report, world

# A planted bug that so many seeds do not find is not looked for well enough.
PLANTED_SEEDS = 200
PROGRESS_SEEDS = 50


def main() -> int:
    """Run what the command line asks for."""
    asked = _arguments()
    if asked.plan is not None:
        return _one(plan.Plan.from_json(asked.plan.read_text()), asked)
    if asked.seeds == 1:
        return _one(plan.drawn(asked.seed), asked)
    return _many(asked)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many; one alone is told in full, 0 are none")
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--processes", type=int, default=2, help="how many run side by side")
    parser.add_argument("--bug", choices=["", *planted.BUGS], default="", help="plant a bug")
    parser.add_argument("--planted", action="store_true", help="look for every planted bug as well")
    parser.add_argument("--plan", type=pathlib.Path, help="live through a plan that was kept")
    parser.add_argument("--small", action="store_true", help="make a failing seed small before it is told")
    parser.add_argument("--json", type=_path, help="where to write the results; of one seed, its plan")
    return parser.parse_args()


def _path(text: str) -> pathlib.Path | None:
    """Return where to write; "" is nowhere, as make has it."""
    return pathlib.Path(text) if text else None


def _one(of: plan.Plan, asked: argparse.Namespace) -> int:
    came = world.lived(of, campaign.wiring(asked.bug), tell=True)
    if came.violations and asked.small:
        of = campaign.smallest(of, asked.bug)
        came = world.lived(of, campaign.wiring(asked.bug), tell=True)
    print(report.failure(came))
    if asked.json is not None:
        asked.json.write_text(of.to_json() + "\n")
    return int(bool(came.violations))


def _many(asked: argparse.Namespace) -> int:
    time = clock.SystemClock()
    began = time.elapsed()
    total = campaign.Total()
    with campaign.Crew(asked.processes) as crew:
        for one in crew.many(range(asked.seed, asked.seed + asked.seeds), asked.bug):
            total.add(one)
            for violation in one.violations:
                print(f"seed {one.seed}: {violation.rule}: {violation.message}", flush=True)
            if one.violations:
                print(f"  again: {report.again(one.seed, asked.bug)}", flush=True)
            if total.seeds % PROGRESS_SEEDS == 0:
                _say(f"{total.seeds} of {asked.seeds} seeds, {len(total.failures)} failing", time.elapsed() - began)
        finders: dict[str, campaign.Summary | None] = {}
        for bug in planted.BUGS if asked.planted else ():
            finders[bug] = crew.found(bug, range(asked.seed, asked.seed + PLANTED_SEEDS))
            _say(f"planted: {bug}: {report.finder(finders[bug])}", time.elapsed() - began)
    small = [campaign.smallest(plan.drawn(one.seed), asked.bug) for one in total.failures[:1]]
    for each in small:
        print(report.failure(world.lived(each, campaign.wiring(asked.bug), tell=True)))
    figures = report.figures(total, finders, time.elapsed() - began)
    print(report.table(figures))
    if asked.json is not None:
        asked.json.write_text(report.as_json(figures, small) + "\n")
    return int(bool(total.failures) or None in finders.values())


def _say(what: str, seconds: float) -> None:
    print(f"{seconds:6.0f} s  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
