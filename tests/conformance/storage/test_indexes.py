"""What the index keeps on every database: one asset under an id, one write under a key, owners and expiries."""

import asyncio
import datetime
import pathlib
import uuid
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from reelmesh_kit import clock, errors, ids, sql
from reelmesh_storage import ports
from reelmesh_storage.adapters import sql as sql_adapter
from reelmesh_storage.adapters.sql import tables
from reelmesh_storage.model import asset, leftovers

CONTENT = asset.Content(5, "0" * 64)
OTHER_CONTENT = asset.Content(6, "1" * 64)
AT_ONCE = datetime.timedelta(microseconds=1)
GENERATION = uuid.UUID(int=99)
FRESH = ids.RandomIds()


@pytest.fixture(params=["sqlite", "sqlite in memory", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> AsyncGenerator[sql.Database]:
    urls = {"sqlite": f"sqlite:///{tmp_path / 'index.db'}", "sqlite in memory": "sqlite://"}
    url = urls.get(request.param) or request.getfixturevalue("postgresql_url")
    async with sql.open_database(url, clock.SystemClock(), migrations="reelmesh_storage") as opened:
        yield opened


@pytest.fixture
def index(database: sql.Database) -> ports.Index:
    return sql_adapter.SqlIndex(database)


@pytest.fixture
def sweep(database: sql.Database) -> ports.SweepIndex:
    return sql_adapter.SqlSweepIndex(database)


def intended(**values: Any) -> asset.Intent:
    given: dict[str, Any] = {
        "asset_id": FRESH.fresh(),
        "tenant_id": "default",
        "kind": asset.Kind.CLIP,
        "content_type": "video/mp4",
    }
    return asset.Intent(**(given | values))


async def store(index: ports.Index, intent: asset.Intent, content: asset.Content = CONTENT) -> asset.Asset:
    begun = await index.begin(intent, FRESH.fresh())
    assert isinstance(begun, ports.Begun)
    return await index.settle(intent, begun.write_id, content)


async def states(database: sql.Database) -> list[str]:
    rows = await database.read(lambda transaction: transaction.rows(tables.WRITES.select().limit(100)))
    return sorted(row.state for row in rows)


async def age(database: sql.Database, by: datetime.timedelta) -> None:
    """Make everything look as if it had happened that long ago."""

    def work(transaction: sql.Transaction) -> None:
        for row in transaction.rows(tables.WRITES.select().limit(100)):
            statement = tables.WRITES.update().where(tables.WRITES.c.write_id == row.write_id)
            transaction.execute(statement.values(changed_at=row.changed_at - by))

    await database.write(work)


async def test_a_settled_write_is_found_with_all_that_was_said_of_it(index: ports.Index) -> None:
    intent = intended(
        user_id="ada",
        generation_id=GENERATION,
        kind=asset.Kind.RENDITION,
        name="720p",
        width=1280,
        height=720,
        duration_seconds=7.5,
    )
    stored = await store(index, intent)
    seen = await index.find(intent.asset_id, "default")
    assert seen.asset == stored
    assert (stored.id, stored.tenant_id, stored.user_id) == (intent.asset_id, "default", "ada")
    assert (stored.kind, stored.content_type, stored.content) == (intent.kind, "video/mp4", CONTENT)
    assert (stored.width, stored.height, stored.duration_seconds) == (1280, 720, 7.5)
    assert stored.generation_id == GENERATION
    assert stored.key == f"videos/ada/{stored.created_at:%Y/%m/%d}/{GENERATION}_720p.mp4"
    assert stored.expires_at == stored.created_at + asset.PROVISIONAL_LIFE
    assert abs(seen.now - clock.SystemClock().now()) < datetime.timedelta(minutes=1)


async def test_a_write_that_did_not_settle_is_no_asset(index: ports.Index) -> None:
    intent = intended()
    await index.begin(intent, FRESH.fresh())
    with pytest.raises(errors.NotFound):
        await index.find(intent.asset_id, "")
    assert await index.keep([intent.asset_id]) == [intent.asset_id]
    with pytest.raises(errors.NotFound):
        await index.condemn(intent.asset_id, "")


async def test_a_stranger_finds_nothing_and_a_service_finds_all(index: ports.Index) -> None:
    intent = intended(tenant_id="acme")
    stored = await store(index, intent)
    assert (await index.find(intent.asset_id, "")).asset == stored
    assert (await index.find(intent.asset_id, "acme")).asset == stored
    with pytest.raises(errors.NotFound):
        await index.find(intent.asset_id, "acme2")
    with pytest.raises(errors.NotFound):
        await index.condemn(intent.asset_id, "acme2")
    assert (await index.find(intent.asset_id, "acme")).asset == stored


async def test_beginning_again_returns_what_is_stored(index: ports.Index, database: sql.Database) -> None:
    intent = intended()
    stored = await store(index, intent)
    assert await index.begin(intent, FRESH.fresh()) == stored
    assert await states(database) == ["STORED"]


async def test_of_many_writers_of_one_asset_the_first_to_settle_is_it_and_no_two_share_a_key(
    index: ports.Index, database: sql.Database
) -> None:
    intent = intended()
    begun = await asyncio.gather(*(index.begin(intent, FRESH.fresh()) for _ in range(8)))
    writes = [each for each in begun if isinstance(each, ports.Begun)]
    assert len({write.key for write in writes}) == 8
    settled = await asyncio.gather(
        *(
            index.settle(intent, write.write_id, asset.Content(number + 1, "0" * 64))
            for number, write in enumerate(writes)
        )
    )
    assert len(set(settled)) == 1
    assert (await index.find(intent.asset_id, "")).asset == settled[0]
    assert await states(database) == ["REMOVING"] * 7 + ["STORED"]


async def test_settling_twice_is_settling_once(index: ports.Index, database: sql.Database) -> None:
    intent = intended()
    stored = await store(index, intent)
    assert await index.settle(intent, stored.write_id, CONTENT) == stored
    assert await states(database) == ["STORED"]


async def test_two_assets_of_one_generation_do_not_share_a_key(index: ports.Index) -> None:
    first = await store(index, intended(kind=asset.Kind.RENDITION, generation_id=GENERATION))
    second = await store(index, intended(kind=asset.Kind.RENDITION, generation_id=GENERATION))
    assert first.key.endswith(f"/{GENERATION}.mp4")
    assert second.key.endswith(f"/{GENERATION}_{second.write_id.hex}.mp4")


async def test_a_forgotten_intent_leaves_no_trace(index: ports.Index, database: sql.Database) -> None:
    intent, write_id = intended(), FRESH.fresh()
    await index.begin(intent, write_id)
    await index.forget(write_id)
    await index.forget(write_id)
    assert await states(database) == []


async def test_what_is_stored_cannot_be_forgotten(index: ports.Index, database: sql.Database) -> None:
    stored = await store(index, intended())
    await index.forget(stored.write_id)
    assert await states(database) == ["STORED"]


async def test_a_write_that_was_given_up_cannot_settle(index: ports.Index, database: sql.Database) -> None:
    intent, write_id = intended(), FRESH.fresh()
    await index.begin(intent, write_id)
    await index.condemn_write(write_id)
    with pytest.raises(errors.Unavailable, match="given up"):
        await index.settle(intent, write_id, CONTENT)
    assert await states(database) == ["REMOVING"]


async def test_kept_assets_have_no_expiry_and_the_missing_are_named(index: ports.Index) -> None:
    kept, expired, unknown = intended(), intended(life=AT_ONCE), FRESH.fresh()
    await store(index, kept)
    await store(index, expired)
    assert await index.keep([kept.asset_id, expired.asset_id, unknown]) == [expired.asset_id, unknown]
    assert await index.keep([kept.asset_id]) == []
    assert (await index.find(kept.asset_id, "")).asset.expires_at is None


async def test_an_expired_asset_is_not_there_even_before_the_sweep(index: ports.Index, database: sql.Database) -> None:
    intent = intended(life=AT_ONCE)
    await store(index, intent)
    with pytest.raises(errors.NotFound):
        await index.find(intent.asset_id, "default")
    with pytest.raises(errors.NotFound):
        await index.prolong(intent)
    again = intended(asset_id=intent.asset_id)
    assert (await store(index, again, OTHER_CONTENT)).content == OTHER_CONTENT
    assert await states(database) == ["REMOVING", "STORED"]


async def test_an_asset_that_expires_while_the_same_is_written_makes_room(
    index: ports.Index, database: sql.Database
) -> None:
    slow = intended()
    quick = intended(asset_id=slow.asset_id, life=AT_ONCE)
    begun = await index.begin(slow, FRESH.fresh())
    assert isinstance(begun, ports.Begun)
    await store(index, quick, OTHER_CONTENT)
    assert (await index.settle(slow, begun.write_id, CONTENT)).content == CONTENT
    assert await states(database) == ["REMOVING", "STORED"]


async def test_storing_again_lengthens_a_life_and_never_ends_a_kept_one(index: ports.Index) -> None:
    intent = intended(life=datetime.timedelta(hours=1))
    stored = await store(index, intent)
    longer = intended(asset_id=intent.asset_id, life=datetime.timedelta(hours=5))
    prolonged = await index.prolong(longer)
    assert prolonged.expires_at is not None
    assert stored.expires_at is not None
    assert prolonged.expires_at - stored.expires_at > datetime.timedelta(hours=3)
    assert (await index.prolong(intent)).expires_at == prolonged.expires_at
    await index.keep([intent.asset_id])
    assert (await index.prolong(longer)).expires_at is None


async def test_a_condemned_asset_is_hidden_and_removed_step_by_step(index: ports.Index, database: sql.Database) -> None:
    intent = intended()
    stored = await store(index, intent)
    expected = [ports.Condemned(stored.write_id, stored.key)]
    assert await index.condemn(intent.asset_id, "default") == expected
    with pytest.raises(errors.NotFound):
        await index.find(intent.asset_id, "")
    assert await index.keep([intent.asset_id]) == [intent.asset_id]
    assert await index.condemn(intent.asset_id, "default") == expected
    await index.removed([stored.write_id])
    assert await index.condemn(intent.asset_id, "default") == []
    assert await states(database) == ["REMOVED"]


async def test_what_is_stored_cannot_be_marked_removed(index: ports.Index, database: sql.Database) -> None:
    stored = await store(index, intended())
    await index.removed([stored.write_id])
    assert await states(database) == ["STORED"]


async def test_the_key_of_removed_bytes_is_not_used_again_for_a_while(
    index: ports.Index, sweep: ports.SweepIndex, database: sql.Database
) -> None:
    intent = intended()
    first = await store(index, intent)
    await index.condemn(intent.asset_id, "")
    await index.removed([first.write_id])
    second = await store(index, intent)
    assert second.key != first.key
    await index.condemn(intent.asset_id, "")
    await index.removed([second.write_id])
    assert await sweep.purge_removed(10) == 0
    await age(database, leftovers.TOMBSTONE_LIFE)
    assert await sweep.purge_removed(1) == 1
    assert await sweep.purge_removed(10) == 1
    assert (await store(index, intent)).key == first.key


async def test_counts_are_by_kind_and_of_a_tenant_or_all(index: ports.Index) -> None:
    assert await index.count("") == []
    for tenant, kind in (
        ("a", asset.Kind.CLIP),
        ("a", asset.Kind.CLIP),
        ("a", asset.Kind.FACE),
        ("b", asset.Kind.CLIP),
    ):
        await store(index, intended(tenant_id=tenant, kind=kind))
    await index.begin(intended(tenant_id="a"), FRESH.fresh())
    clips, faces = asset.Kind.CLIP, asset.Kind.FACE
    assert await index.count("") == [asset.KindCount(clips, 3, 15), asset.KindCount(faces, 1, 5)]
    assert await index.count("a") == [asset.KindCount(clips, 2, 10), asset.KindCount(faces, 1, 5)]
    assert await index.count("c") == []


async def test_the_sweep_condemns_what_expired_and_nothing_else(
    index: ports.Index, sweep: ports.SweepIndex, database: sql.Database
) -> None:
    await store(index, intended())
    kept = intended(kind=asset.Kind.FACE)
    await store(index, kept)
    await index.keep([kept.asset_id])
    for kind in (asset.Kind.REFERENCE, asset.Kind.REFERENCE, asset.Kind.FRAME):
        await store(index, intended(life=AT_ONCE, kind=kind))
    first = await sweep.condemn_expired(2)
    second = await sweep.condemn_expired(2)
    counts = {kind: first.get(kind, 0) + second.get(kind, 0) for kind in (asset.Kind.REFERENCE, asset.Kind.FRAME)}
    assert counts == {asset.Kind.REFERENCE: 2, asset.Kind.FRAME: 1}
    assert await sweep.condemn_expired(2) == {}
    assert await states(database) == ["REMOVING"] * 3 + ["STORED"] * 2


async def test_the_sweep_condemns_writes_that_died_and_leaves_those_that_may_live(
    index: ports.Index, sweep: ports.SweepIndex, database: sql.Database
) -> None:
    await store(index, intended())
    await index.begin(intended(kind=asset.Kind.POSTER), FRESH.fresh())
    await age(database, leftovers.STALE_WRITE)
    await index.begin(intended(), FRESH.fresh())
    assert await sweep.condemn_stale(10) == {asset.Kind.POSTER: 1}
    assert await sweep.condemn_stale(10) == {}
    assert await states(database) == ["REMOVING", "STORED", "WRITING"]


async def test_condemned_bytes_are_listed_in_pages_until_they_are_gone(
    index: ports.Index, sweep: ports.SweepIndex
) -> None:
    stored = [await store(index, intended(life=AT_ONCE)) for _ in range(5)]
    await sweep.condemn_expired(10)
    found: list[ports.Condemned] = []
    while page := await sweep.condemned(found[-1].write_id if found else None, 2):
        found += page
    assert {each.key for each in found} == {each.key for each in stored}
    assert len(found) == 5
    await sweep.removed([each.write_id for each in found[:4]])
    assert await sweep.condemned(None, 10) == [found[4]]


async def test_orphans_are_adopted_as_condemned_unless_they_got_a_row_meanwhile(
    index: ports.Index, sweep: ports.SweepIndex
) -> None:
    stored = await store(index, intended())
    orphan = leftovers.Orphan("faces/ada/x.jpg", asset.Kind.FACE, 7)
    known, _ = await sweep.known([stored.key, orphan.key])
    assert set(known) == {stored.key}
    late = leftovers.Orphan(stored.key, asset.Kind.CLIP, 5)
    assert await sweep.adopt({uuid.UUID(int=1): orphan, uuid.UUID(int=2): late}) == 1
    assert await sweep.condemned(None, 10) == [ports.Condemned(uuid.UUID(int=1), orphan.key)]
    assert (await index.find(stored.id, "")).asset == stored


async def test_a_sound_index_says_so(index: ports.Index) -> None:
    await index.check()
