"""The chart with our own image, as a platform team has it: installed, used, upgraded under load.

One installation for these tests, for those of test_release_scaling.py and of test_release_uninstalling.py, in this
order: what a test changes the next ones have.
"""

import asyncio
import pathlib

import pytest
from reelmesh_client import client

from tests.cluster import load as loads
from tests.cluster import release as releases
from tests.e2e import films

# The first builds what is missing.
pytestmark = pytest.mark.timeout(3600)


async def test_a_generation_through_the_service_becomes_a_film(
    release: releases.Release, tmp_path: pathlib.Path
) -> None:
    async with release.caller(release.key()) as caller:
        with release.timed("a generation"):
            made = await caller.made("a paper boat")
        content = await caller.content(made["renditions"][0]["asset_id"])
    films.checked(content, tmp_path, seconds=1.0, size=(160, 90))
    assert len(films.frames(content)) > 10


def test_helm_test_finds_it_well(release: releases.Release) -> None:
    assert "Phase:          Succeeded" in release.test()


async def test_an_upgrade_that_replaces_every_service_under_load_fails_no_request(release: releases.Release) -> None:
    key = release.has_key()
    release.upgrade(releases.GROWN)
    before = release.services()
    async with release.caller(key) as caller, client.Client(f"{release.address}:9090", key) as by_grpc:
        load = loads.Load(caller, by_grpc)
        async with load.running():
            await asyncio.to_thread(release.upgrade, {"defaults": {"podAnnotations": {"round": "2"}}})
    assert load.failed == [], f"{load.failed}\n{release.told()}"
    assert min(load.done[what] for what in loads.KINDS) > 0, load.done
    after = release.services()
    assert after.keys() == before.keys()
    assert not {pod for pods in before.values() for pod in pods} & {pod for pods in after.values() for pod in pods}
    print(f"\nrequests without a failure: {dict(load.done)}")
