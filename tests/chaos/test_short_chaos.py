"""A short run of what `make chaos` does at length: a few kills where it hurts, and a mesh that gets over them."""

import pathlib

import pytest

from tests.chaos import places, running

# Right before and after intents, facts and results are on disk.
POINTS = (
    "orchestrator.begin.after_commit",
    "orchestrator.record.before_commit",
    "orchestrator.finish.after_commit",
    "orchestrator.finish_step.before_commit",
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", places.KINDS)
async def test_a_mesh_that_is_killed_here_and_there_loses_and_repeats_nothing(
    kind: str, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> None:
    if kind == places.POSTGRESQL:
        request.getfixturevalue("postgresql_url")
    plan = running.Plan(kind=kind, seed=1, jobs=6, users=3, points=POINTS, short=True, crashes_seconds=60.0)
    report = await running.report_of(plan, tmp_path, print)
    # How long it took is judged where a machine has nothing else to do.
    assert not report.broken, "\n".join([*report.table(), report.json()])
