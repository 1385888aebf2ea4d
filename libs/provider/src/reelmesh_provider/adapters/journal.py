"""The journal of accepted ids: one small file for each open submit, its room reserved before leave is asked for.

A page is written once, with the provider's id, and removed once the orchestrator has acknowledged it. What is found at
start was therefore accepted by a provider and never acknowledged, or was reserved and left empty.

What was acknowledged goes on in two files that take turns, so that an orchestrator whose record went back can be told
again; and beside them lies what was seen of that record. Both survive the process, not a power cut: the disk is not
waited for.
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
RETAINED_NAME = "acknowledged"
RETAINED_BEFORE_NAME = "acknowledged.before"
MEMORY_NAME = "record.json"
# Of each of the two files: some ten thousand facts.
RETAINED_BYTES = 4 * 1024 * 1024
_SAFE_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")


class FilePage:
    """A file of PAGE_BYTES, filled with zeros until its fact is known."""

    def __init__(self, path: pathlib.Path, attempt_id: str, fact: model.JobFact | None = None) -> None:
        """Stand for the page at `path`, which exists, with the fact that is on it."""
        self.attempt_id = attempt_id
        self._path = path
        self._fact = fact

    async def write(self, fact: model.JobFact) -> None:
        """Put the fact on disk over the reserved zeros, and wait for the disk."""
        self._fact = fact
        await asyncio.to_thread(_overwrite, self._path, _encoded(fact))

    async def tear_out(self) -> None:
        """Retain the fact, if there is one, and remove the page."""
        fact, self._fact = self._fact, None
        await asyncio.to_thread(_torn_out, self._path, fact)


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

    async def retained(self) -> Sequence[model.JobFact]:
        """Return acknowledged facts, the oldest first, as far back as the two files go."""
        return await asyncio.to_thread(_retained, self._folder)

    async def recall(self) -> model.Remembered:
        """Return what was remembered last; nothing when there is none or it is damaged."""
        return await asyncio.to_thread(_recalled, self._folder / MEMORY_NAME)

    async def remember(self, remembered: model.Remembered) -> None:
        """Keep what the next life must know, whole or not at all."""
        await asyncio.to_thread(_remember, self._folder / MEMORY_NAME, remembered)

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
                found.append((FilePage(path, fact.attempt_id, fact), fact))
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


def _torn_out(path: pathlib.Path, fact: model.JobFact | None) -> None:
    if fact is not None:
        # Without room for it the page goes all the same: the orchestrator has acknowledged it.
        with contextlib.suppress(OSError):
            _retain(path.parent, fact)
    path.unlink(missing_ok=True)


def _retain(folder: pathlib.Path, fact: model.JobFact) -> None:
    current = folder / RETAINED_NAME
    if current.exists() and current.stat().st_size >= RETAINED_BYTES:
        current.replace(folder / RETAINED_BEFORE_NAME)
    with current.open("ab") as file:
        file.write(_encoded(fact))


def _retained(folder: pathlib.Path) -> list[model.JobFact]:
    found: list[model.JobFact] = []
    for path in (folder / RETAINED_BEFORE_NAME, folder / RETAINED_NAME):
        if not path.exists():
            continue
        with path.open("rb") as lines:
            found += [fact for line in lines if (fact := _decoded(line)) is not None]
    return found


def _remember(path: pathlib.Path, remembered: model.Remembered) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(remembered)))
    fresh.replace(path)


def _recalled(path: pathlib.Path) -> model.Remembered:
    try:
        fields = json.loads(path.read_text())
        mark = fields["mark"]
        return model.Remembered(model.Mark(**mark) if mark else None, fields["counted_era_id"])
    except (OSError, ValueError, TypeError, KeyError):
        return model.Remembered()


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
