"""Answering health and reflection: they need no key and no trace, and may not take the room of all other calls."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any

from reelmesh_kit import errors
from reelmesh_kit.rpc import limits, receiving, status

Method = Callable[[Any, Any], Awaitable[Any]]


class Asking:
    """What stands around a method that is answered at once."""

    async def single(self, method: Method, incoming: receiving.Incoming, context: Any) -> Any:
        """Answer by a coroutine."""
        try:
            return await method(await incoming.take(), context)
        except errors.ReelmeshError as error:
            await context.abort(status.code_of(error), error.message)


class Following:
    """What stands around methods that go on for as long as somebody listens. One for a server: it counts them."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._open = 0

    async def single(self, method: Method, incoming: receiving.Incoming, context: Any) -> Any:
        """Answer by a coroutine that writes to the context itself."""
        try:
            with self._place():
                return await method(await incoming.take(), context)
        except errors.ReelmeshError as error:
            await context.abort(status.code_of(error), error.message)

    async def stream(
        self, method: Callable[[Any, Any], AsyncGenerator[Any, None]], incoming: receiving.Incoming, context: Any
    ) -> None:
        """Answer by an async generator."""
        try:
            with self._place():
                async with contextlib.aclosing(method(await incoming.take(), context)) as responses:
                    async for response in responses:
                        await context.write(response)
        except errors.ReelmeshError as error:
            await context.abort(status.code_of(error), error.message)

    @contextlib.contextmanager
    def _place(self) -> Generator[None]:
        if self._open >= limits.FOLLOWERS_LIMIT:
            raise errors.RateLimited(
                f"{limits.FOLLOWERS_LIMIT} callers follow health or reflection already. Try again."
            )
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
