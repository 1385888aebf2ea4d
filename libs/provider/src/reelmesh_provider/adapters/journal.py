"""The journal of accepted ids: one small file for each open submit, its room reserved before leave is asked for.

A page is written once, with the provider's id, and removed once the orchestrator has acknowledged it. What is found at
start was therefore accepted by a provider and never acknowledged, or was reserved and left empty.
"""

import asyncio
import contextlib
import errno
import fcntl
import json
import os
import pathlib
import re
import zlib
from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import asdict

from reelmesh_kit import errors as kit_errors

from reelmesh_provider import errors, model

# Room for the ids, whose lengths are bounded, and for the provider's project and job id, which are not ours.
PAGE_BYTES = 8192
SUFFIX = ".page"
LOCK_NAME = "lock"
_SAFE_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")


class FilePage:
    """A file of PAGE_BYTES, filled with zeros until its fact is known."""

    def __init__(self, path: pathlib.Path, attempt_id: str) -> None:
        """Stand for the page at `path`, which exists."""
        self.attempt_id = attempt_id
        self._path = path

    async def write(self, fact: model.JobFact) -> None:
        """Put the fact on disk over the reserved zeros, and wait for the disk."""
        await asyncio.to_thread(_overwrite, self._path, _encoded(fact))

    async def tear_out(self) -> None:
        """Remove the page."""
        await asyncio.to_thread(self._path.unlink, missing_ok=True)


class FileJournal:
    """A folder of pages. Use `open_journal`, which makes sure that nobody else uses it."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Keep pages in `folder`, which exists."""
        self._folder = folder

    async def reserve(self, attempt_id: str) -> FilePage:
        """Reserve a page on disk.

        Raises:
            StorageFull: the disk has no room, so a paid id could not be kept: do not submit.
            InvalidArgument: the attempt id cannot be a file name.
        """
        path = self._path(attempt_id)
        await asyncio.to_thread(_reserve, path)
        return FilePage(path, attempt_id)

    async def unacknowledged(self) -> Sequence[tuple[FilePage, model.JobFact]]:
        """Return the facts that were never acknowledged; remove pages that hold none."""
        return await asyncio.to_thread(self._read_all)

    def _path(self, attempt_id: str) -> pathlib.Path:
        if not _SAFE_NAME.fullmatch(attempt_id):
            raise kit_errors.InvalidArgument("attempt_id", "must be a UUID")
        return self._folder / f"{attempt_id}{SUFFIX}"

    def _read_all(self) -> list[tuple[FilePage, model.JobFact]]:
        found: list[tuple[FilePage, model.JobFact]] = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            fact = _decoded(path.read_bytes())
            if fact is None:
                path.unlink(missing_ok=True)
            else:
                found.append((FilePage(path, fact.attempt_id), fact))
        return found


@contextlib.asynccontextmanager
async def open_journal(folder: pathlib.Path) -> AsyncGenerator[FileJournal]:
    """Yield the journal in `folder`, made if missing, locked until the end.

    Raises:
        JournalInUse: another worker has it open.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with _locked(folder):
        yield FileJournal(folder)


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Generator[None]:
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise errors.JournalInUse(folder=folder) from error
        yield
    finally:
        os.close(descriptor)


def _reserve(path: pathlib.Path) -> None:
    try:
        with path.open("wb") as file:
            file.write(bytes(PAGE_BYTES))
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise kit_errors.StorageFull(folder=path.parent) from error
        raise


def _overwrite(path: pathlib.Path, content: bytes) -> None:
    existed = path.exists()
    with path.open("r+b" if existed else "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if not existed:
        _sync_folder(path.parent)


def _sync_folder(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _encoded(fact: model.JobFact) -> bytes:
    body = json.dumps(asdict(fact)).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _decoded(content: bytes) -> model.JobFact | None:
    """Return the fact of a page; None for one that is empty or was torn while it was written."""
    line, newline, _ = content.partition(b"\n")
    checksum, _, body = line.partition(b" ")
    if not newline or checksum != b"%08x" % zlib.crc32(body):
        return None
    fields = json.loads(body)
    return model.JobFact(**{**fields, "evidence": model.Evidence(fields["evidence"])})
