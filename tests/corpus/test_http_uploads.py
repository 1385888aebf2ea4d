"""Uploads that are wrong on their way: forms that are none, bodies that end elsewhere than said, callers that leave."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.corpus import images
from tests.corpus import mesh as meshes

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(meshes.TEST_SECONDS)]

GOOD = images.encoded("PNG", 640, 480)
BOUNDARY = "xyz"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def part(disposition: str, content: bytes, *more: str) -> bytes:
    """Return a part of a form."""
    lines = [f"--{BOUNDARY}", f"Content-Disposition: {disposition}", *more, "", ""]
    return "\r\n".join(lines).encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    """Return a form."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


FILE = part('form-data; name="file"; filename="a.png"', GOOD, "Content-Type: image/png")

# A content type, a body, the status, the reason, and words of the message.
FORMS: dict[str, tuple[str, bytes, int, str, str]] = {
    "a form of one file": (FORM, form(FILE), 201, "", ""),
    "a form without a boundary": ("multipart/form-data", form(FILE), 400, "INVALID_ARGUMENT", "needs a boundary"),
    "a form of another boundary": (f"{FORM}z", form(FILE), 400, "INVALID_ARGUMENT", "is no multipart form"),
    "a boundary as long as a page": (f"{FORM}{'z' * 4000}", form(FILE), 400, "INVALID_ARGUMENT", "no boundary"),
    "a form of nothing": (FORM, b"", 400, "INVALID_ARGUMENT", "the form has no such part"),
    "a form without a file": (FORM, form(), 400, "INVALID_ARGUMENT", "the form has no such part"),
    "a form that is none": (FORM, GOOD, 400, "INVALID_ARGUMENT", "is no multipart form"),
    "a form that ends in its file": (FORM, form(FILE)[:-200], 400, "INVALID_ARGUMENT", "ends in the middle"),
    "a part that nobody knows": (
        FORM,
        form(part('form-data; name="x"', b"y"), FILE),
        400,
        "INVALID_ARGUMENT",
        "Known are",
    ),
    "a part without a name": (FORM, form(part("form-data", b"y"), FILE), 400, "INVALID_ARGUMENT", "Known are"),
    "two files": (FORM, form(FILE, FILE), 400, "INVALID_ARGUMENT", "comes twice"),
    "a field behind the file": (
        FORM,
        form(FILE, part('form-data; name="user_id"', b"ada")),
        400,
        "INVALID_ARGUMENT",
        "must come before",
    ),
    "a field twice": (
        FORM,
        form(*[part('form-data; name="kind"', b"REFERENCE")] * 2),
        400,
        "INVALID_ARGUMENT",
        "comes twice",
    ),
    "a field as long as a page": (
        FORM,
        form(part('form-data; name="user_id"', b"x" * 5000), FILE),
        400,
        "INVALID_ARGUMENT",
        "more than 1024 bytes",
    ),
    "a NUL in a field": (
        FORM,
        form(part('form-data; name="user_id"', b"a\0b"), FILE),
        400,
        "INVALID_ARGUMENT",
        "user_id",
    ),
    "a field that is no text": (
        FORM,
        form(part('form-data; name="user_id"', b"\xff"), FILE),
        400,
        "INVALID_ARGUMENT",
        "UTF-8",
    ),
    "a kind that cannot be uploaded": (
        FORM,
        form(part('form-data; name="kind"', b"CLIP"), FILE),
        400,
        "INVALID_ARGUMENT",
        "only REFERENCE",
    ),
    "a header of a part as long as a page": (
        FORM,
        form(part('form-data; name="file"', GOOD, f"X: {'x' * 5000}")),
        400,
        "INVALID_ARGUMENT",
        "header",
    ),
    "ten thousand headers of a part": (
        FORM,
        form(part('form-data; name="file"', GOOD, *["X: y"] * 10_000)),
        400,
        "INVALID_ARGUMENT",
        "header count",
    ),
    "more than may be": ("image/png", GOOD + b"\0" * 11 * 2**20, 413, "TOO_LARGE", "Send"),
    "a type that lies": ("video/mp4", GOOD, 201, "", ""),
    "a type that is none": ("a;;;=", GOOD, 201, "", ""),
}


@pytest.mark.parametrize("name", FORMS)
async def test_a_bad_upload_is_answered_by_its_row(corpus: meshes.Corpus, name: str) -> None:
    content_type, body, status, reason, words = FORMS[name]

    answer = await corpus.http.post(meshes.ASSETS, content=body, headers={"content-type": content_type})

    error = answer.json().get("error", {"reason": "", "message": ""})
    assert (answer.status_code, error["reason"]) == (status, reason), error["message"]
    assert words in error["message"]
    await corpus.still_well()


@pytest.mark.parametrize("user", ["%00", "%ff", "x" * 300, "%E2%80%AE"])
async def test_a_user_that_is_none_is_refused(corpus: meshes.Corpus, user: str) -> None:
    answer = await corpus.http.post(f"{meshes.ASSETS}?user_id={user}", content=GOOD)

    # Bytes that are no text are replaced, and so are a name like any other.
    assert answer.status_code == (201 if user == "%ff" else 400), answer.text
    await corpus.still_well()


@contextlib.asynccontextmanager
async def begun(corpus: meshes.Corpus, *lines: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Begin an upload by hand."""
    host, port = corpus.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = [f"POST {meshes.ASSETS} HTTP/1.1", "Host: x", f"X-API-Key: {corpus.mesh.key}", *lines, "", ""]
    writer.write("\r\n".join(head).encode())
    try:
        yield reader, writer
    finally:
        writer.close()


async def count(corpus: meshes.Corpus) -> int:
    """Return how many files storage keeps."""
    return sum(path.is_file() for path in (corpus.mesh.folder / "storage-0" / "assets").rglob("*"))


@pytest.mark.parametrize("how", ["half-closed", "closed", "reset"])
@pytest.mark.parametrize("framing", [f"Content-Length: {len(GOOD)}", "Transfer-Encoding: chunked"])
async def test_who_leaves_in_the_middle_of_an_upload_leaves_nothing(
    corpus: meshes.Corpus, how: str, framing: str
) -> None:
    before = await count(corpus)
    async with begun(corpus, framing) as (reader, writer):
        content = GOOD[: len(GOOD) // 2]
        writer.write(content if "Length" in framing else f"{len(content):x}\r\n".encode() + content + b"\r\n")
        await writer.drain()
        if how == "half-closed":
            writer.write_eof()
            assert await reader.read() == b""
        if how == "reset":
            writer.transport.abort()

    await corpus.until(lambda: count(corpus), before)
    await corpus.still_well()


async def test_a_body_that_is_longer_than_it_says_ends_where_it_says(corpus: meshes.Corpus) -> None:
    async with begun(corpus, f"Content-Length: {len(GOOD)}") as (reader, writer):
        writer.write(GOOD + b"\0\1\2\r\n\r\n")
        answers = await reader.read()

    assert answers.startswith(b"HTTP/1.1 201 ")
    assert b"HTTP/1.1 400 " in answers
    await corpus.still_well()


async def test_chunks_of_one_byte_make_an_image_too(corpus: meshes.Corpus) -> None:
    async with begun(corpus, "Transfer-Encoding: chunked", "Connection: close") as (reader, writer):
        small = images.encoded("PNG")
        writer.write(b"".join(b"1;name=value\r\n" + small[place : place + 1] + b"\r\n" for place in range(len(small))))
        writer.write(b"0\r\n\r\n")
        answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 201 ")
    await corpus.still_well()
