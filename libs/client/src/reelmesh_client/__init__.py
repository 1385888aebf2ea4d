"""The typed asynchronous client of reelmesh."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelmesh_client.client import Client
    from reelmesh_client.requests import Options

__all__ = ["Client", "Options"]


def __getattr__(name: str) -> Any:
    """Load what is asked for: who only looks for a mesh does not wait for gRPC."""
    if name == "Client":
        from reelmesh_client import client

        return client.Client
    if name == "Options":
        from reelmesh_client import requests

        return requests.Options
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
