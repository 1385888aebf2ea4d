"""A worker that is told to end hands over what it watches; the next one goes on long before its lease is renewed."""

import pathlib

import pytest
from reelmesh_simulators import catalogue, orders

from tests.e2e import caller as callers
from tests.e2e import mesh as meshes
from tests.e2e import test_runway
from tests.support import vendors

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

RUNWAY = "provider-runway"
FILMS = 4
PATIENCE_SECONDS = 250.0
# So far off that whoever waited for it would be too late.
RENEWED_EVERY_SECONDS = 600.0


async def test_the_next_worker_takes_over_at_once(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_KEY", "key-1")
    pace = orders.Pace(queue_seconds=0.1, render_seconds=6.0)
    async with vendors.selling(catalogue.DIALECTS["runway"], pace=pace) as served:
        accounts, card = tmp_path / "accounts.yaml", tmp_path / "card.toml"
        accounts.write_text(test_runway.ACCOUNTS.format(url=served.url))
        card.write_text(test_runway.CARD)
        leases = {"lease_seconds": 3 * RENEWED_EVERY_SECONDS, "renew_seconds": RENEWED_EVERY_SECONDS}
        told = {
            "orchestrator": {"accounts_file": accounts, **leases},
            RUNWAY: {"accounts_file": accounts, "runway_card_file": card},
        }
        async with meshes.up(tmp_path, meshes.Wanted(told=told, paid=(RUNWAY, RUNWAY))) as mesh:
            first, second = mesh.replicas[RUNWAY]
            await second.stop()
            asked = [
                (await mesh.caller.create(f"Film {number}", test_runway.OUTPUT, model="runway"))["id"]
                for number in range(FILMS)
            ]

            def made() -> int:
                lines = served.vendor.ledger.lines(served.vendor.now)
                return sum(len(each.job_ids) for each in lines)

            await callers.until(lambda: made() == FILMS, "all are accepted", PATIENCE_SECONDS)
            await second.start()
            await callers.until(lambda: meshes.is_ready(second), "the next worker has a lease", PATIENCE_SECONDS)
            await first.stop()
            for each in asked:
                done = await mesh.caller.ended(each, PATIENCE_SECONDS)
                assert (done["state"], done["delivery"]) == ("COMPLETED", "VIDEO")
            assert made() == FILMS, "nothing was asked for twice"
