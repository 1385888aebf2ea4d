"""API keys in a file of the data folder, and the development key that a first start makes."""

import contextlib
import datetime
import fcntl
import json
import logging
import os
import pathlib
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, cast

from reelmesh_kit import chance, clock, errors, process

from reelmesh_gateway.model import keys

KEYS_FILE = "api-keys.json"
AUDIT_FILE = "api-keys.log"
DEVELOPMENT_FILE = "development.key"
DEVELOPMENT_TENANT = "development"
DEVELOPMENT_NAME = "made by the first start"
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

    def all(self) -> list[keys.Key]:
        """Return every key, oldest first."""
        self._refresh()
        return sorted(self._keys.values(), key=lambda key: key.created)

    def add(self, key: keys.Key) -> None:
        """Keep a new key, on the disk when this returns."""
        with _locked(self._path.with_name(_LOCK_FILE)):
            self._replace({**_read(self._path), key.id: key})

    def remove(self, key_id: str) -> None:
        """Forget a key, on the disk when this returns."""
        with _locked(self._path.with_name(_LOCK_FILE)):
            self._replace({each.id: each for each in _read(self._path).values() if each.id != key_id})

    def _replace(self, found: Mapping[str, keys.Key]) -> None:
        content = _content_of(found.values())
        if len(content.encode()) > FILE_LIMIT_BYTES:
            raise errors.StorageFull(
                f"{self._path} would have more than {FILE_LIMIT_BYTES} bytes. Revoke old keys first."
            )
        _write(self._path, content)

    def _refresh(self) -> None:
        try:
            signature = _signature(self._path)
            if signature == self._seen:
                return
            self._seen = signature
            before, self._keys = self._keys, _read(self._path)
        except process.CannotStart as error:
            self._logger.error("The API keys stay as they were: %s", error)  # noqa: TRY400 - it says what to do
            return
        added, gone = self._keys.keys() - before.keys(), before.keys() - self._keys.keys()
        self._logger.info("The API keys have changed.", extra={"added": sorted(added), "gone": sorted(gone)})


class AuditFile:
    """A line of JSON for each change of the keys, beside them; only ever appended to."""

    def __init__(self, folder: pathlib.Path, audit_clock: clock.Clock, by: str) -> None:
        """Note what `by` does."""
        self._path = folder / AUDIT_FILE
        self._clock = audit_clock
        self._by = by

    def note(self, action: str, key: keys.Key) -> None:
        """Note that something is about to be done; the note is on the disk when this returns."""
        about = {"key_id": key.id, "tenant_id": key.tenant_id, "scopes": sorted(key.scopes), "name": key.name}
        line = {"time": self._clock.now().isoformat(), "action": action, "by": self._by, **about}
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _OWNER_ONLY)
        _give_to_owner(descriptor, self._path.parent)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def opened(folder: pathlib.Path, logger: logging.Logger, key_clock: clock.Clock, entropy: chance.Chance) -> KeyFile:
    """Return the keys of a data folder; on a first start, make a development key and say where it is.

    Raises:
        CannotStart: the folder cannot be written, or its keys cannot be read.
    """

    def begin() -> None:
        _make_development_key(folder, key_clock.now(), entropy)
        logger.info("A development key was made: %s", folder / DEVELOPMENT_FILE)

    return _of(folder, logger, begin, "Make it writable or set REELMESH_DATA_FOLDER.")


def kept(folder: pathlib.Path, logger: logging.Logger) -> KeyFile:
    """Return the keys of a data folder for who issues them; a folder that has none gets an empty file.

    Raises:
        CannotStart: the folder cannot be written, or its keys cannot be read.
    """
    return _of(
        folder,
        logger,
        lambda: _write(folder / KEYS_FILE, _content_of([])),
        "Run this as who runs the gateway.",
    )


def _of(folder: pathlib.Path, logger: logging.Logger, begin: Callable[[], None], hint: str) -> KeyFile:
    """Return the keys of a folder, where `begin` makes the file if there is none; one process at a time."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(folder / _LOCK_FILE):
            if not (folder / KEYS_FILE).exists():
                begin()
    except OSError as error:
        raise process.CannotStart(f"API keys cannot be kept in {folder}: {error.strerror}. {hint}") from error
    return KeyFile(folder / KEYS_FILE, logger)


def _make_development_key(folder: pathlib.Path, now: datetime.datetime, entropy: chance.Chance) -> None:
    """Write the secret first: a crash in between makes the next start do both again."""
    issued = keys.issue(
        entropy.token(keys.ID_BYTES),
        entropy.token(keys.SECRET_BYTES),
        tenant_id=DEVELOPMENT_TENANT,
        scopes=frozenset(keys.Scope),
        created=now,
        name=DEVELOPMENT_NAME,
    )
    _write(folder / DEVELOPMENT_FILE, issued.text + "\n")
    _write(folder / KEYS_FILE, _content_of([issued.key]))


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


def _content_of(found: Iterable[keys.Key]) -> str:
    return json.dumps({"version": VERSION, "keys": [_to_json(key) for key in found]}, indent=2) + "\n"


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
        name=str(entry.get("name", "")),
    )


def _to_json(key: keys.Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "sha256": key.secret_sha256,
        "tenant_id": key.tenant_id,
        "scopes": sorted(key.scopes),
        "created": key.created.isoformat(),
        "name": key.name,
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
    _give_to_owner(descriptor, path.parent)
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
        _give_to_owner(descriptor, path.parent)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _give_to_owner(descriptor: int, folder: pathlib.Path) -> None:
    """Give a file to the owner of its folder: root may issue keys for a gateway that runs as somebody else."""
    owner = folder.stat()
    if os.geteuid() == 0 and os.fstat(descriptor).st_uid != owner.st_uid:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
