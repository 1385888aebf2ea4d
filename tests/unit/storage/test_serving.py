"""Serving: by owner, by range, by link; every refusal says why."""

import datetime
import uuid
from typing import Any

import pytest
from reelmesh_kit import errors
from reelmesh_storage.model import asset, link
from reelmesh_storage.usecases import serving

from tests.unit.storage import world as worlds

BODY = bytes(range(200))
HOUR = datetime.timedelta(hours=1)


async def stored(world: worlds.World, **values: Any) -> asset.Asset:
    return await world.storing().store(worlds.intended(**values), worlds.chunks(BODY))


async def read(world: worlds.World, found: asset.Asset, offset: int, length: int, tenant_id: str = "") -> bytes:
    _, chunks = await world.serving().read(found.id, tenant_id, offset, length)
    return b"".join([chunk async for chunk in chunks])


def token_of(url: str) -> str:
    assert url.startswith(serving.FILES_PATH)
    return url.removeprefix(serving.FILES_PATH)


@pytest.mark.parametrize(("offset", "length"), [(0, 0), (0, 200), (0, 1), (199, 0), (199, 1), (5, 0), (5, 100)])
async def test_any_range_of_an_asset_is_read(world: worlds.World, offset: int, length: int) -> None:
    found = await stored(world)
    assert await read(world, found, offset, length) == BODY[offset : offset + length if length else None]


@pytest.mark.parametrize(
    ("offset", "length", "field"),
    [
        (-1, 0, "offset"),
        (200, 0, "offset"),
        (2**40, 1, "offset"),
        (0, 201, "length"),
        (199, 2, "length"),
        (0, -1, "length"),
    ],
)
async def test_bytes_that_an_asset_does_not_have_are_refused(
    world: worlds.World, offset: int, length: int, field: str
) -> None:
    found = await stored(world)
    with pytest.raises(errors.InvalidArgument) as refusal:
        await read(world, found, offset, length)
    assert refusal.value.field == field
    assert refusal.value.metadata["size_bytes"] == "200"


async def test_owners_and_services_are_served_and_strangers_find_nothing(world: worlds.World) -> None:
    found = await stored(world, tenant_id="acme")
    use_case = world.serving()
    for tenant_id in ("acme", ""):
        assert await use_case.stat(found.id, tenant_id) == found
        assert await read(world, found, 0, 0, tenant_id) == BODY
        await use_case.sign(found.id, tenant_id, HOUR)
    for stranger in ("default", "acm", "ACME"):
        for verb in (
            use_case.stat(found.id, stranger),
            use_case.read(found.id, stranger, 0, 0),
            use_case.sign(found.id, stranger, HOUR),
            world.lives().remove(found.id, stranger),
        ):
            with pytest.raises(errors.NotFound):
                await verb
    assert await read(world, found, 0, 0) == BODY


async def test_what_never_was_is_not_found(world: worlds.World) -> None:
    with pytest.raises(errors.NotFound):
        await world.serving().stat(uuid.UUID(int=7), "")


async def test_an_asset_is_served_until_the_moment_it_expires(world: worlds.World) -> None:
    found = await stored(world, life=HOUR)
    world.clock.advance(3599)
    assert await read(world, found, 0, 0) == BODY
    world.clock.advance(1)
    with pytest.raises(errors.NotFound):
        await read(world, found, 0, 0)


async def test_lost_bytes_are_not_found(world: worlds.World) -> None:
    found = await stored(world)
    (world.folder / found.key).unlink()
    with pytest.raises(errors.NotFound):
        await read(world, found, 0, 0)


async def test_shortened_bytes_are_not_passed_off_as_whole(world: worlds.World) -> None:
    found = await stored(world)
    (world.folder / found.key).write_bytes(BODY[:100])
    with pytest.raises(errors.NotFound, match="shorter"):
        await read(world, found, 0, 0)


async def test_a_link_works_until_it_expires(world: worlds.World) -> None:
    found = await stored(world)
    use_case = world.serving()
    url, expires_at = await use_case.sign(found.id, "default", HOUR)
    assert HOUR - datetime.timedelta(seconds=1) < expires_at - world.clock.now() <= HOUR
    world.clock.advance(3598)
    assert await use_case.verify(token_of(url)) == found.id
    world.clock.advance(2)
    with pytest.raises(errors.PermissionDenied, match="expired"):
        await use_case.verify(token_of(url))


async def test_a_link_does_not_outlive_its_asset(world: worlds.World) -> None:
    found = await stored(world, life=HOUR)
    use_case = world.serving()
    url, expires_at = await use_case.sign(found.id, "", 24 * HOUR)
    assert found.expires_at is not None
    assert expires_at == found.expires_at.replace(microsecond=0)
    await world.lives().remove(found.id, "")
    with pytest.raises(errors.NotFound):
        await use_case.verify(token_of(url))


async def test_a_link_that_was_tampered_with_or_is_of_another_installation_is_refused(world: worlds.World) -> None:
    found = await stored(world)
    use_case = world.serving()
    url, expires_at = await use_case.sign(found.id, "", HOUR)
    forged = link.token(link.Link(found.id, expires_at), b"another secret")
    for token in (token_of(url)[::-1], token_of(url)[:-1], forged, "", "../../etc/passwd"):
        with pytest.raises(errors.PermissionDenied, match="not valid"):
            await use_case.verify(token)


@pytest.mark.parametrize(
    "validity",
    [datetime.timedelta(0), datetime.timedelta(seconds=-1), link.LONGEST_VALIDITY + datetime.timedelta(seconds=1)],
)
async def test_a_link_that_would_be_valid_for_too_long_or_not_at_all_is_refused(
    world: worlds.World, validity: datetime.timedelta
) -> None:
    found = await stored(world)
    with pytest.raises(errors.InvalidArgument, match="valid_for"):
        await world.serving().sign(found.id, "", validity)


async def test_counts_follow_what_is_stored_and_removed(world: worlds.World) -> None:
    found = await stored(world)
    await stored(world, kind=asset.Kind.FACE)
    use_case = world.serving()
    assert [(each.kind, each.assets, each.size_bytes) for each in await use_case.count("default")] == [
        (asset.Kind.CLIP, 1, 200),
        (asset.Kind.FACE, 1, 200),
    ]
    await world.lives().remove(found.id, "")
    assert [each.kind for each in await use_case.count("")] == [asset.Kind.FACE]
    assert await use_case.count("nobody") == []
