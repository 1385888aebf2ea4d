"""A bucket that is a folder: temporary names, fsync, atomic renames, and the secret behind its links."""

import contextlib
import datetime
import errno
import hashlib
import io
import itertools
import os
import pathlib
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence

from reelmesh_kit import chance, errors, ids

from reelmesh_storage import ports
from reelmesh_storage.adapters import threads
from reelmesh_storage.model import asset, leftovers, link

# Names that begin with a dot are never listed; keys never begin with one.
UPLOADS_FOLDER = ".uploads"
SECRET_FILE = ".link-secret"  # noqa: S105 - a file's name

THREADS = 8
SECRET_MODE = 0o600
FOLDER_MODE = 0o750
# A sweep may take an empty folder away at the moment in which a publication wants it.
PUBLISH_TRIES = 5
SMALLEST_SECRET_BYTES = 16

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextlib.asynccontextmanager
async def open_bucket(folder: pathlib.Path, service_ids: ids.Ids) -> AsyncGenerator["FilesystemBucket"]:
    """Make the folder if it is not there, readable by us alone, and use it as a bucket.

    Raises:
        errors.Unavailable: it cannot be made or written.
        errors.StorageFull: there is no room.
    """
    with threads.Threads("storage-files", THREADS) as own:
        await own.run(_prepare, folder)
        yield FilesystemBucket(folder, service_ids, own)


class FilesystemBucket:
    """`ports.Bucket` in a folder of a local or shared file system with POSIX renames."""

    def __init__(self, folder: pathlib.Path, service_ids: ids.Ids, own: threads.Threads) -> None:
        """Use a folder that has been prepared: see `open_bucket`."""
        self._folder = folder
        self._uploads = folder / UPLOADS_FOLDER
        self._ids = service_ids
        self._threads = own

    @contextlib.asynccontextmanager
    async def upload(self, key: str, content_type: str) -> AsyncGenerator[ports.Upload]:
        """Write to a temporary file beside the keys."""
        del content_type
        file = _NewFile(self._uploads / f"{self._ids.fresh()}.part", self._path(key), self._folder)
        try:
            await self._threads.run(file.open)
            yield _FileUpload(file, self._threads)
        finally:
            await self._threads.clean_up(file.discard)

    async def read(self, key: str, offset: int, length: int) -> AsyncGenerator[bytes]:
        """Stream from the file; one that is removed meanwhile is read to its end."""
        file = _OldFile(self._path(key))
        try:
            await self._threads.run(file.open, offset)
            while length > 0:
                chunk = await self._threads.run(file.read, min(length, ports.CHUNK_BYTES))
                length -= len(chunk)
                yield chunk
        finally:
            await self._threads.clean_up(file.close)

    async def delete(self, key: str) -> None:
        """Remove the file and the folders that it leaves empty."""
        await self._threads.run(_delete, self._path(key), self._folder)

    async def list(self, after: str, limit: int) -> Sequence[leftovers.Listed]:
        """Walk the folder in the order of keys."""
        return await self._threads.run(_listed, self._folder, after, limit)

    async def discard_uploads(self, before: datetime.datetime) -> int:
        """Remove old temporary files."""
        return await self._threads.run(_discard_old, self._uploads, before.timestamp())

    async def sign(self, key: str, validity: datetime.timedelta) -> str | None:
        """Return None: the gateway serves these files."""
        del key, validity

    async def check(self) -> None:
        """Return if a file can be made."""
        await self._threads.run(_probe, self._uploads / f"{self._ids.fresh()}.part")

    def _path(self, key: str) -> pathlib.Path:
        # The layout never makes such keys; a row that was tampered with still reads nothing outside of the folder.
        if any(part == "" or part.startswith(".") or "\\" in part or "\0" in part for part in key.split("/")):
            raise errors.NotFound(f"{key!r} is not a key.")
        return self._folder.joinpath(*key.split("/"))


class _FileUpload:
    """`ports.Upload` into a file."""

    def __init__(self, file: "_NewFile", own: threads.Threads) -> None:
        self._file = file
        self._threads = own

    @property
    def content(self) -> asset.Content:
        return self._file.content

    async def write(self, chunk: bytes) -> None:
        await self._threads.run(self._file.write, chunk)

    async def publish(self) -> None:
        await self._threads.run(self._file.publish)


