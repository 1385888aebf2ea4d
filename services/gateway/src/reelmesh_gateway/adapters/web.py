"""Pictures that lie elsewhere in the web, fetched with care: what asks for them may mean to ask our own network."""

import asyncio
import ipaddress
import socket

import httpx
from reelmesh_kit import clock, errors

MOST_REDIRECTS = 3
FETCH_SECONDS = 20.0
_FIELD = "input_reference"
_OK = 200


class Web:
    """Fetches by HTTPS from public addresses: the address that was checked is the one that is asked."""

    def __init__(self, web_clock: clock.Clock, *, private: bool) -> None:
        """With `private`, plain HTTP and addresses that are not public are asked, too."""
        self._clock = web_clock
        self._private = private

    async def fetch(self, url: str, limit_bytes: int) -> bytes:
        """Return what lies at an address.

        Raises:
            InvalidArgument: it may not be asked, does not answer, or answers with anything but a file.
            TooLarge: it has more than `limit_bytes`.
        """
        try:
            return await self._clock.wait_for(self._followed(url, limit_bytes), FETCH_SECONDS)
        except TimeoutError:
            raise errors.InvalidArgument(_FIELD, f"its URL did not answer within {FETCH_SECONDS:.0f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise errors.InvalidArgument(_FIELD, f"its URL cannot be fetched: {type(error).__name__}") from error

    async def _followed(self, url: str, limit_bytes: int) -> bytes:
        async with httpx.AsyncClient(trust_env=False, timeout=FETCH_SECONDS) as client:
            asked = httpx.URL(url)
            for _ in range(MOST_REDIRECTS + 1):
                request = await self._request(client, asked)
                answer = await client.send(request, stream=True)
                try:
                    if not answer.has_redirect_location:
                        return await _read(answer, limit_bytes)
                    asked = asked.join(answer.headers["location"])
                finally:
                    await answer.aclose()
        raise errors.InvalidArgument(_FIELD, f"its URL leads on more than {MOST_REDIRECTS} times")

    async def _request(self, client: httpx.AsyncClient, url: httpx.URL) -> httpx.Request:
        """Return a request to the very address that was checked, under the name that was asked for."""
        if url.scheme not in (("https", "http") if self._private else ("https",)) or not url.host:
            raise errors.InvalidArgument(_FIELD, "its URL must begin with https://, or be a data URL")
        address = await self._resolved(url)
        headers = {"host": url.netloc.decode(), "accept": "image/*", "accept-encoding": "identity"}
        there = url.copy_with(host=address, userinfo=b"")
        return client.build_request("GET", there, headers=headers, extensions={"sni_hostname": url.host})

    async def _resolved(self, url: httpx.URL) -> str:
        port = url.port or (443 if url.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        addresses = [str(place[0]).partition("%")[0] for *_, place in found]
        if not self._private and not all(_is_public(each) for each in addresses):
            raise errors.InvalidArgument(_FIELD, "its URL leads into a private network, where nothing is fetched from")
        return addresses[0]


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text)
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (inner or address).is_global and not (inner or address).is_multicast


async def _read(answer: httpx.Response, limit_bytes: int) -> bytes:
    if answer.status_code != _OK:
        raise errors.InvalidArgument(_FIELD, f"its URL answers {answer.status_code}")
    content = bytearray()
    async for chunk in answer.aiter_bytes():
        content += chunk
        if len(content) > limit_bytes:
            raise errors.TooLarge(
                f"The picture at the URL has more than {limit_bytes} bytes. Send a smaller image.",
                limit_bytes=limit_bytes,
            )
    return bytes(content)
