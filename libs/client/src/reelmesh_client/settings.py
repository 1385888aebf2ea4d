"""What the command line takes from its environment and from `.env`; the only reader of them in this package."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping

ADDRESS = "REELMESH_ADDRESS"
API_KEY = "REELMESH_API_KEY"
CA_FILE = "REELMESH_CA_FILE"
DATA_FOLDER = "REELMESH_DATA_FOLDER"
KUBECONFIG = "KUBECONFIG"
DEFAULT_KUBECONFIG = "~/.kube/config"
DEFAULT_DATA_FOLDER = "~/.local/share/reelmesh"
# Read where a command starts, as services do; the environment wins.
ENV_FILE = ".env"

# What each variable is for, and its default as people read it.
DESCRIPTIONS = (
    (ADDRESS, "the mesh that runs on the data folder", "Mesh that commands talk to: host:port or https://host:port."),
    (API_KEY, "the key of the mesh on the data folder", "API key that commands send."),
    (CA_FILE, "those of the system", "Authorities (PEM) one of which signed the certificate of an https://host:port."),
    (DATA_FOLDER, DEFAULT_DATA_FOLDER, "Folder in which `reelmesh up` keeps everything."),
    (KUBECONFIG, DEFAULT_KUBECONFIG, "Access to Kubernetes for `reelmesh pools`: files as kubectl has them."),
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Where the mesh is, as far as the environment says; "" where it says nothing."""

    address: str
    api_key: str
    data_folder: pathlib.Path
    ca_file: pathlib.Path | None = None


def load() -> Settings:
    """Read the environment, and `.env` in the current folder for what it does not set."""
    found = {**_written(), **{name: value for name, value in os.environ.items() if value}}
    return Settings(
        address=found.get(ADDRESS, ""),
        api_key=found.get(API_KEY, ""),
        data_folder=pathlib.Path(found.get(DATA_FOLDER, DEFAULT_DATA_FOLDER)).expanduser(),
        ca_file=pathlib.Path(found[CA_FILE]).expanduser() if CA_FILE in found else None,
    )


def kubeconfigs() -> list[pathlib.Path]:
    """Return the files that say how Kubernetes is reached, the most important first; they need not be there."""
    named = os.environ.get(KUBECONFIG, "") or DEFAULT_KUBECONFIG
    return [pathlib.Path(each).expanduser() for each in named.split(os.pathsep) if each]


def everything() -> Mapping[str, str]:
    """Return the whole environment, for a program that is run for the user."""
    return dict(os.environ)


def _written() -> Mapping[str, str]:
    file = pathlib.Path(ENV_FILE)
    if not file.is_file():
        return {}
    import dotenv  # few folders have such a file: the others do not wait for it

    return {name: value for name, value in dotenv.dotenv_values(file).items() if value}
