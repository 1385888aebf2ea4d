"""What a request refers to is checked before anything is asked of storage or planned."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from reelmesh_kit import clock, errors, ids
from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import request
from reelmesh_orchestrator.usecases import crowding, generations

from tests.support import orchestrator

REFERENCE = "00000000-0000-0000-0000-000000000001"


class Assets:
    """Knows no asset, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def check_references(self, asset_ids: Sequence[str], tenant_id: str) -> None:
        self.asked += [f"{tenant_id}/{asset_id}" for asset_id in asset_ids]
        if asset_ids:
            raise errors.AssetUnusable


class Counted:
    """A record in which nothing is unfinished."""

    async def read(self, work: Callable[[ports.Store], object]) -> int:
        return 0


FIRST, LAST = (f"00000000-0000-0000-0000-00000000000{number}" for number in (2, 3))


@pytest.fixture
def assets() -> Assets:
    return Assets()


@pytest.fixture
def verbs(assets: Assets) -> generations.Generations:
    """Return the verbs; whoever reaches the record has gone too far."""
    return generations.Generations(
        cast("ports.Record", None),
        assets,
        cast("Any", None),
        ids.SeededIds(),
        orchestrator.POLICY,
        crowding.Crowding(cast("ports.Record", Counted()), clock.ManualClock(), limit=1),
        most_open=1,
    )


async def test_a_quote_refuses_pictures_that_a_create_would_refuse(
    verbs: generations.Generations, assets: Assets
) -> None:
    asked = request.Request(
        prompt="a red kite",
        reference_asset_ids=(REFERENCE,),
        first_frame_asset_id=FIRST,
        last_frame_asset_id=LAST,
    )
    with pytest.raises(errors.AssetUnusable):
        await verbs.quote("tenant", asked)
    with pytest.raises(errors.AssetUnusable):
        await verbs.create("tenant", asked, "", "")
    assert assets.asked == [f"tenant/{asset_id}" for asset_id in (REFERENCE, FIRST, LAST)] * 2


async def test_storage_is_not_asked_about_more_pictures_than_are_taken(
    verbs: generations.Generations, assets: Assets
) -> None:
    asked = request.Request(prompt="a red kite", reference_asset_ids=(REFERENCE,) * 5)
    for call in (verbs.quote("tenant", asked), verbs.create("tenant", asked, "", "")):
        with pytest.raises(errors.InvalidArgument, match="at most 4"):
            await call
    assert assets.asked == []
