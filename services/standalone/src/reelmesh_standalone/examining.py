"""Examines a machine and the mesh on it: each check says how it went and what to do if it went badly."""

import asyncio
import dataclasses
import enum
import json
import os
import pathlib
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

import av
import av.codec
import av.error
import grpc
import grpc.aio
from grpc_health.v1 import health_pb2
from reelmesh_client import discovery
from reelmesh_kit import process
from reelmesh_kit import settings as kit_settings
from reelmesh_kit.bus import server
from reelmesh_provider import settings as provider_settings

from reelmesh_standalone import layout, parts, ports
from reelmesh_standalone.settings import StandaloneSettings

LEAST_PYTHON = (3, 11)
# Older servers cannot be told to sync each message, see sync_interval.
LEAST_NATS = (2, 10)
LEAST_FREE_BYTES = 2 * 1024**3
ANSWER_TIMEOUT_SECONDS = 5.0
CODECS = ("libx264", "aac", "mjpeg")
_GIBIBYTE = 1024**3


class Verdict(enum.Enum):
    """How a check went."""

    WELL = "well"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a check found."""

    name: str
    verdict: Verdict
    message: str
    hint: str = ""
    """What to do; "" when all is well."""


async def examine(told: StandaloneSettings) -> list[Finding]:
    """Return what all checks find, in the order in which a mesh needs things."""
    where = layout.Layout(told.data_folder.expanduser().absolute())
    mesh = discovery.read(where.folder)
    findings = [python(sys.version_info[:3]), await nats(), *codecs(CODECS), fonts()]
    findings += [folder(where.folder), disk(where.folder, LEAST_FREE_BYTES)]
    findings += providers()
    if mesh is None:
        findings += [
            port("http", told.host, told.http_port, "--http-port"),
            port("grpc", told.host, told.grpc_port, "--grpc-port"),
            Finding("mesh", Verdict.WELL, f"none runs on {where.folder}; start one with `reelmesh up`"),
        ]
    else:
        findings += [await grpc_health(mesh), await http_health(mesh)]
    return findings


def python(version: Sequence[int]) -> Finding:
    """Check the interpreter."""
    text = ".".join(str(each) for each in version)
    if tuple(version[:2]) < LEAST_PYTHON:
        return Finding("python", Verdict.BAD, text, "Install Python 3.11 or newer.")
    return Finding("python", Verdict.WELL, text)


async def nats(find: Callable[[], pathlib.Path] = server.find_binary) -> Finding:
    """Check that nats-server is there and new enough."""
    try:
        binary = find()
        child = await asyncio.create_subprocess_exec(
            str(binary), "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await child.communicate()
    except process.CannotStart as error:
        return Finding("nats-server", Verdict.BAD, "not found", str(error))
    except OSError as error:
        return Finding("nats-server", Verdict.BAD, f"does not run: {error.strerror}", "Install it again.")
    text = output.decode(errors="replace").strip()
    number = text.rpartition(" v")[2]
    found = tuple(int(each) for each in number.split(".")[:2] if each.isdigit())
    if found < LEAST_NATS:
        return Finding("nats-server", Verdict.BAD, text or "says no version", "Install 2.10 or newer.")
    return Finding("nats-server", Verdict.WELL, f"{number} at {binary}")


def codecs(wanted: Sequence[str]) -> list[Finding]:
    """Check that the video library can write what we write."""
    missing: list[str] = []
    for name in wanted:
        try:
            av.codec.Codec(name, "w")
        except (av.error.FFmpegError, av.codec.codec.UnknownCodecError):
            missing.append(name)
    if missing:
        words = f"PyAV {av.__version__} lacks {', '.join(missing)}"
        return [Finding("codecs", Verdict.BAD, words, "Install the package av from PyPI, whose wheels have them.")]
    return [Finding("codecs", Verdict.WELL, f"PyAV {av.__version__} with {', '.join(wanted)}")]


def fonts(
    folders: Sequence[str] = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "/Library/Fonts"),
) -> Finding:
    """Check for fonts beyond the one that comes with us."""
    found = sum(
        each.suffix.lower() in (".ttf", ".otf", ".ttc")
        for name in folders
        if (place := pathlib.Path(name).expanduser()).is_dir()
        for each in place.rglob("*")
    )
    if not found:
        hint = "For scripts beyond Latin, Greek and Cyrillic install fonts, such as the package fonts-noto."
        return Finding("fonts", Verdict.DOUBTFUL, "only the one that comes along", hint)
    return Finding("fonts", Verdict.WELL, f"{found} on this machine, and the one that comes along")


def folder(path: pathlib.Path) -> Finding:
    """Check that the data folder can be written, or made."""
    existing = next(each for each in (path, *path.parents) if each.exists())
    if not existing.is_dir():
        return Finding("data folder", Verdict.BAD, f"{existing} is not a folder", "Name another with --data.")
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding("data folder", Verdict.BAD, f"{existing} cannot be written", "Name another with --data.")
    return Finding("data folder", Verdict.WELL, str(path) if existing == path else f"{path} (will be made)")


def disk(path: pathlib.Path, least_bytes: int) -> Finding:
    """Check the free space below the data folder."""
    existing = next(each for each in (path, *path.parents) if each.exists())
    free_bytes = shutil.disk_usage(existing).free
    text = f"{free_bytes / _GIBIBYTE:.1f} GiB free"
    if free_bytes < least_bytes:
        hint = f"Free space: below {least_bytes / _GIBIBYTE:.0f} GiB videos may not find room."
        return Finding("disk", Verdict.DOUBTFUL, text, hint)
    return Finding("disk", Verdict.WELL, text)


def providers() -> list[Finding]:
    """Check that each installed provider has the settings that it needs."""
    findings: list[Finding] = []
    for part in parts.all_parts():
        if not part.provider:
            continue
        try:
            told = kit_settings.load(part.settings_class())
        except kit_settings.SettingsError as error:
            findings.append(_unused(part.name, error))
        else:
            findings.append(_accounts(part, told))
    if not findings:
        hint = "Install reelmesh-provider-local, or another provider."
        return [Finding("providers", Verdict.BAD, "none is installed", hint)]
    return findings


def _unused(name: str, error: kit_settings.SettingsError) -> Finding:
    """Say why a provider is left out: that nobody has an account there is nothing to worry about."""
    if error.missing == parts.WITHOUT_ACCOUNTS:
        return Finding(name, Verdict.WELL, "not used: REELMESH_ACCOUNTS_FILE names no file that lists an account there")
    return Finding(name, Verdict.DOUBTFUL, "not used", " ".join(str(error).split()))


def _accounts(part: parts.Part, told: kit_settings.ServiceSettings) -> Finding:
    """Check that the accounts of a provider can be used, as far as that shows without a call to anybody."""
    if not isinstance(told, provider_settings.PaidProviderSettings):
        return Finding(part.name, Verdict.WELL, "its settings are complete")
    listed = [account.id for account in told.listed()]
    words = f"{len(listed)} account{'s' if len(listed) != 1 else ''}: {', '.join(listed)}"
    if problems := [*told.problems(), *part.problems(told)]:
        return Finding(part.name, Verdict.DOUBTFUL, words, " ".join(problems))
    return Finding(part.name, Verdict.WELL, words)


def port(name: str, host: str, number: int, option: str) -> Finding:
    """Check that a port can be listened on."""
    try:
        ports.check_free(host, number, option)
    except process.CannotStart as error:
        return Finding(f"{name} port", Verdict.BAD, f"{number} is taken", str(error))
    return Finding(f"{name} port", Verdict.WELL, f"{number} is free")


async def grpc_health(mesh: discovery.Mesh) -> Finding:
    """Ask the running mesh's gRPC port for its health."""
    restart = "Start it again: `reelmesh up`. Its logs are in the data folder."
    try:
        async with grpc.aio.insecure_channel(mesh.grpc) as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            answer = await check(health_pb2.HealthCheckRequest(), timeout=ANSWER_TIMEOUT_SECONDS)
    except grpc.aio.AioRpcError as error:
        return Finding("mesh grpc", Verdict.BAD, f"{mesh.grpc} does not answer: {error.code().name}", restart)
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        return Finding("mesh grpc", Verdict.BAD, f"{mesh.grpc} does not serve", restart)
    return Finding("mesh grpc", Verdict.WELL, f"{mesh.grpc} serves (process {mesh.pid})")


async def http_health(mesh: discovery.Mesh) -> Finding:
    """Ask the running mesh's HTTP port how everything behind it does."""
    url = f"{mesh.http}/health/detailed"
    try:
        status, body = await asyncio.to_thread(_get, url)
    except OSError as error:
        return Finding(
            "mesh http", Verdict.BAD, f"{mesh.http} does not answer: {error}", "Start it again: `reelmesh up`."
        )
    ailing = _ailing(body)
    if status != 200:
        return Finding("mesh http", Verdict.BAD, ailing or f"{url} answers {status}", "Look into its logs.")
    if ailing:
        return Finding("mesh http", Verdict.DOUBTFUL, ailing, "Look into its logs.")
    return Finding("mesh http", Verdict.WELL, f"{mesh.http} is healthy")


def _get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_TIMEOUT_SECONDS) as answer:  # noqa: S310 - our own note's URL
            return answer.status, answer.read(65_536)
    except urllib.error.HTTPError as error:
        return error.code, error.read(65_536)


def _ailing(body: bytes) -> str:
    """Return the services of a health report that are not well, in words."""
    try:
        behind = json.loads(body)["dependencies"]
        return ", ".join(f"{name}: {each['message']}" for name, each in behind.items() if each["status"] != "ok")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
