"""What the command line takes from its environment; the only reader of it in this package."""

import dataclasses
import os
import pathlib

ADDRESS = "REELMESH_ADDRESS"
API_KEY = "REELMESH_API_KEY"
DATA_FOLDER = "REELMESH_DATA_FOLDER"

# What each variable is for, and its default as people read it.
DESCRIPTIONS = (
    (ADDRESS, "the mesh that runs on the data folder", "Mesh that commands talk to: host:port or https://host:port."),
    (API_KEY, "the key of the mesh on the data folder", "API key that commands send."),
    (DATA_FOLDER, "~/.local/share/reelmesh", "Folder in which `reelmesh up` keeps everything."),
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Where the mesh is, as far as the environment says; "" where it says nothing."""

    address: str
    api_key: str
    data_folder: pathlib.Path


def load() -> Settings:
    """Read the environment."""
    return Settings(
        address=os.environ.get(ADDRESS, ""),
        api_key=os.environ.get(API_KEY, ""),
        data_folder=pathlib.Path(os.environ.get(DATA_FOLDER) or _default_data_folder()).expanduser(),
    )


def _default_data_folder() -> str:
    return os.environ.get("XDG_DATA_HOME", "~/.local/share") + "/reelmesh"
