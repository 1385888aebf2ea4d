"""The bus's edge: assets to keep, told by whoever begins to use them."""

import logging

from google.protobuf import message
from reelmesh_kit import bus, errors

from reelmesh_storage import wire
from reelmesh_storage.usecases import lives

DURABLE = "storage-keep"
SUBJECT = "event.asset.keep"
SLOTS = 4


class KeepConsumer:
    """Keeps what messages name. Keeping twice is harmless; what raises is delivered again."""

    def __init__(self, lives: lives.Lives, logger: logging.Logger) -> None:
        """Wire the use case."""
        self._lives = lives
        self._logger = logger

    async def handle(self, delivery: bus.Delivery) -> bus.Result:
        """Keep the assets of one message."""
        try:
            missing = await self._lives.keep(wire.kept_assets(delivery.payload))
        except (message.DecodeError, errors.InvalidArgument) as error:
            return bus.Poison(f"This names no assets to keep: {error}")
        if missing:
            names = [str(asset_id) for asset_id in missing]
            self._logger.warning("%d assets are wanted but not there any more.", len(names), extra={"assets": names})
        return bus.Done()

    async def run(self, own_bus: bus.Bus) -> None:
        """Work off the subject until cancelled."""
        await own_bus.work(DURABLE, SUBJECT, self.handle, slots=SLOTS)
