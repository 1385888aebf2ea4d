"""A nats-server that asks who calls: its own configuration, nkeys, and credentials as `nsc` would write them."""

import asyncio
import base64
import binascii
import contextlib
import json
import pathlib
import signal
from collections.abc import AsyncIterator
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from reelmesh_kit import bus
from reelmesh_kit.bus import server

OPERATOR, ACCOUNT, USER = 14 << 3, 0, 20 << 3
_SEED = 18 << 3
START_SECONDS = 60.0
_NO_LIMITS = {
    **dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1),
    "wildcards": True,
}


class Nkey:
    """A key of NATS."""

    def __init__(self, kind: int = USER) -> None:
        """Make it."""
        self._key = ed25519.Ed25519PrivateKey.generate()
        raw = self._key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
        public = self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.seed = _written(bytes([_SEED | kind >> 5, (kind & 31) << 3]) + raw)
        self.public = _written(bytes([kind]) + public)

    def jwt(self, subject: str, name: str, claims: dict[str, Any], ends: int = 0) -> str:
        """Return a JWT about `subject` that this key has signed."""
        nats = {"version": 2, **claims}
        body = {"jti": name, "iat": 1, "iss": self.public, "name": name, "sub": subject, "nats": nats}
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, {**body, **({"exp": ends} if ends else {})}]
        signed = ".".join(_url(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{_url(self._key.sign(signed.encode()))}"


class Realm:
    """An operator with one account, which issues credentials."""

    def __init__(self) -> None:
        """Make their keys."""
        self._operator, self._account, self._system = Nkey(OPERATOR), Nkey(ACCOUNT), Nkey(ACCOUNT)

    def config(self) -> str:
        """Return what its server is told."""
        claims = {"type": "operator", "system_account": self._system.public}
        operator = self._operator.jwt(self._operator.public, "operator", claims)
        limits = {**_NO_LIMITS, **dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)}
        account = self._operator.jwt(self._account.public, "account", {"limits": limits, "type": "account"})
        system = self._operator.jwt(self._system.public, "system", {"limits": _NO_LIMITS, "type": "account"})
        return (
            f"operator: {operator}\nsystem_account: {self._system.public}\nresolver: MEMORY\n"
            f"resolver_preload: {{ {self._account.public}: {account}, {self._system.public}: {system} }}\n"
        )

    def credentials(self, ends: int = 0) -> str:
        """Return a file of credentials for a new user."""
        user = Nkey()
        unlimited = {"subs": -1, "data": -1, "payload": -1, "type": "user"}
        jwt = self._account.jwt(user.public, "user", unlimited, ends)
        return (
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
        )


class Guarded:
    """The server as it runs."""

    def __init__(self, folder: pathlib.Path, port: int) -> None:
        """Write its configuration into `folder`."""
        self._folder = folder
        self.port = port
        self.config_file = folder / "guarded.conf"
        self.child: asyncio.subprocess.Process | None = None

    def write(self, config: str) -> None:
        """Write its configuration anew."""
        own = f'listen: "127.0.0.1:{self.port}"\njetstream {{ store_dir: {json.dumps(str(self._folder / "js"))} }}\n'
        self.config_file.write_text(own + config)

    def reload(self, config: str) -> None:
        """Have it take up another configuration: who is not let in any more is hung up on."""
        self.write(config)
        assert self.child
        self.child.send_signal(signal.SIGHUP)


@contextlib.asynccontextmanager
async def running(
    folder: pathlib.Path, config: str, port: int = 0, *, waits_for_tls: bool = False
) -> AsyncIterator[Guarded]:
    """Run a nats-server with JetStream and `config` on a free loopback port; one that `waits_for_tls` greets nobody."""
    guarded = Guarded(folder, port or server._free_port("127.0.0.1"))
    guarded.write(config)
    log = folder / "guarded.log"
    with log.open("wb") as out:
        guarded.child = await asyncio.create_subprocess_exec(
            str(server.find_binary()), "--config", str(guarded.config_file), stdout=out, stderr=out
        )
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await _greets(guarded.port, waits_for_tls):
                assert guarded.child.returncode is None, log.read_text()
                await asyncio.sleep(0.02)  # noqa: TID251 - the server's time, not ours
        yield guarded
    finally:
        if guarded.child.returncode is None:
            guarded.child.terminate()
        await guarded.child.wait()


async def stored(link: bus.Bus, message_id: str) -> None:
    """Publish something that the server keeps."""
    await link.publish("event.t.g.completed", b"", message_id=message_id)


async def _greets(port: int, waits_for_tls: bool) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    greeting = b"" if waits_for_tls else await reader.readline()
    writer.close()
    await writer.wait_closed()
    return waits_for_tls or greeting.startswith(b"INFO")


def _url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _written(content: bytes) -> str:
    checksum = binascii.crc_hqx(content, 0).to_bytes(2, "little")
    return base64.b32encode(content + checksum).rstrip(b"=").decode()
