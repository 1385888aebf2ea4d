"""The connection to NATS: kept for ever, with the streams made anew when the server has lost them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import nats.errors
import nats.js.errors
from nats.aio import client as nats_client
from nats.aio import msg as nats_msg
from nats.aio import subscription as nats_subscription
from nats.js import JetStreamContext

from reelmesh_kit import errors, process
from reelmesh_kit.bus import proving, streams

CONNECT_TIMEOUT_SECONDS = 2
RECONNECT_EVERY_SECONDS = 0.5
PING_EVERY_SECONDS = 10
LOST_PINGS = 2
API_TIMEOUT_SECONDS = 5.0
STREAMS_RETRY_SECONDS = 1.0
# How long a service waits for NATS when it starts; then it starts without, not ready until NATS is there.
FIRST_CONNECT_SECONDS = 2.0
_MUTE = (
    "NATS takes connections and says nothing. If it waits for TLS (`handshake_first: true`), set "
    "REELMESH_NATS_TLS_FIRST=true."
)
_NOT_ALLOWED = "permissions violation"
# JetStream's code for a stream that exists with another configuration.
_OTHER_CONFIGURATION = 10058

Listener = Callable[[nats_msg.Msg], Awaitable[None]]


def asked_to_stop() -> bool:
    """Return whether the current task was cancelled.

    Loops ask this after each word with the client: `asyncio.wait_for` of Python 3.11, which it uses, forgets a
    cancellation that comes in the same moment as the answer.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def stop_if_asked() -> None:
    """Raise the cancellation that was forgotten, if one was."""
    if asked_to_stop():
        raise asyncio.CancelledError


