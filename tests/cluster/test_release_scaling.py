"""The chart's operator, under its own account, scales the chart's workers: a burst of slow jobs, from none to none.

A worker's jobs are at a vendor in the cluster, and outlive it. One burst for all of these tests, in this order.
"""

import asyncio
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from reelmesh_kit import chance, clock

from tests.cluster import people, scaling, vendor, watching
from tests.cluster import release as releases

# The first builds what is missing.
pytestmark = pytest.mark.timeout(3600)

SEED = 20
# Killed in the middle of what they do, or told to end in good order.
DEATHS = ("--grace-period=1", "--grace-period=30", "--grace-period=30", "--grace-period=1")
# How long what must not happen is waited for: longer than the windows after which a pool shrinks to none.
HELD_SECONDS = 15.0
PATHS = (".metadata.name", ".metadata.deletionTimestamp", '.status.conditions[?(@.type=="Ready")].status')
_CLOCK = clock.SystemClock()


@pytest.fixture(scope="module")
def scene(release: releases.Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[scaling.Scene]:
    """Have the release scaled, and a vendor; yield it when nobody works there."""
    cluster, namespace = release.cluster, release.namespace
    release.has_key()
    cluster.apply(people.service_account(scaling.ON_CALL), namespace=namespace)
    vendor.start(cluster, namespace, "sglang", f"--render-seconds={scaling.RENDER_SECONDS}")
    with release.timed("the operator and a pool"):
        release.upgrade(releases.merged(releases.GROWN, scaling.SCALED))
    logs = watching.Logs(cluster, namespace, tmp_path_factory.mktemp("logs"))

    def follow(values: tuple[str, ...]) -> None:
        if values[2] == "True":
            logs.follow(values[0])

    of_workers = f"app.kubernetes.io/component={scaling.WORKER}"
    with (
        watching.watch(cluster, namespace, f"deployment/{scaling.WORKLOAD}", ".spec.replicas") as replicas,
        watching.watch(cluster, namespace, "pods", *PATHS, selector=of_workers, told=follow) as pods,
    ):
        made = scaling.Scene(release, logs, replicas, pods)
        # The first worker tells what the provider can do, and goes.
        with release.timed("the first worker, and nobody again"):
            made.until(lambda: made.pool().get("desiredReplicas") == 0 and not made.live())
        yield made
    logs.end()
    vendor.stop(cluster, namespace)
    cluster.delete("serviceaccount", scaling.ON_CALL, namespace)


async def test_a_burst_has_its_workers_at_once(scene: scaling.Scene) -> None:
    with scene.release.timed("the burst"):
        await scene.burst()
    with scene.release.timed("workers for the burst"):
        await asyncio.to_thread(scene.until, lambda: scene.ready() >= scaling.TARGET)
    scene.moments["all are ready"] = _CLOCK.elapsed()
    assert scene.wanted() == scaling.TARGET
    scaling.keep(scene.rows())


async def test_workers_that_are_killed_or_end_at_work_are_replaced(scene: scaling.Scene) -> None:
    dice = chance.SeededChance(SEED)
    with scene.release.timed("workers are deleted"):
        for death in DEATHS:
            await _CLOCK.sleep(dice.uniform(2.0, 6.0))
            victims = sorted(scene.live())
            victim = victims[int(dice.uniform(0, len(victims)))]
            scene.deleted.add(victim)
            scene.cluster.run("delete", "pod", victim, f"--namespace={scene.namespace}", "--wait=false", death)
        await asyncio.to_thread(scene.until, lambda: scene.ready() >= scene.wanted() > 0)
    assert len(scene.deleted) == len(DEATHS)


async def test_while_nobody_says_how_much_there_is_to_do_the_pool_stays(scene: scaling.Scene) -> None:
    cluster, namespace = scene.cluster, scene.namespace
    before = scene.wanted()
    orchestrator = f"deployment/{releases.NAME}-orchestrator"
    with scene.release.timed("no orchestrator"):
        since = _CLOCK.elapsed()
        cluster.run("scale", orchestrator, "--replicas=0", f"--namespace={namespace}")
        of_orchestrator = "--selector=app.kubernetes.io/component=orchestrator"
        cluster.run("delete", "pods", of_orchestrator, f"--namespace={namespace}", "--grace-period=1")
        await asyncio.to_thread(scene.until, lambda: scene.condition("SignalHealthy") == ("False", "SignalStale"))
        assert scene.condition("Ready") == ("False", "SignalStale")
        await _CLOCK.sleep(HELD_SECONDS)
        assert scene.condition("SignalHealthy") == ("False", "SignalStale")
        assert {seen.values[0] for seen in scene.replicas.seen if seen.at >= since} <= {str(before)}
        assert scene.wanted() == before
        cluster.run("scale", orchestrator, "--replicas=2", f"--namespace={namespace}")
        await asyncio.to_thread(scene.until, lambda: scene.condition("SignalHealthy")[0] == "True")


async def test_a_pool_that_is_paused_stays_although_there_is_less_to_do(
    scene: scaling.Scene, tmp_path: pathlib.Path
) -> None:
    person = people.with_account(scene.cluster, scene.namespace, scaling.ON_CALL, tmp_path)
    # By itself it has begun to shrink, while there is work.
    await asyncio.to_thread(scene.until, lambda: scene.wanted() < scaling.TARGET)
    paused = person.pools("pause", scaling.WORKLOAD)
    assert paused.returncode == 0, paused.stderr
    await asyncio.to_thread(scene.until, lambda: scene.condition("Paused")[0] == "True")
    held, since = scene.wanted(), _CLOCK.elapsed()
    with scene.release.timed("all films"):
        async with asyncio.timeout(scaling.PATIENCE_SECONDS):
            films = await scene.ended()
    scene.moments["all are delivered"] = _CLOCK.elapsed()
    await asyncio.to_thread(scene.until, lambda: scene.condition("Active") == ("False", "NoWork"))
    await _CLOCK.sleep(HELD_SECONDS)
    assert {seen.values[0] for seen in scene.replicas.seen if seen.at >= since} <= {str(held)}
    (told,) = json.loads(person.pools("list", "--json").stdout)
    assert (told["spec"]["pause"], told["status"]["replicas"]) == ("All", held)
    assert "Paused" in person.pools("describe", scaling.WORKLOAD).stdout
    assert {(film["state"], film["delivery"]) for film in films} == {("COMPLETED", "VIDEO")}


async def test_afterwards_nobody_is_left_nothing_is_lost_nothing_was_made_twice_and_nobody_went_at_work(
    scene: scaling.Scene, tmp_path: pathlib.Path
) -> None:
    person = people.with_account(scene.cluster, scene.namespace, scaling.ON_CALL, tmp_path)
    resumed = person.pools("resume", scaling.WORKLOAD)
    assert resumed.returncode == 0, resumed.stderr
    with scene.release.timed("back to none"):
        await asyncio.to_thread(scene.until, lambda: scene.wanted() == 0 and not scene.live())
    scene.moments["nobody is left"] = _CLOCK.elapsed()
    book = await vendor.ledger(scene.cluster, scene.namespace)
    made = {line["request"]: len(line["job_ids"]) for line in book["requests"]}
    assert made == {f"Film {number} of the burst": 1 for number in range(scaling.JOBS)}
    operator = scene.cluster.logs(f"deployment/{releases.NAME}-operator", scene.namespace, "--tail=-1")
    at_work = {pod: words for pod in scene.removed() if (words := scene.last_words(pod)) and not _had_nothing(words)}
    assert at_work == {}, f"who is at work is not taken by the operator, which says:\n{operator}"
    # The same words say of some that were deleted by hand that they were at work: it can be told.
    ended = [words for pod in scene.deleted if (words := scene.last_words(pod))]
    assert any(not _had_nothing(words) for words in ended), ended
    assert len([pod for pod in scene.removed() if scene.last_words(pod)]) >= scaling.TARGET
    assert "Forbidden" not in operator
    said = [line for line in watching.lines(operator) if "exception" in line]
    assert {f"{line['message']}: {line['exception'].strip().splitlines()[-1]}" for line in said} == set()
    scaling.keep(scene.rows())


def _had_nothing(words: Mapping[str, Any]) -> bool:
    return bool(words["idle"]) and not words["watched"]