class _NewFile:
    """A temporary file that becomes the real one by its name. Its methods block."""

    def __init__(self, temporary: pathlib.Path, target: pathlib.Path, root: pathlib.Path) -> None:
        self._temporary = temporary
        self._target = target
        self._root = root
        self._file: io.FileIO | None = None
        self._digest = hashlib.sha256()
        self._size_bytes = 0

    @property
    def content(self) -> asset.Content:
        return asset.Content(self._size_bytes, self._digest.hexdigest())

    def open(self) -> None:
        with _our_words():
            self._file = io.FileIO(self._temporary, "xb")

    def write(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        with _our_words():
            while rest:
                rest = rest[self._opened.write(rest) :]
        self._digest.update(chunk)
        self._size_bytes += len(chunk)

    def publish(self) -> None:
        with _our_words():
            os.fsync(self._opened.fileno())
            for _ in range(PUBLISH_TRIES):
                _make_folders(self._target.parent, self._root)
                with contextlib.suppress(FileNotFoundError):
                    self._temporary.replace(self._target)
                    _sync_folder(self._target.parent)
                    return
        raise errors.Unavailable(f"{self._target.parent} disappears again and again. Is something else cleaning up?")

    def discard(self) -> None:
        with _our_words():
            if self._file is not None:
                self._file.close()
            self._temporary.unlink(missing_ok=True)

    @property
    def _opened(self) -> io.FileIO:
        if self._file is None:
            raise errors.Unavailable("The temporary file is not open.")
        return self._file


class _OldFile:
    """A published file. Its methods block."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._file: io.FileIO | None = None

    def open(self, offset: int) -> None:
        with _our_words(), _absent_is_not_found(self._path):
            self._file = io.FileIO(self._path, "rb")
            self._file.seek(offset)

    def read(self, most_bytes: int) -> bytes:
        with _our_words():
            chunk = self._file.read(most_bytes) if self._file is not None else b""
        if not chunk:
            raise errors.NotFound(f"{self._path.name} is shorter than it was when it was stored.")
        return chunk

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _prepare(folder: pathlib.Path) -> None:
    with _our_words():
        (folder / UPLOADS_FOLDER).mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if not os.access(folder / UPLOADS_FOLDER, os.W_OK | os.X_OK):
        raise errors.Unavailable(f"{folder} cannot be written. Check its owner and rights.")


def link_secret(folder: pathlib.Path, entropy: chance.Chance, service_ids: ids.Ids) -> bytes:
    """Return the secret kept in the folder; make it at the first start. Services that start together agree on one.

    Raises:
        errors.Unavailable: the file cannot be read or made, or is damaged.
    """
    path = folder / SECRET_FILE
    temporary = folder / UPLOADS_FOLDER / f"{service_ids.fresh()}.part"
    with _our_words():
        if not path.exists():
            _write_secret(temporary, path, entropy.token(link.SECRET_BYTES))
        secret = path.read_bytes()
    if len(secret) < SMALLEST_SECRET_BYTES:
        raise errors.Unavailable(f"{path} is damaged. Remove it: links made so far will stop working.")
    return secret


def _write_secret(temporary: pathlib.Path, path: pathlib.Path, secret: bytes) -> None:
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link, unlike a rename, never replaces what another process has just made.
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink()


@contextlib.contextmanager
def _our_words() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise errors.StorageFull(
                f"The disk that holds the assets has no room left ({error.strerror}); nothing was stored. "
                "Free space and try again."
            ) from error
        raise errors.Unavailable(f"The folder of the assets fails: {error}.") from error


@contextlib.contextmanager
def _absent_is_not_found(path: pathlib.Path) -> Generator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise errors.NotFound(f"There are no bytes under {path.name}.") from error


def _delete(path: pathlib.Path, root: pathlib.Path) -> None:
    with _our_words():
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            _sync_folder(path.parent)
        for parent in itertools.takewhile(lambda each: each != root, path.parents):
            if not _removed_if_empty(parent):
                return


def _removed_if_empty(folder: pathlib.Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _listed(root: pathlib.Path, after: str, limit: int) -> Sequence[leftovers.Listed]:
    found: list[leftovers.Listed] = []
    with _our_words():
        for key, entry in _walk(root, "", after):
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                modified_at = datetime.datetime.fromtimestamp(status.st_mtime, datetime.UTC)
                found.append(leftovers.Listed(key, status.st_size, modified_at))
            if len(found) == limit:
                break
    return found


def _walk(folder: pathlib.Path, prefix: str, after: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield files in the order of their keys, going only into folders that may hold keys behind `after`."""
    try:
        with os.scandir(folder) as scan:
            entries = [(_sort_key(prefix, entry), entry) for entry in scan if not entry.name.startswith(".")]
    except FileNotFoundError:
        return
    for key, entry in sorted(entries, key=lambda each: each[0]):
        if entry.is_dir(follow_symlinks=False):
            if key > after or after.startswith(key):
                yield from _walk(pathlib.Path(entry.path), key, after)
        elif key > after and entry.is_file(follow_symlinks=False):
            yield key, entry


def _sort_key(prefix: str, entry: os.DirEntry[str]) -> str:
    # With its slash a folder sorts where its keys do: "a-b" comes before "a/b".
    return f"{prefix}{entry.name}/" if entry.is_dir(follow_symlinks=False) else f"{prefix}{entry.name}"


def _discard_old(uploads: pathlib.Path, before: float) -> int:
    discarded = 0
    with _our_words():
        for path in uploads.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()
                    discarded += 1
    return discarded


def _probe(path: pathlib.Path) -> None:
    with _our_words():
        path.write_bytes(b"")
        path.unlink()


def _make_folders(folder: pathlib.Path, root: pathlib.Path) -> None:
    """Make a folder below `root` so that it is still there after a power cut."""
    if folder == root or folder.is_dir():
        return
    _make_folders(folder.parent, root)
    with contextlib.suppress(FileExistsError, FileNotFoundError):
        folder.mkdir(mode=FOLDER_MODE)
        _sync_folder(folder.parent)


def _sync_folder(folder: pathlib.Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
