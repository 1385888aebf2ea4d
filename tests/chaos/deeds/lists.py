"""All deeds, in the order in which they are done.

A new one is a function in a module beside this one, named here. Those by which the record itself goes back are a list
of their own: what is promised then is another thing, and `judging` is told what it may find.
"""

import dataclasses

from tests.chaos import fleet, places
from tests.chaos.deeds import processes, restoring, scenes, surroundings


def thorough(stands_on: places.Places) -> list[scenes.Deed]:
    """Return everything that is done once all crash points were visited."""
    made = [
        *(processes.frozen(service) for service in fleet.SERVICES),
        *(processes.killed(service) for service in fleet.SERVICES),
        *(processes.replaced(service) for service in fleet.SERVICES),
        processes.encoders_killed(),
        surroundings.bus_killed(),
        surroundings.bus_wiped(),
        surroundings.database_restarted(),
        surroundings.connections_cut(),
        surroundings.bucket_gone(),
        surroundings.disk_full(),
        surroundings.clocks_jump(),
        surroundings.vendor_gone(),
        restoring.operator_looks(),
        processes.all_killed(fleet.SERVICES),
    ]
    return [_possible(deed, stands_on) for deed in made]


def restores(stands_on: places.Places) -> list[scenes.Deed]:
    """Return everything by which the record goes back."""
    return [_possible(deed, stands_on) for deed in (restoring.put_back(), restoring.failed_over())]


def beside_the_crashes(stands_on: places.Places) -> list[scenes.Deed]:
    """Return what is done in turn while crash points are visited: some are passed in such times only."""
    made = [
        restoring.operator_looks(),
        surroundings.vendor_gone(),
        processes.frozen_in_submit(),
        processes.encoders_killed(),
        restoring.operator_looks(),
        surroundings.accounts_listed(),
        surroundings.watcher_gone(),
        surroundings.bucket_gone(),
        processes.replaced(fleet.WORKER),
        processes.encoders_killed(),
        surroundings.orphan_planted(),
        processes.killed(fleet.WORKER),
        processes.replaced("media"),
    ]
    return [deed for deed in (_possible(deed, stands_on) for deed in made) if not deed.absent]


def short(stands_on: places.Places) -> list[scenes.Deed]:
    """Return what is done in a run of less than a minute."""
    made = [
        processes.killed("orchestrator"),
        surroundings.bus_wiped(),
        processes.killed(fleet.WORKER),
        surroundings.connections_cut() if stands_on.replicated else processes.killed("storage"),
    ]
    return [_possible(deed, stands_on) for deed in made]


def _possible(deed: scenes.Deed, stands_on: places.Places) -> scenes.Deed:
    """Return the deed, with the reason if it cannot be done here."""
    absent = {
        "postgresql": "" if stands_on.replicated else deed.absent,
        "the bucket": "" if stands_on.bucket.wire or deed.what.startswith("bytes") else stands_on.bucket.absent,
        "the disk": stands_on.disk.absent,
    }.get(deed.whom, "")
    return dataclasses.replace(deed, absent=absent)
