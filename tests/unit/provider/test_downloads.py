"""Clips from addresses that a vendor named."""

import contextlib
from collections.abc import AsyncGenerator

import pytest
from reelmesh_kit import web
from reelmesh_provider import downloads, errors
from starlette import applications, requests, responses, routing

KEY = {"authorization": "Bearer key"}


class Host:
    """A host that keeps what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: list[str | None] = []

    async def answer(self, request: requests.Request) -> responses.Response:
        self.keys.append(request.headers.get("authorization"))
        name = request.path_params["name"]
        if name.isdigit():
            return responses.Response(status_code=int(name))
        if name == "circle":
            return responses.RedirectResponse("/circle")
        if name == "away":
            return responses.RedirectResponse(request.query_params["to"])
        return responses.Response(b"bytes", media_type="video/mp4")


@contextlib.asynccontextmanager
async def hosting() -> AsyncGenerator[Host]:
    host = Host()
    application = applications.Starlette(routes=[routing.Route("/{name}", host.answer)])
    async with web.serve(application, "127.0.0.1", 0, variable="PORT") as port:
        host.url = f"http://127.0.0.1:{port}"
        yield host


async def read(url: str, **told: object) -> bytes:
    async with downloads.open_url(url, **told) as download:  # type: ignore[arg-type]
        content = b"".join([chunk async for chunk in download.chunks])
        assert download.size_bytes == len(content)
        return content


async def test_our_own_endpoint_gets_the_key() -> None:
    async with hosting() as host:
        assert await read(f"{host.url}/clip", own=f"{host.url}/v1", headers=KEY) == b"bytes"
        assert host.keys == ["Bearer key"]


async def test_another_host_gets_the_bytes_asked_for_and_no_key() -> None:
    async with hosting() as own, hosting() as other:
        assert await read(f"{other.url}/clip", own=own.url, headers=KEY, private=True) == b"bytes"
        assert await read(f"{own.url}/away?to={other.url}/clip", own=own.url, headers=KEY, private=True) == b"bytes"
        assert own.keys == ["Bearer key"]
        assert other.keys == [None, None]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "http://169.254.169.254/x", "http://[::1]/x", "http://10.0.0.1/x"]
)
async def test_our_own_network_is_not_asked(url: str) -> None:
    with pytest.raises(downloads.Refused, match="our own network"):
        await read(url)


async def test_a_redirect_into_our_own_network_is_not_followed() -> None:
    async with hosting() as own, hosting() as other:
        with pytest.raises(downloads.Refused, match="our own network"):
            await read(f"{own.url}/away?to={other.url}/clip", own=own.url)
        assert other.keys == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "clip.mp4", "http://", "http://\n"])
async def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(downloads.Refused):
        await read(url)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, downloads.Expired),
        (404, downloads.NotThere),
        (410, errors.FetchLost),
        (500, errors.FetchFailed),
        (204, errors.FetchFailed),
    ],
)
async def test_what_is_answered_instead_of_bytes_is_told(status: int, error: type[Exception]) -> None:
    async with hosting() as host:
        with pytest.raises(error, match=str(status)):
            await read(f"{host.url}/{status}", own=host.url)


async def test_circles_end() -> None:
    async with hosting() as host:
        with pytest.raises(downloads.Refused, match="redirects"):
            await read(f"{host.url}/circle", own=host.url)
        assert len(host.keys) == downloads.MOST_REDIRECTS + 1
