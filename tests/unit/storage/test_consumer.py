"""What the bus says to keep is kept; what can never be understood is put aside."""

import uuid
from typing import TypeVar

import pytest
from reelmesh.mesh.v1 import task_pb2
from reelmesh_kit import bus, errors, sql
from reelmesh_storage import consumer
from reelmesh_storage.adapters import sql as sql_adapter
from reelmesh_storage.usecases import lives

from tests.unit.storage import world as worlds

Result = TypeVar("Result")


def delivery(*asset_ids: object) -> bus.Delivery:
    payload = task_pb2.AssetKeep(asset_ids=[str(asset_id) for asset_id in asset_ids]).SerializeToString()
    return bus.Delivery(consumer.SUBJECT, payload)


def keeper(world: worlds.World) -> consumer.KeepConsumer:
    return consumer.KeepConsumer(world.lives(), worlds.LOGGER)


async def test_named_assets_are_kept_and_twice_is_fine(world: worlds.World) -> None:
    stored = await world.storing().store(worlds.intended(), worlds.chunks(b"x"))
    for _ in range(2):
        assert await keeper(world).handle(delivery(stored.id)) == bus.Done()
    assert (await world.serving().stat(stored.id, "")).expires_at is None


async def test_assets_that_are_gone_are_logged_and_the_message_is_done(
    world: worlds.World, caplog: pytest.LogCaptureFixture
) -> None:
    stored = await world.storing().store(worlds.intended(), worlds.chunks(b"x"))
    assert await keeper(world).handle(delivery(stored.id, uuid.UUID(int=1))) == bus.Done()
    assert "1 assets are wanted but not there" in caplog.text


@pytest.mark.parametrize("payload", [b"\xff\xff", task_pb2.AssetKeep(asset_ids=["x"]).SerializeToString()])
async def test_what_cannot_be_understood_is_poison(world: worlds.World, payload: bytes) -> None:
    result = await keeper(world).handle(bus.Delivery(consumer.SUBJECT, payload))
    assert isinstance(result, bus.Poison)


async def test_while_the_database_is_away_the_message_comes_again(world: worlds.World) -> None:
    index = sql_adapter.SqlIndex(AbsentDatabase())
    away = consumer.KeepConsumer(lives.Lives(index, world.bucket), worlds.LOGGER)
    with pytest.raises(errors.Unavailable):
        await away.handle(delivery(uuid.UUID(int=1)))


class AbsentDatabase:
    """A database that does not answer."""

    async def write(self, work: sql.Work[Result]) -> Result:
        raise errors.Unavailable("the database does not answer")

    async def read(self, work: sql.Work[Result]) -> Result:
        raise errors.Unavailable("the database does not answer")

    async def close(self) -> None:
        """Nothing to close."""
