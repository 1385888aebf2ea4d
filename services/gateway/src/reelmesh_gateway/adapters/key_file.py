"""API keys in a file of the data folder, and the development key that a first start makes."""

import contextlib
import datetime
import fcntl
import json
import logging
import os
import pathlib
from collections.abc import Generator, Mapping
from typing import Any, cast

from reelmesh_kit import chance, clock, process

from reelmesh_gateway.model import keys

KEYS_FILE = "api-keys.json"
DEVELOPMENT_FILE = "development.key"
DEVELOPMENT_TENANT = "development"
VERSION = 1
FILE_LIMIT_BYTES = 8 * 1024 * 1024

_LOCK_FILE = "api-keys.lock"
_OWNER_ONLY = 0o600

Signature = tuple[int, int, int]


class KeyFile:
    """The keys of one file. It is read again when it changes, so that a revoked key stops working at once."""

    def __init__(self, path: pathlib.Path, logger: logging.Logger) -> None:
        """Read `path`.

        Raises:
            CannotStart: it is not there or not what it should be.
        """
        self._path = path
        self._logger = logger
        self._seen = _signature(path)
        self._keys = _read(path)

    def find(self, key_id: str) -> keys.Key | None:
        """Return the key with this id, None if there is none."""
        self._refresh()
        return self._keys.get(key_id)

    def _refresh(self) -> None:
        try:
            signature = _signature(self._path)
            if signature == self._seen:
                return
            self._seen = signature
            self._keys = _read(self._path)
        except process.CannotStart as error:
            self._logger.error("The API keys stay as they were: %s", error)  # noqa: TRY400 - it says what to do


def opened(folder: pathlib.Path, logger: logging.Logger, key_clock: clock.Clock, entropy: chance.Chance) -> KeyFile:
    """Return the keys of a data folder; on a first start, make a development key and say where it is.

    Raises:
        CannotStart: the folder cannot be written, or its keys cannot be read.
    """
    path = folder / KEYS_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(folder / _LOCK_FILE):
            if not path.exists():
                _make_development_key(folder, key_clock.now(), entropy)
                logger.info("A development key was made: %s", folder / DEVELOPMENT_FILE)
    except OSError as error:
        raise process.CannotStart(
            f"API keys cannot be kept in {folder}: {error.strerror}. Make it writable or set REELMESH_DATA_FOLDER."
        ) from error
    return KeyFile(path, logger)


def _make_development_key(folder: pathlib.Path, now: datetime.datetime, entropy: chance.Chance) -> None:
    """Write the secret first: a crash in between makes the next start do both again."""
    text = keys.mint(entropy.token(keys.ID_BYTES), entropy.token(keys.SECRET_BYTES))
    presented = keys.parse(text)
    if presented is None:
        raise AssertionError("A minted key is well formed.")
    key = keys.Key(
        id=presented.key_id,
        secret_sha256=keys.digest(presented.secret),
        tenant_id=DEVELOPMENT_TENANT,
        scopes=frozenset(keys.Scope),
        created=now,
    )
    _write(folder / DEVELOPMENT_FILE, text + "\n")
    _write(folder / KEYS_FILE, json.dumps({"version": VERSION, "keys": [_to_json(key)]}, indent=2) + "\n")


def _read(path: pathlib.Path) -> dict[str, keys.Key]:
    try:
        found = [_from_json(each) for each in json.loads(_content(path))["keys"]]
    except OSError as error:
        raise process.CannotStart(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise process.CannotStart(
            f"{path} is not a list of API keys ({type(error).__name__}: {error}). Restore it, or move it away: "
            "then a new development key is made, and all other keys are lost."
        ) from error
    return {key.id: key for key in found}


def _content(path: pathlib.Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(FILE_LIMIT_BYTES + 1)
    if len(content) > FILE_LIMIT_BYTES:
        raise ValueError(f"it has more than {FILE_LIMIT_BYTES} bytes")
    return content


def _from_json(entry: Mapping[str, Any]) -> keys.Key:
    sha256 = str(entry["sha256"])
    if len(bytes.fromhex(sha256)) != 32:
        raise ValueError(f"the sha256 of key {entry['id']} has not 64 hex digits")
    if not entry["tenant_id"]:
        raise ValueError(f"key {entry['id']} has no tenant_id")
    return keys.Key(
        id=str(entry["id"]),
        secret_sha256=sha256,
        tenant_id=str(entry["tenant_id"]),
        scopes=frozenset(keys.Scope(each) for each in cast(list[str], entry["scopes"])),
        created=datetime.datetime.fromisoformat(entry["created"]),
    )


def _to_json(key: keys.Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "sha256": key.secret_sha256,
        "tenant_id": key.tenant_id,
        "scopes": sorted(key.scopes),
        "created": key.created.isoformat(),
    }


def _signature(path: pathlib.Path) -> Signature:
    try:
        found = path.stat()
    except OSError as error:
        raise process.CannotStart(f"{path} cannot be read: {error.strerror}.") from error
    return found.st_mtime_ns, found.st_size, found.st_ino


def _write(path: pathlib.Path, text: str) -> None:
    """Replace a file in one step; nobody but its owner may read it, at no time."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> Generator[None]:
    """Let one process at a time through: several gateways may start on one folder."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