class Connection:
    """One connection with its streams. Whoever talks through it asks for `client` or `jetstream` each time anew."""

    def __init__(self, chassis: process.Chassis, url: str, stream_replicas: int) -> None:
        """Take the servers (`url`: one or more, separated by commas); `keep` connects."""
        self._chassis = chassis
        self._url = url
        self._servers = [each.strip() for each in url.split(",")]
        self._replicas = stream_replicas
        self._client: nats_client.Client | None = None
        self._latest: proving.Client | None = None
        self._jetstream: tuple[nats_client.Client, JetStreamContext] | None = None
        self._up = asyncio.Event()
        self._decided = asyncio.Event()
        self._opening = False
        self._closed = asyncio.Event()
        self._refusals = 0
        self._told: set[str] = set()
        self._listeners: dict[object, tuple[str, Listener]] = {}
        self._making = asyncio.Lock()
        self._waits: set[asyncio.Timeout] = set()
        self.generation = 0
        """How often it came up; whatever was subscribed in an earlier generation is to be renewed."""
        self.refusal = ""
        """Why NATS does not let us in, or is not believed; "" while it is up, or just not there."""

    @property
    def is_up(self) -> bool:
        """Whether the server is there, as far as is known."""
        return self._up.is_set()

    async def wait_up(self) -> None:
        """Wait until the server is there."""
        await self._up.wait()

    async def wait_decided(self) -> None:
        """Wait until the server is there, or each of them has refused us."""
        await self._decided.wait()

    @property
    def client(self) -> nats_client.Client:
        """The client.

        Raises:
            Unavailable: it is not connected now.
        """
        if self._client is None or not self._client.is_connected:
            why = f" {self.refusal}" if self.refusal else ""
            raise errors.Unavailable(f"NATS is not connected at the moment. It is tried again all the time.{why}")
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream by that client.

        Raises:
            Unavailable: it is not connected now.
        """
        client = self.client
        if self._jetstream is None or self._jetstream[0] is not client:
            self._jetstream = client, client.jetstream(timeout=API_TIMEOUT_SECONDS)
        return self._jetstream[1]

    @contextlib.asynccontextmanager
    async def while_up(self, timeout_seconds: float) -> AsyncGenerator[None]:
        """Bound a wait for the server: by time, and by the connection, for the answer dies with it.

        Raises:
            TimeoutError: the time passed, or the connection broke.
        """
        async with asyncio.timeout(timeout_seconds) as wait:
            self._waits.add(wait)
            try:
                yield
            finally:
                self._waits.discard(wait)

    async def check(self) -> None:
        """Raise Unavailable if NATS is not connected: a health check."""
        _ = self.client

    async def keep(self) -> None:
        """Connect, and connect again whenever the connection is closed for good; until cancelled."""
        while True:
            try:
                await self._keep_one()
                self._chassis.logger.error("NATS closed the connection; a new one is made.")
            except proving.Refused as error:
                self._note_refusal(str(error))
            await self._chassis.clock.sleep(RECONNECT_EVERY_SECONDS)

    async def _keep_one(self) -> None:
        """Connect, and return when the connection is closed for good.

        Raises:
            Refused: the server refuses us or is not believed, or a file cannot be used.
        """
        closed = self._closed = asyncio.Event()
        client = self._latest = proving.Client(self._chassis.secured.nats, self._url)
        options = await asyncio.to_thread(client.options_of, self._chassis.clock)
        try:
            await self._open(client, closed, options)
            self._client = client
            await self._listen_to_all(client)
            await self._came_up()
            await self._serve_streams(closed)
        finally:
            self._client = None
            self._up.clear()
            await client.close()

    async def ensure(self, stream: streams.Stream) -> None:
        """Make a stream if it is not there, and give it the declared configuration.

        Raises:
            nats.errors.Error: JetStream refuses.
            TimeoutError: it does not answer.
            Unavailable: not connected.
        """
        async with self._making, self.while_up(API_TIMEOUT_SECONDS):
            jetstream = self.jetstream
            try:
                await jetstream.add_stream(stream.config(self._replicas))
            except nats.js.errors.BadRequestError as error:
                if error.err_code != _OTHER_CONFIGURATION:
                    raise
                await jetstream.update_stream(stream.config(self._replicas))

    @contextlib.asynccontextmanager
    async def listening(self, subject: str, listener: Listener) -> AsyncGenerator[None]:
        """Call `listener` for each message on a core subject, over all reconnects, also if not connected now."""
        key = object()
        self._listeners[key] = (subject, listener)
        subscription: nats_subscription.Subscription | None = None
        if self.is_up:
            subscription = await self._listen(self.client, subject, listener)
        try:
            yield
        finally:
            del self._listeners[key]
            if subscription is not None:
                with contextlib.suppress(nats.errors.Error):
                    await subscription.unsubscribe()

    async def _open(self, client: proving.Client, closed: asyncio.Event, options: dict[str, Any]) -> None:
        async def on_closed() -> None:
            closed.set()

        self._opening = True
        try:
            await self._connect(client, on_closed, options)
        finally:
            self._opening = False

    async def _connect(
        self, client: proving.Client, on_closed: Callable[[], Awaitable[None]], options: dict[str, Any]
    ) -> None:
        await client.connect(
            servers=self._servers,
            name=f"reelmesh-{self._chassis.service}",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            reconnect_time_wait=RECONNECT_EVERY_SECONDS,  # pyright: ignore[reportArgumentType] - slept, so no int
            max_reconnect_attempts=-1,
            ping_interval=PING_EVERY_SECONDS,
            max_outstanding_pings=LOST_PINGS,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._came_up,
            closed_cb=on_closed,
            **options,
        )

    async def _serve_streams(self, closed: asyncio.Event) -> None:
        """Make the streams anew after each time that the connection came up; return when it is closed for good."""
        done_for = 0
        while not closed.is_set():
            stop_if_asked()
            if self.generation != done_for and self.is_up:
                generation = self.generation
                if await self._ensure_all():
                    done_for = generation
            with contextlib.suppress(TimeoutError):
                await self._chassis.clock.wait_for(closed.wait(), STREAMS_RETRY_SECONDS)

    async def _ensure_all(self) -> bool:
        try:
            for stream in streams.ALL:
                await self.ensure(stream)
        except (nats.errors.Error, errors.Unavailable, TimeoutError) as error:
            self._chassis.logger.warning("The streams cannot be made yet: %s", str(error) or type(error).__name__)
            return False
        return True

    async def _listen_to_all(self, client: nats_client.Client) -> None:
        for subject, listener in self._listeners.values():
            await self._listen(client, subject, listener)

    async def _listen(
        self, client: nats_client.Client, subject: str, listener: Listener
    ) -> nats_subscription.Subscription:
        subscription = await client.subscribe(subject, cb=listener)
        with contextlib.suppress(nats.errors.Error):
            # So that what is published from now on is heard.
            await client.flush(timeout=CONNECT_TIMEOUT_SECONDS)
        return subscription

    async def _came_up(self) -> None:
        self.generation += 1
        self.refusal, self._refusals = "", 0
        self._told.clear()
        self._up.set()
        self._decided.set()
        self._chassis.logger.info("NATS is connected.")

    async def _on_disconnected(self) -> None:
        if self._up.is_set():
            self._up.clear()
            self._chassis.logger.warning("NATS is gone; connecting again.")
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(asyncio.get_running_loop().time())

    async def _on_error(self, error: Exception) -> None:
        refusal = proving.explained(error, self._chassis.secured.nats)
        if refusal and self._opening:
            # Out of the client, which would try the same for ever: the next one reads the files anew.
            raise proving.Refused(refusal)
        if refusal:
            self._note_refusal(refusal)
            self._closed.set()
        elif _NOT_ALLOWED in str(error).lower():
            self._tell(f"NATS does not allow something that the mesh does: {error}. Give the user the right to.")
        else:
            self._chassis.logger.debug("NATS: %s: %s", type(error).__name__, error)
            if self._latest is not None and self._latest.waits_for_a_word:
                self._tell(_MUTE)

    def _note_refusal(self, refusal: str) -> None:
        self.refusal = refusal
        self._refusals += 1
        self._tell(f"NATS and this service do not come together. {refusal}")
        if self._refusals >= len(self._servers):
            self._decided.set()

    def _tell(self, words: str) -> None:
        """Log something once for each time that the connection came up."""
        if words not in self._told:
            self._told.add(words)
            self._chassis.logger.error("%s", words)
