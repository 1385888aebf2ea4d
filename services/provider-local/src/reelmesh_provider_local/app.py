"""The composition root: the local provider, served by the worker that all providers share."""

from contextlib import AbstractAsyncContextManager

from reelmesh_kit import process
from reelmesh_provider import app

from reelmesh_provider_local import provider, settings

SERVICE = "provider-local"


def build(told: settings.LocalSettings, own: process.Chassis) -> AbstractAsyncContextManager[process.Running]:
    """Serve the local provider until the end of the block."""
    return app.serve_provider(provider.LocalProvider(told, own), told, own)
