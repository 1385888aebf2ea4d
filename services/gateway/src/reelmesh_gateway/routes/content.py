"""Bytes as an HTTP answer: whole, in part, unchanged, or out of range."""

import contextlib
import hashlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import fastapi
from reelmesh_kit import errors
from starlette import requests

from reelmesh_gateway.model import assets, ranges
from reelmesh_gateway.routes import front
from reelmesh_gateway.usecases import places
from reelmesh_gateway.wire import errors as wire

# Bytes never change; but only their owner's browser may keep them.
CACHE_SECONDS = 3600
PIECE_BYTES = 128 * 1024
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "All bytes."},
    206: {"content": {"application/octet-stream": {}}, "description": "The bytes of the range."},
    304: {"description": "They are what If-None-Match says."},
}


def served(behind: front.Front, request: requests.Request, asset: assets.Asset) -> fastapi.Response:
    """Answer a GET or HEAD for the bytes of an asset.

    Raises:
        Unavailable: too many download already.
        Refused: the range lies outside (416).
    """
    choice = ranges.choose(_conditions(request), asset.size_bytes, asset.etag)
    headers = _headers(asset.etag)
    match choice:
        case ranges.Unchanged():
            return fastapi.Response(status_code=304, headers=headers)
        case ranges.Outside():
            raise _outside(asset.size_bytes)
        case ranges.Part(offset, length):
            place = _place(offset, length, asset.size_bytes)
            return _bytes(behind, request, asset, (offset, length), 206, {**headers, "Content-Range": place})
        case ranges.Whole():
            return _bytes(behind, request, asset, (0, asset.size_bytes), 200, headers)


def served_at_once(request: requests.Request, content: bytes, content_type: str) -> fastapi.Response:
    """Answer a GET or HEAD for bytes that are there already.

    Raises:
        Refused: the range lies outside (416).
    """
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    headers = {**_headers(etag), "Content-Length": str(len(content))}
    match ranges.choose(_conditions(request), len(content), etag):
        case ranges.Unchanged():
            return fastapi.Response(status_code=304, headers=_headers(etag))
        case ranges.Outside():
            raise _outside(len(content))
        case ranges.Part(offset, length):
            place = {"Content-Range": _place(offset, length, len(content)), "Content-Length": str(length)}
            body = b"" if request.method == "HEAD" else content[offset : offset + length]
            return fastapi.Response(body, 206, headers={**headers, **place}, media_type=content_type)
        case ranges.Whole():
            body = b"" if request.method == "HEAD" else content
            return fastapi.Response(body, headers=headers, media_type=content_type)


def _conditions(request: requests.Request) -> ranges.Conditions:
    return ranges.Conditions(
        range=request.headers.get("range", ""),
        if_range=request.headers.get("if-range", ""),
        if_none_match=request.headers.get("if-none-match", ""),
    )


def _outside(size_bytes: int) -> wire.Refused:
    problem = errors.InvalidArgument("Range", f"lies outside of the {size_bytes} bytes there are")
    return wire.Refused(416, problem, {"Content-Range": f"bytes */{size_bytes}"})


def _place(offset: int, length: int, size_bytes: int) -> str:
    return f"bytes {offset}-{offset + length - 1}/{size_bytes}"


def _bytes(
    behind: front.Front,
    request: requests.Request,
    asset: assets.Asset,
    part: tuple[int, int],
    status: int,
    headers: Mapping[str, str],
) -> fastapi.Response:
    offset, length = part
    sized = {**headers, "Content-Length": str(length)}
    content_type = asset.content_type or "application/octet-stream"
    if request.method == "HEAD" or not length:
        return fastapi.Response(status_code=status, headers=sized, media_type=content_type)
    behind.downloads.refuse_if_full()
    chunks = _pieces(behind.downloads, behind.assets.read(asset, offset, length))
    return fastapi.responses.StreamingResponse(chunks, status_code=status, headers=sized, media_type=content_type)


async def _pieces(downloads: places.Places, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Cut what is sent: of each piece a copy waits for its reader, and there may be many who are slow."""
    with downloads.take():
        async with contextlib.aclosing(chunks) as whole:
            async for chunk in whole:
                for start in range(0, len(chunk), PIECE_BYTES):
                    yield chunk[start : start + PIECE_BYTES]


def _headers(etag: str) -> dict[str, str]:
    return {
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Cache-Control": f"private, max-age={CACHE_SECONDS}",
        # Nothing that was stored runs as a page of ours.
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
