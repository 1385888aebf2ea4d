"""What the standalone mesh can be told by its environment; the command line outranks it."""

import os
import pathlib
from collections.abc import Mapping
from typing import TypeVar

import pydantic
from reelmesh_kit import settings

# Where callers find it unless told otherwise.
HTTP_PORT = 8080
GRPC_PORT = 9090
# Somebody waits for Ctrl-C: open calls get less time than in a cluster.
DRAIN_SECONDS = 3.0


class StandaloneSettings(settings.ServiceSettings):
    """Settings of a mesh on one machine."""

    host: str = pydantic.Field(
        default="127.0.0.1",
        min_length=1,
        description="Address that the ports of the API bind to; all others stay on this machine.",
    )
    data_folder: pathlib.Path = pydantic.Field(
        default=pathlib.Path("~/.local/share/reelmesh"), description="Folder in which everything is kept."
    )
    http_port: settings.Port = pydantic.Field(default=HTTP_PORT, description="Port of the HTTP API; 0 picks one.")
    grpc_port: settings.Port = pydantic.Field(default=GRPC_PORT, description="Port of the gRPC API; 0 picks one.")
    drain_seconds: settings.Seconds = pydantic.Field(
        default=DRAIN_SECONDS, description="How long open calls may go on once a stop was asked for."
    )


Told = TypeVar("Told", bound=settings.ServiceSettings)


def tell(kind: type[Told], values: Mapping[str, object]) -> Told:
    """Return settings of class `kind` with `values`, by name, over what the environment says.

    Raises:
        settings.SettingsError: something else that it needs is missing or wrong.
    """
    # A field with an alias is not known by its own name.
    aliased = {name for name, field in kind.model_fields.items() if field.validation_alias is not None}
    variables = _variables(kind)
    return settings.load(kind, {variables[name] if name in aliased else name: value for name, value in values.items()})


def child_environment(kind: type[settings.ServiceSettings], values: Mapping[str, object]) -> dict[str, str]:
    """Return the environment of a child that shall read `values`, by name, as its settings of class `kind`."""
    variables = _variables(kind)
    return {**os.environ, **{variables[name]: "" if value is None else str(value) for name, value in values.items()}}


def _variables(kind: type[settings.ServiceSettings]) -> dict[str, str]:
    return {each.name: each.env for each in settings.describe(kind)}
