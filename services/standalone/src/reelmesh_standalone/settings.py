"""What the standalone mesh can be told by its environment; the command line outranks it."""

import os
import pathlib
from collections.abc import Mapping

import pydantic
from reelmesh_kit import settings

# Where callers find it unless told otherwise.
HTTP_PORT = 8080
GRPC_PORT = 9090
# Somebody waits for Ctrl-C: open calls get less time than in a cluster.
DRAIN_SECONDS = 3.0


class StandaloneSettings(settings.ServiceSettings):
    """Settings of a mesh on one machine."""

    data_folder: pathlib.Path = pydantic.Field(
        default=pathlib.Path("~/.local/share/reelmesh"), description="Folder in which everything is kept."
    )
    http_port: settings.Port = pydantic.Field(default=HTTP_PORT, description="Port of the HTTP API; 0 picks one.")
    grpc_port: settings.Port = pydantic.Field(default=GRPC_PORT, description="Port of the gRPC API; 0 picks one.")
    drain_seconds: settings.Seconds = pydantic.Field(
        default=DRAIN_SECONDS, description="How long open calls may go on once a stop was asked for."
    )


def child_environment(values: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with `values` put over it: what a child is started with."""
    return {**os.environ, **values}


def variable(name: str) -> str:
    """Return the variable that sets a setting."""
    return (settings.PREFIX + name).upper()
