"""Clips in Cloud Storage: listed by what their names begin with, looked at, read."""

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

import httpx
from reelmesh_provider import errors, port

from reelmesh_provider_veo import wire
from reelmesh_provider_veo.model import places

CHUNK_BYTES = 256 * 1024
MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class Bucket:
    """An account's bucket, and what opens it for now."""

    http: httpx.AsyncClient
    place: places.Place
    headers: Mapping[str, str]

    async def outputs(self, prefix: str) -> tuple[Sequence[wire.Stored], bool]:
        """Return what lies there under a prefix, and whether that is all.

        Raises:
            ValueError, httpx.HTTPError: it cannot be read, which must not look like an empty one.
        """
        found: list[wire.Stored] = []
        after = ""
        for _ in range(MOST_PAGES):
            page = await self._page(prefix, after)
            found += page.stored
            after = page.after
            if not after:
                return found, True
        return found, False

    async def holds_anything(self) -> bool:
        """Tell whether anything was ever written here for us: else it may be the wrong bucket."""
        page = await self._page(places.FOLDER, "", most="1")
        return bool(page.stored)

    async def state(self, output: places.Output) -> wire.Presence:
        """Look whether an object is there."""
        answer = await self.http.get(self.place.object_url(output), headers=self.headers)
        return wire.presence(answer.status_code, answer.text)

    @contextlib.asynccontextmanager
    async def opened(self, output: places.Output) -> AsyncGenerator[port.Download]:
        """Open the bytes of an object. No redirect is followed: the token goes nowhere else.

        Raises:
            errors.FetchLost: Cloud Storage says that there is no such object.
            errors.FetchFailed: anything else than the bytes came.
        """
        headers = {**self.headers, "accept-encoding": "identity"}
        url = self.place.object_url(output)
        async with self.http.stream("GET", url, params={"alt": "media"}, headers=headers) as answer:
            if answer.status_code != 200:
                raise await self._why_not(output, answer)
            length = answer.headers.get("content-length", "")
            size = int(length) if length.isdigit() and "content-encoding" not in answer.headers else None
            yield port.Download(answer.aiter_bytes(CHUNK_BYTES), size)

    async def _page(self, prefix: str, after: str, most: str = "") -> wire.Page:
        told = {"prefix": prefix, "fields": "items(name,bucket,timeCreated),nextPageToken"}
        told |= {"pageToken": after} if after else {}
        told |= {"maxResults": most} if most else {}
        answer = await self.http.get(self.place.list_url(), params=told, headers=self.headers)
        return wire.page_of(self.place.bucket, answer.status_code, answer.text)

    async def _why_not(self, output: places.Output, answer: httpx.Response) -> Exception:
        """Return what a refused download means: only a look at the object itself can show that it is gone."""
        await answer.aread()
        absent = wire.presence(answer.status_code, answer.text) is wire.Presence.ABSENT
        # What asks for bytes is told in plain words that there are none, as a proxy may tell it too.
        if absent or (answer.status_code == 404 and await self.state(output) is wire.Presence.ABSENT):
            return errors.FetchLost(f"Cloud Storage has no {output.uri} any more")
        return errors.FetchFailed(f"Cloud Storage answered {answer.status_code}: {wire.reason_in(answer.text)}")
