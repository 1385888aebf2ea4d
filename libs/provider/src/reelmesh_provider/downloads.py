"""Clips from addresses that a vendor named: never with our key on another host, never within our own network.

Needs the extra `reelmesh-provider[http]`.
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncGenerator, Mapping

import httpx

from reelmesh_provider import errors, gated_http, port

CHUNK_BYTES = 256 * 1024
MOST_REDIRECTS = 5
# How often in a row nothing may lie where the vendor has just said that a clip is, before the clip counts as lost.
TRIES_OF_WHAT_IS_NOT_THERE = 6
# The vendor's own word that there is nothing any more, at an address that it has just given us.
GONE = frozenset({410})


class Refused(errors.FetchFailed):
    """The address leads where we do not go."""


class Expired(errors.FetchFailed):
    """The address has expired; a fresh look at the job may give a fresh one."""


class NotThere(Expired):
    """Nothing lies at the address, 404: it has expired, or what lay there is gone. Only the vendor knows which."""


class Absences:
    """Counts how often in a row nothing lay where a vendor said that a job's clip is, each time asked anew."""

    def __init__(self, vendor: str) -> None:
        """Count for this vendor, whose name is told."""
        self._vendor = vendor
        self._times: dict[str, int] = {}

    def count(self, job_id: str, error: Exception) -> None:
        """Count one more.

        Raises:
            errors.FetchLost: that was so time and again.
        """
        times = self._times.get(job_id, 0) + 1
        self._times[job_id] = times
        if times >= TRIES_OF_WHAT_IS_NOT_THERE:
            del self._times[job_id]
            raise errors.FetchLost(f"nothing lay {times} times in a row where {self._vendor} said") from error

    def forget(self, job_id: str) -> None:
        """Begin anew: it was there."""
        self._times.pop(job_id, None)

    @contextlib.asynccontextmanager
    async def opened(
        self, job_id: str, opening: contextlib.AbstractAsyncContextManager[port.Download]
    ) -> AsyncGenerator[port.Download]:
        """Open what `open_url` opens, and count it if nothing is there."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                download = await stack.enter_async_context(opening)
            except NotThere as error:
                self.count(job_id, error)
                raise
            self.forget(job_id)
            yield download


@contextlib.asynccontextmanager
async def open_url(
    url: str, *, own: str = "", headers: Mapping[str, str] | None = None, private: bool = False
) -> AsyncGenerator[port.Download]:
    """Open the bytes at an address.

    Args:
        url: as the vendor named it.
        own: the account's endpoint: only there, at the same scheme, host and port, `headers` are sent.
        headers: what carries our key.
        private: whether hosts within our own network may be asked, as those of a server that runs there.

    Raises:
        Refused: it is no web address, or lies within our network.
        Expired: it is answered 401 or 403, or, as NotThere, 404.
        errors.FetchLost: it is answered 410.
        errors.FetchFailed: anything else than the bytes came.
    """
    async with gated_http.client() as client:
        for _ in range(MOST_REDIRECTS + 1):
            await _check(url, private=private or _same_origin(url, own))
            sent = dict(headers or {}) if _same_origin(url, own) else {}
            async with client.stream("GET", url, headers=sent) as answer:
                if answer.has_redirect_location:
                    url = str(answer.next_request.url) if answer.next_request else ""
                    continue
                yield _download(answer)
                return
    raise Refused(f"more than {MOST_REDIRECTS} redirects")


def _download(answer: httpx.Response) -> port.Download:
    status = answer.status_code
    if status in GONE:
        raise errors.FetchLost(f"the provider's storage says {status}: the clip is gone")
    if status in (401, 403, 404):
        raise (NotThere if status == 404 else Expired)(f"the provider's storage says {status}")
    if status != 200:
        raise errors.FetchFailed(f"the provider's storage says {status}")
    # What is decoded on the way has another length than was announced.
    encoded = "content-encoding" in answer.headers
    length = answer.headers.get("content-length", "")
    return port.Download(answer.aiter_bytes(CHUNK_BYTES), int(length) if length.isdigit() and not encoded else None)


def _same_origin(url: str, own: str) -> bool:
    try:
        one, other = httpx.URL(url), httpx.URL(own)
    except httpx.InvalidURL:
        return False
    return bool(own) and (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


async def _check(url: str, *, private: bool) -> None:
    """Make sure that an address may be asked. What a name means may change until it is asked: this is no firewall."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Refused(f"{url[:200]!r} is no address") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise Refused(f"{url[:200]!r} is no web address")
    if private:
        return
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(parsed.host, parsed.port or 443, type=socket.SOCK_STREAM)
    except OSError as error:
        raise errors.FetchFailed(f"{parsed.host} has no address: {error}") from error
    for *_, place in found:
        if not ipaddress.ip_address(str(place[0]).partition("%")[0]).is_global:
            raise Refused(f"{parsed.host} lies within our own network; a clip is not fetched from there")
