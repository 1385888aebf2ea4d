"""Which processes there are, and what each is told."""

import asyncio
import json
import pathlib
from collections.abc import Mapping

from reelmesh_standalone import ports

from tests.chaos import fleet, places, vendor

# Services that keep what they know in a database, so that SQLite allows one of each.
STATEFUL = ("orchestrator", "storage")
SLOTS = 40
#: The account, and provider, that no worker serves.
NOBODYS = "nobody"
RPC_TIMEOUT_SECONDS = 3.0
DRAIN_SECONDS = 1.0
_PORTS = ("grpc_port", "http_port", "admin_port")


def members(stands_on: places.Places, replicas: Mapping[str, int]) -> list[fleet.Member]:
    """Return the processes of a mesh, none of them started: so many of each service, where the database allows it."""
    counts = {
        service: 1 if service in STATEFUL and not stands_on.replicated else replicas[service]
        for service in fleet.SERVICES
    }
    found = ports.free(len(_PORTS) * sum(counts.values()))
    taken = {
        f"{service}-{number}": {name: found.pop() for name in _PORTS}
        for service, count in counts.items()
        for number in range(count)
    }
    addresses: dict[str, object] = {
        f"{service}_address": _target([taken[f"{service}-{number}"]["grpc_port"] for number in range(count)])
        for service, count in counts.items()
    }
    return [
        _member(stands_on, service, f"{service}-{number}", {**addresses, **taken[f"{service}-{number}"]})
        for service, count in counts.items()
        for number in range(count)
    ]


def _member(stands_on: places.Places, service: str, name: str, offered_besides: Mapping[str, object]) -> fleet.Member:
    part = fleet.part_of(service)
    # Gateways share their one file, the API keys; all others have a folder to themselves. Journals are on the disk
    # that fills up.
    home = stands_on.folder / (service if service == "gateway" else name)
    home.mkdir(exist_ok=True)
    kept = stands_on.disk.folder / name
    kept.mkdir(exist_ok=True)
    offered: dict[str, object] = {
        "host": fleet.HOST,
        "nats_url": stands_on.nats.url,
        "rpc_timeout_seconds": RPC_TIMEOUT_SECONDS,
        "drain_seconds": DRAIN_SECONDS,
        "trace_reads_ratio": 0.0,
        "data_folder": kept if service == fleet.WORKER else home,
        "scratch_folder": kept / "scratch",
        "worker_name": name,
        "vendor_url": stands_on.vendor.url,
        "database_url": stands_on.urls.get(service, ""),
        "clock_offset_file": stands_on.clock_file(name),
        **(stands_on.bucket.settings() if service == "storage" else {}),
        **({"accounts_file": stands_on.accounts_file} if service == "orchestrator" else {}),
        **offered_besides,
        **fleet.PATIENCE.get(service, {}),
    }
    values = {field: offered[field] for field in part.settings_class().model_fields if field in offered}
    bound = {field: int(str(values[field])) for field in _PORTS if field in values}
    return fleet.Member(name, part, values, home / f"{name}.log", bound)


def _target(grpc_ports: list[int]) -> str:
    return "ipv4:" + ",".join(f"{fleet.HOST}:{port}" for port in grpc_ports)


def list_accounts(stands_on: places.Places, nobodys_slots: int = 1) -> None:
    """List the account at the vendor, and one that nobody works for: operators have to say what it has."""
    listed = [
        {"id": vendor.PROVIDER, "provider": vendor.PROVIDER, "slots": SLOTS, "exclusive": True},
        {"id": NOBODYS, "provider": NOBODYS, "slots": nobodys_slots, "exclusive": False},
    ]
    fresh = stands_on.accounts_file.with_suffix(".new")
    # JSON is YAML, too.
    fresh.write_text(json.dumps({"accounts": listed}))
    fresh.replace(stands_on.accounts_file)


def target_of(running: fleet.Fleet, service: str) -> str:
    """Return gRPC's name of all processes of a service."""
    return _target([member.ports["grpc_port"] for member in running.of(service)])


async def key_of(stands_on: places.Places) -> str:
    """Return the API key that the first gateway has made."""
    file: pathlib.Path = stands_on.folder / "gateway" / "development.key"
    return (await asyncio.to_thread(file.read_text)).strip()
