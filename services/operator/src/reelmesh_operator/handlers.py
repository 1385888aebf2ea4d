"""kopf, which only wakes: whatever happens to a WorkerPool, all of them are looked at again, from what is there now.

It watches in a thread and an event loop of its own, because it takes the signals of the process where it is in the
first thread. It handles no state, so that it sets no finalizer and no annotation.
"""

import asyncio
import contextlib
import dataclasses
import logging
import threading
from collections.abc import Callable
from typing import Any, cast

import kopf

from reelmesh_operator import ports
from reelmesh_operator.wire import resource

# What is ours in annotations and finalizers, if any handler ever needs them: kopf's own clash with other operators.
PREFIX = f"operator.{resource.GROUP}"
NAME = "reelmesh-operator"
# A watch that hangs is noticed: the server ends it after this, the client a little later. Servers take whole seconds.
WATCH_SECONDS = 240
WATCH_PATIENCE_SECONDS = 250.0
CONNECT_SECONDS = 10.0
STOP_SECONDS = 5.0


def configure() -> kopf.OperatorSettings:
    """Return how kopf watches."""
    # It tells of every event that a handler has seen, our own statuses included.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    settings = kopf.OperatorSettings()
    settings.persistence.finalizer = f"{PREFIX}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=PREFIX)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=PREFIX)
    # Only one namespace and one kind are looked at: a Role is enough, no ClusterRole.
    settings.scanning.disabled = True
    settings.watching.server_timeout = WATCH_SECONDS
    settings.watching.client_timeout = WATCH_PATIENCE_SECONDS
    settings.watching.connect_timeout = CONNECT_SECONDS
    settings.posting.enabled = False
    # It would kill the whole process.
    settings.process.ultimate_exiting_timeout = None
    return settings


def registry(access: ports.Access, namespace: str, wake: Callable[[], None]) -> kopf.OperatorRegistry:
    """Return what kopf does: nothing but waking."""
    made = kopf.OperatorRegistry()

    @kopf.on.login(registry=made)
    async def login(**_: Any) -> kopf.ConnectionInfo:  # pyright: ignore[reportUnusedFunction]
        secure = access.url.startswith("https://")
        return kopf.ConnectionInfo(
            server=access.url,
            ca_path=str(access.ca_file) if secure else None,
            scheme="Bearer" if access.token else None,
            token=access.token or None,
            default_namespace=namespace,
        )

    @kopf.on.event(resource.GROUP, resource.VERSION, resource.PLURAL, registry=made)
    async def seen(**_: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        wake()

    return made


@dataclasses.dataclass
class Watching:
    """Watches until cancelled."""

    access: ports.Access
    namespace: str
    wake: asyncio.Event

    async def run(self) -> None:
        """Watch in a thread; wake whoever decides in this loop."""
        loop = asyncio.get_running_loop()
        stop = threading.Event()
        ended: asyncio.Future[None] = loop.create_future()

        def say(what: Callable[..., object], *told: object) -> None:
            # When kopf takes longer to stop than it is waited for, nobody listens any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(what, *told)

        def tell(error: BaseException | None) -> None:
            if ended.done():
                return
            if error is None:
                ended.set_result(None)
            else:
                ended.set_exception(error)

        def watch() -> None:
            failed: BaseException | None = None
            try:
                asyncio.run(
                    kopf.operator(
                        registry=registry(self.access, self.namespace, lambda: say(self.wake.set)),
                        settings=configure(),
                        namespaces=[self.namespace],
                        # Else kopf asks for the user's name, and in a container there may be none.
                        identity=cast(Any, NAME),
                        standalone=True,
                        stop_flag=stop,
                    )
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, the loop that supervises us logs it
                failed = error
            say(tell, failed)

        thread = threading.Thread(target=watch, name="kopf", daemon=True)
        thread.start()
        try:
            await asyncio.shield(ended)
        finally:
            stop.set()
            await asyncio.to_thread(thread.join, STOP_SECONDS)
