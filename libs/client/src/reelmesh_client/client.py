"""The typed asynchronous client: every public verb of a mesh as one coroutine."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Self, Unpack

import grpc.aio
from reelmesh.v1 import (
    asset_pb2,
    asset_service_pb2,
    asset_service_pb2_grpc,
    generation_pb2,
    generation_service_pb2,
    generation_service_pb2_grpc,
)

from reelmesh_client import connecting, errors, machine, operating, requests, retrying, transfer, watching

# How long one answer may take, seconds.
TIMEOUT_SECONDS = 15.0
# How long an image may take on its way up, seconds.
UPLOAD_TIMEOUT_SECONDS = 120.0
# Most that one page holds, as the contract says.
_GENERATIONS_PAGE = 100
_EVENTS_PAGE = 1000


OnSeen = Callable[[watching.Seen], None]


class Client(operating.Operating):
    """Talks to one mesh with one API key.

    ```python
    async with reelmesh_client.Client("127.0.0.1:9090", key) as client:
        generation = await client.create_and_wait("a paper boat in the rain", duration_seconds=8)
        await client.download(generation.renditions[0].asset_id, pathlib.Path("boat.mp4"))
    ```

    Answers are the messages of `reelmesh.v1`; refusals and failures are `reelmesh_client.errors`. Reads, and creates
    (each carries a request id), are repeated while the mesh does not answer; a retry of a generation is not. While the
    queue is full, creates and retries wait as long as the mesh asks for, within the patience of the backoff.
    """

    def __init__(
        self,
        address: str,
        api_key: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        backoff: retrying.Backoff | None = None,
        device: machine.Machine | None = None,
        on_full: retrying.OnFull | None = None,
        ca_file: pathlib.Path | None = None,
    ) -> None:
        """Remember where the mesh is; the connection opens with the context.

        Args:
            address: "host:port" in the clear, or "https://host:port".
            api_key: sent as "Bearer …" with each call.
            timeout_seconds: how long one answer may take.
            backoff: how calls that are safe to repeat are repeated.
            device: time and chance; a fake in tests.
            on_full: told of each wait for a full queue.
            ca_file: authorities (PEM) for https://; default: those that everybody believes.
        """
        self._address = address
        self._metadata = (("authorization", f"Bearer {api_key}"),)
        self._timeout_seconds = timeout_seconds
        self._backoff = backoff or retrying.Backoff()
        self._device = device or machine.SystemMachine()
        self._on_full = on_full
        self._ca_file = ca_file
        self._channel: grpc.aio.Channel | None = None

    async def __aenter__(self) -> Self:
        """Open the connection."""
        self._channel = connecting.channel(self._address, self._ca_file)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection; calls under way are cancelled."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def create(
        self, prompt: str, *, request_id: str = "", **options: Unpack[requests.Options]
    ) -> generation_pb2.Generation:
        """Ask for a video; return the generation as it was admitted.

        Args:
            prompt: what it should show, 1 to 5000 characters.
            request_id: idempotency key; the same key with the same request names the same generation. Default: a new
                one, so that a repetition after a lost answer makes nothing twice.
            options: see `requests.Options`; `images`, `first_frame` and `last_frame` are uploaded first.

        Raises:
            errors.QueueFull: it was full for longer than the patience of the backoff.
            errors.ReelmeshError: it was refused, or nobody answers.
        """
        request = generation_service_pb2.CreateGenerationRequest(
            generation=await self._request(prompt, options),
            request_id=request_id or self._device.fresh_id(),
        )
        answer = await self._admitted(lambda: self._ask(self._generations.CreateGeneration, request))
        return answer.generation

    async def create_and_wait(
        self, prompt: str, *, request_id: str = "", on_seen: OnSeen | None = None, **options: Unpack[requests.Options]
    ) -> generation_pb2.Generation:
        """Ask for a video and wait until the generation has ended, well or not; `on_seen` is told what happens."""
        generation = await self.create(prompt, request_id=request_id, **options)
        return await self.wait(generation.id, on_seen=on_seen)

    async def quote(
        self, prompt: str, **options: Unpack[requests.Options]
    ) -> generation_service_pb2.QuoteGenerationResponse:
        """Return how it would be made and what it would cost; nothing is recorded."""
        request = generation_service_pb2.QuoteGenerationRequest(generation=await self._request(prompt, options))
        return await self._ask(self._generations.QuoteGeneration, request)

    async def get(self, generation_id: str) -> generation_pb2.Generation:
        """Return a generation as it stands."""
        request = generation_service_pb2.GetGenerationRequest(generation_id=generation_id)
        answer = await self._ask(self._generations.GetGeneration, request)
        return answer.generation

    async def list(
        self,
        *,
        states: Sequence[generation_pb2.GenerationState] = (),
        labels: Mapping[str, str] | None = None,
        user_id: str = "",
        limit: int = 20,
    ) -> AsyncGenerator[generation_pb2.Generation]:
        """Yield at most `limit` generations, newest first, without their shots; pages are read as needed."""
        request = generation_service_pb2.ListGenerationsRequest(states=states, labels=labels or {}, user_id=user_id)
        left = limit
        while left > 0:
            request.page_size = min(left, _GENERATIONS_PAGE)
            page = await self._ask(self._generations.ListGenerations, request)
            for generation in page.generations[:left]:
                yield generation
            left -= len(page.generations)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def cancel(self, generation_id: str) -> generation_pb2.Generation:
        """Ask for the end of a generation; return it as CANCELLING or CANCELLED."""
        request = generation_service_pb2.CancelGenerationRequest(generation_id=generation_id)
        answer = await self._ask(self._generations.CancelGeneration, request)
        return answer.generation

    async def retry(self, generation_id: str) -> generation_pb2.Generation:
        """Start a new run of a failed generation. Sent once: after a lost answer, `get` says whether it happened."""
        request = generation_service_pb2.RetryGenerationRequest(generation_id=generation_id)

        async def attempt() -> generation_service_pb2.RetryGenerationResponse:
            return await self._generations.RetryGeneration(
                request, timeout=self._timeout_seconds, metadata=self._metadata
            )

        return (await self._admitted(lambda: retrying.once(attempt))).generation

    async def promote(self, generation_id: str, take: int) -> generation_pb2.Generation:
        """Deliver an alternate take in place of what was delivered; return the generation, its video that of the take.

        Raises:
            errors.NotFound: there is no such generation, or no such take of it.
            errors.WrongState: the take is not ready or not whole, or the generation has not ended.
        """
        request = generation_service_pb2.PromoteTakeRequest(generation_id=generation_id, take=take)
        answer = await self._ask(self._generations.PromoteTake, request)
        return answer.generation

    async def events(
        self, generation_id: str, *, after_sequence: int = 0
    ) -> AsyncGenerator[generation_pb2.GenerationEvent]:
        """Yield what has happened to a generation, oldest first."""
        request = generation_service_pb2.ListGenerationEventsRequest(
            generation_id=generation_id, after_sequence=after_sequence, page_size=_EVENTS_PAGE
        )
        while True:
            page = await self._ask(self._generations.ListGenerationEvents, request)
            for event in page.events:
                yield event
            if len(page.events) < _EVENTS_PAGE:
                return
            request.after_sequence = page.events[-1].sequence

    def watch(
        self,
        generation_id: str,
        *,
        after_sequence: int = 0,
        patience_seconds: float = watching.PATIENCE_SECONDS,
        on_lost: watching.OnLost | None = None,
    ) -> AsyncGenerator[watching.Seen]:
        """Yield events and progress until the generation has ended; its last message has `ended`.

        A dropped stream is taken up again after the last event, for as long as `patience_seconds` without an answer;
        `on_lost` is told of each.
        """

        def open_stream(sequence: int) -> AsyncIterable[watching.Seen]:
            request = generation_service_pb2.WatchGenerationRequest(
                generation_id=generation_id, after_sequence=sequence
            )
            return self._generations.WatchGeneration(request, metadata=self._metadata)

        return watching.watch(
            open_stream,
            self._device,
            after_sequence=after_sequence,
            patience_seconds=patience_seconds,
            on_lost=on_lost,
        )

    async def wait(self, generation_id: str, *, on_seen: OnSeen | None = None) -> generation_pb2.Generation:
        """Return the generation once it has ended, well or not; `on_seen` is told what happens."""
        async with contextlib.aclosing(self.watch(generation_id)) as stream:
            async for seen in stream:
                if on_seen is not None:
                    on_seen(seen)
                if seen.HasField("ended"):
                    return seen.ended
        raise errors.Unavailable("the watch ended without saying how the generation ended")

    async def upload(self, source: pathlib.Path | bytes, *, user_id: str = "") -> asset_pb2.Asset:
        """Store an image (JPEG, PNG or WebP, at most 10 MB) to start a video from; it expires after 24 hours."""
        if isinstance(source, bytes):
            return await self._upload(source, user_id)
        try:
            return await self._upload(await asyncio.to_thread(transfer.read_file, source), user_id)
        except (errors.BrokenMedia, errors.TooLarge) as error:
            error.about(str(source))
            raise

    async def _upload(self, content: bytes, user_id: str) -> asset_pb2.Asset:
        async def attempt() -> asset_service_pb2.UploadAssetResponse:
            messages = transfer.upload_messages(content, user_id)
            return await self._assets.UploadAsset(messages, timeout=UPLOAD_TIMEOUT_SECONDS, metadata=self._metadata)

        return (await retrying.repeated(attempt, self._backoff, self._device)).asset

    async def asset(self, asset_id: str) -> asset_service_pb2.GetAssetResponse:
        """Return what is known about an asset, and a URL that serves it for a while without a key."""
        request = asset_service_pb2.GetAssetRequest(asset_id=asset_id)
        return await self._ask(self._assets.GetAsset, request)

    async def download(
        self, asset_id: str, target: pathlib.Path, *, on_bytes: transfer.OnBytes | None = None
    ) -> pathlib.Path:
        """Store an asset's bytes in the file `target`, whole or not at all; return the file.

        An interrupted download goes on where it stopped. An existing file is replaced at the end.
        """

        def open_bytes(offset: int) -> AsyncIterable[asset_service_pb2.DownloadAssetResponse]:
            request = asset_service_pb2.DownloadAssetRequest(asset_id=asset_id, offset=offset)
            return self._assets.DownloadAsset(request, metadata=self._metadata)

        known = await self.asset(asset_id)
        return await transfer.Download(known.asset, target, open_bytes, self._device, self._backoff, on_bytes).run()

    async def delete_asset(self, asset_id: str) -> None:
        """Delete an asset and its bytes."""
        request = asset_service_pb2.DeleteAssetRequest(asset_id=asset_id)
        await self._ask(self._assets.DeleteAsset, request)

    async def _request(self, prompt: str, options: requests.Options) -> generation_service_pb2.GenerationRequest:
        user_id = options.get("user_id", "")
        uploaded = [(await self.upload(image, user_id=user_id)).id for image in options.get("images", ())]
        given = {name: frame for name in requests.FRAMES if (frame := options.get(name)) is not None}
        frames = {name: (await self.upload(frame, user_id=user_id)).id for name, frame in given.items()}
        return requests.build(prompt, options, uploaded, frames)

    async def _admitted(self, call: Callable[[], Awaitable[operating.Answer]]) -> operating.Answer:
        """Make a call that needs room in the queue, again while there is none."""
        return await retrying.admitted(call, self._backoff, self._device, self._on_full)

    async def _ask(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[operating.Request, operating.Answer]",
        request: operating.Request,
    ) -> operating.Answer:
        """Make a call that is safe to repeat, again while the mesh does not answer."""

        async def attempt() -> operating.Answer:
            return await method(request, timeout=self._timeout_seconds, metadata=self._metadata)

        return await retrying.repeated(attempt, self._backoff, self._device)

    @property
    def _generations(self) -> "generation_service_pb2_grpc.GenerationServiceAsyncStub":
        return generation_service_pb2_grpc.GenerationServiceStub(self._open())

    @property
    def _assets(self) -> "asset_service_pb2_grpc.AssetServiceAsyncStub":
        return asset_service_pb2_grpc.AssetServiceStub(self._open())

    def _open(self) -> grpc.aio.Channel:
        if self._channel is None:
            raise errors.ReelmeshError('the client is closed: use it inside "async with Client(…) as client"')
        return self._channel
