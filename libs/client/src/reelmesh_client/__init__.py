"""The typed asynchronous client of reelmesh."""

from reelmesh_client.client import Client
from reelmesh_client.requests import Options

__all__ = ["Client", "Options"]
