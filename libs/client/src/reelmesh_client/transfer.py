"""Moves bytes: images up, videos down, whole or not at all."""

import asyncio
import dataclasses
import errno
import hashlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from typing import BinaryIO

import grpc.aio
from reelmesh.v1 import asset_pb2, asset_service_pb2

from reelmesh_client import errors, machine, retrying

# Size of one message going up, bytes: the contract allows 1 MiB.
UPLOAD_CHUNK_BYTES = 256 * 1024
# The largest image that any mesh can be told to take, bytes: what is larger is not read to its end.
LARGEST_UPLOAD_BYTES = 100 * 1024 * 1024

# Told after each chunk: bytes so far, bytes in all.
OnBytes = Callable[[int, int], None]
# Opens a stream of the bytes from an offset on.
OpenBytes = Callable[[int], AsyncIterable[asset_service_pb2.DownloadAssetResponse]]


def read_file(path: pathlib.Path) -> bytes:
    """Return a local file's bytes.

    Raises:
        errors.UnusableFile: it cannot be read.
        errors.TooLarge: it has more than LARGEST_UPLOAD_BYTES.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_UPLOAD_BYTES + 1)
    except OSError as error:
        raise errors.UnusableFile(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) > LARGEST_UPLOAD_BYTES:
        raise errors.TooLarge(f"the image has more than {LARGEST_UPLOAD_BYTES} bytes")
    return content


def check_target(target: pathlib.Path) -> None:
    """Return if a download can be stored in the file `target`, whose folder is made if need be.

    Raises:
        errors.UnusableFile: it cannot; the message says why.
    """
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if is_special(target):
            return
        folder = target.resolve().parent
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise _unwritable(target, error) from error


def is_special(target: pathlib.Path) -> bool:
    """Return whether it is a pipe or a device: bytes are poured into it, and it is never replaced."""
    return target.exists() and not target.is_file() and not target.is_dir()


def _unwritable(target: pathlib.Path, error: OSError) -> errors.UnusableFile:
    why, hint = error.strerror or str(error), ""
    if isinstance(error, FileExistsError | NotADirectoryError):
        inner = next((each for each in target.parents if each.exists()), target.parent)
        why = f"{inner} is no folder"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Free space, or name a file on another disk; what came so far is kept, and gone on from."
    return errors.UnusableFile(f"cannot write {target}: {why}", hint=hint)


async def upload_messages(content: bytes, user_id: str) -> AsyncGenerator[asset_service_pb2.UploadAssetRequest]:
    """Yield the header, then the bytes in chunks."""
    header = asset_service_pb2.UploadHeader(kind=asset_pb2.ASSET_KIND_REFERENCE, user_id=user_id)
    yield asset_service_pb2.UploadAssetRequest(header=header)
    for start in range(0, len(content), UPLOAD_CHUNK_BYTES):
        yield asset_service_pb2.UploadAssetRequest(chunk=content[start : start + UPLOAD_CHUNK_BYTES])


@dataclasses.dataclass(frozen=True)
class Download:
    """One asset on its way into one file.

    Bytes gather in a hidden file beside the target, named after the asset, so that an interrupted download goes on
    where it stopped, even in another process; the target appears at once and whole, after its SHA-256 was checked. A
    link stays one: the file that it leads to is replaced. A pipe or device gets the bytes once they are whole.
    """

    asset: asset_pb2.Asset
    target: pathlib.Path
    open_bytes: OpenBytes
    device: machine.Machine
    backoff: retrying.Backoff = dataclasses.field(default_factory=retrying.Backoff)
    on_bytes: OnBytes | None = None

    @property
    def partial(self) -> pathlib.Path:
        """Return the file that gathers the bytes."""
        return self.target.with_name(f".{self.target.name}.{self.asset.id}.part")

    async def run(self) -> pathlib.Path:
        """Fetch, check, publish; return the target.

        Raises:
            errors.ReelmeshError: see `fetched`.
        """
        if await asyncio.to_thread(is_special, self.target):
            await self._poured()
        else:
            real = self.target.resolve() if self.target.is_symlink() else self.target
            await dataclasses.replace(self, target=real).fetched()
        return self.target

    async def _poured(self) -> None:
        with tempfile.TemporaryDirectory(prefix="reelmesh-") as folder:
            whole = pathlib.Path(folder, "whole")
            await dataclasses.replace(self, target=whole).fetched()
            try:
                await asyncio.to_thread(_pour, whole, self.target)
            except OSError as error:
                raise _unwritable(self.target, error) from error

    async def fetched(self) -> None:
        """Fetch, check and publish a plain file.

        Raises:
            errors.CorruptDownload: the bytes are not those that were stored; nothing is left behind.
            errors.UnusableFile: the target's folder cannot be written, or its disk is full; what came is kept.
            errors.ReelmeshError: the mesh refused or does not answer; what came is kept.
        """
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            went_on = self._leftover_bytes() > 0
            await self._gather()
            if went_on and not await asyncio.to_thread(self._is_whole):
                self.partial.unlink()  # what an earlier download left was not ours: begin anew, once
                await self._gather()
            await asyncio.to_thread(self._publish)
        except OSError as error:
            raise _unwritable(self.target, error) from error

    def _leftover_bytes(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    async def _gather(self) -> None:
        with self.partial.open("ab") as file:
            failures = 0
            while (before := file.tell()) < self.asset.size_bytes:
                problem = await self._append(file)
                failures = 1 if file.tell() > before else failures + 1
                if problem is None:
                    continue
                if failures >= self.backoff.tries:
                    raise problem
                await self.device.sleep(retrying.wait_seconds(problem, failures, self.backoff, self.device))

    async def _append(self, file: BinaryIO) -> errors.ReelmeshError | None:
        """Take what one stream gives; return what broke it off, if another stream may do better."""
        try:
            async for part in self.open_bytes(file.tell()):
                if part.chunk:
                    await asyncio.to_thread(file.write, part.chunk)
                    if self.on_bytes:
                        self.on_bytes(file.tell(), self.asset.size_bytes)
        except grpc.aio.AioRpcError as error:
            problem = errors.from_rpc(error)
            if not isinstance(problem, errors.Unavailable | errors.DeadlineExceeded):
                raise problem from error
            return problem
        if file.tell() < self.asset.size_bytes:
            return errors.Unavailable("the stream ended before the file did")
        return None

    def _is_whole(self) -> bool:
        with self.partial.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        return found == self.asset.sha256 and self._leftover_bytes() == self.asset.size_bytes

    def _publish(self) -> None:
        if not self._is_whole():
            self.partial.unlink()
            raise errors.CorruptDownload(f"{self.target.name}: its SHA-256 is not {self.asset.sha256}")
        with self.partial.open("rb") as file:
            os.fsync(file.fileno())
        self.partial.replace(self.target)


def _pour(source: pathlib.Path, target: pathlib.Path) -> None:
    with source.open("rb") as whole, target.open("wb") as special:
        shutil.copyfileobj(whole, special)
