"""The gateway's ports, in memory."""

import datetime
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator

from reelmesh_gateway.model import assets, keys
from reelmesh_kit import errors


class FakeKeys:
    """Issued keys."""

    def __init__(self, *issued: keys.Key) -> None:
        self.issued = {key.id: key for key in issued}

    def find(self, key_id: str) -> keys.Key | None:
        return self.issued.get(key_id)

    def all(self) -> list[keys.Key]:
        return list(self.issued.values())

    def add(self, key: keys.Key) -> None:
        self.issued[key.id] = key

    def remove(self, key_id: str) -> None:
        self.issued.pop(key_id, None)


class FakeAudit:
    """What was noted, and how many keys there were at that moment."""

    def __init__(self, ring: FakeKeys) -> None:
        self.notes: list[tuple[str, str, int]] = []
        self._ring = ring

    def note(self, action: str, key: keys.Key) -> None:
        self.notes.append((action, key.id, len(self._ring.issued)))


class FakeFiles:
    """Stored bytes; a test says how often reading and signing break."""

    def __init__(self) -> None:
        self.assets: dict[str, assets.Asset] = {}
        self.content: dict[str, bytes] = {}
        self.removed: set[tuple[str, str]] = set()
        self.reads: list[tuple[int, int]] = []
        self.breaks = 0
        self.silent = False

    async def put(self, upload: assets.Upload, chunks: AsyncIterator[bytes]) -> None:
        content = b"".join([chunk async for chunk in chunks])
        self.keep(upload.id, upload.owner.tenant_id, content, upload.content_type)

    def keep(self, asset_id: str, tenant_id: str, content: bytes, content_type: str = "video/mp4") -> assets.Asset:
        self.content[asset_id] = content
        self.assets[asset_id] = assets.Asset(
            id=asset_id,
            tenant_id=tenant_id,
            user_id="",
            kind=assets.Kind.REFERENCE,
            content_type=content_type,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            width=0,
            height=0,
            duration_seconds=0.0,
            create_time=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
            expire_time=None,
            generation_id="",
        )
        return self.assets[asset_id]

    async def find(self, asset_id: str, tenant_id: str) -> assets.Asset:
        asset = self.assets.get(asset_id)
        if asset is None or tenant_id not in ("", asset.tenant_id):
            raise errors.NotFound
        return asset

    async def read(self, asset: assets.Asset, offset: int, length: int) -> AsyncGenerator[bytes]:
        self.reads.append((offset, length))
        content = self.content[asset.id][offset : offset + length]
        for start in range(0, len(content), 10):
            if self.breaks and start:
                self.breaks -= 1
                raise errors.Unavailable
            yield content[start : start + 10]

    async def remove(self, asset_id: str, tenant_id: str) -> None:
        if self.silent:
            raise errors.Unavailable
        if (asset_id, tenant_id) not in self.removed:
            asset = self.assets.pop((await self.find(asset_id, tenant_id)).id)
            self.removed.add((asset.id, asset.tenant_id))

    async def sign(self, asset_id: str, tenant_id: str) -> str:
        if self.silent:
            raise errors.Unavailable
        return f"/files/{(await self.find(asset_id, tenant_id)).id}"

    async def verify(self, token: str) -> str:
        return token


class FakeMedia:
    """Finds every image sound, or refuses it."""

    def __init__(self, files: FakeFiles) -> None:
        self._files = files
        self.refuse_with: Exception | None = None

    async def prepare_reference(self, upload_id: str, reference_id: str) -> assets.Asset:
        if self.refuse_with is not None:
            raise self.refuse_with
        upload = self._files.assets[upload_id]
        return self._files.keep(reference_id, upload.tenant_id, self._files.content[upload_id], upload.content_type)
