"""Finds the mesh that runs on this machine: each standalone leaves a note about itself in its data folder."""

import dataclasses
import json
import pathlib

from reelmesh_client import errors, settings

MESH_FILE = "mesh.json"


@dataclasses.dataclass(frozen=True)
class Mesh:
    """The note: where a mesh answers, and where its key lies."""

    grpc: str
    """Address of the public gRPC services, host:port."""
    http: str
    """URL of the HTTP services."""
    key_file: str
    """File that holds an API key."""
    spans_folder: str
    """Folder of the span files."""
    pid: int
    """Process that runs it."""
    nats: str = ""
    """URL of its bus; empty when the note is older than this field."""


@dataclasses.dataclass(frozen=True)
class Target:
    """A mesh to talk to, and the key to show it."""

    address: str
    api_key: str


def write(data_folder: pathlib.Path, mesh: Mesh) -> None:
    """Leave the note, whole or not at all."""
    path = data_folder / MESH_FILE
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(dataclasses.asdict(mesh), indent=2) + "\n")
    fresh.replace(path)


def remove(data_folder: pathlib.Path) -> None:
    """Take the note away."""
    (data_folder / MESH_FILE).unlink(missing_ok=True)


def read(data_folder: pathlib.Path) -> Mesh | None:
    """Return the note of the mesh on a data folder, None if there is none that can be read."""
    try:
        return Mesh(**json.loads((data_folder / MESH_FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def from_environment() -> Target:
    """Return the mesh that the environment names, or else the one on the data folder.

    Raises:
        errors.Unreachable: none was named and none runs there.
        errors.Unauthenticated: no key was given for a mesh that was named.
    """
    known = settings.load()
    return locate(known.address, known.api_key, known.data_folder)


def locate(address: str, api_key: str, data_folder: pathlib.Path) -> Target:
    """Return the mesh that was named, or else the one on the data folder.

    A key found on the data folder is shown to that mesh alone.

    Raises:
        errors.Unreachable: none was named and none runs there.
        errors.Unauthenticated: no key was given for a mesh that was named.
    """
    mesh = read(data_folder)
    if not address and mesh is None:
        raise errors.Unreachable(f"no mesh runs on {data_folder}")
    if mesh is not None and address in ("", mesh.grpc):
        return Target(mesh.grpc, api_key or _key(pathlib.Path(mesh.key_file)))
    if not api_key:
        raise errors.Unauthenticated(f"no API key for the mesh at {address}")
    return Target(address, api_key)


def _key(path: pathlib.Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise errors.Unauthenticated(f"cannot read the API key {path}: {error.strerror or error}") from error
