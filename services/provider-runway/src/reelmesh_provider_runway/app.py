"""The composition root: Runway's tasks, served by the worker that all providers share."""

from contextlib import AbstractAsyncContextManager

from reelmesh_kit import process
from reelmesh_provider import app

from reelmesh_provider_runway import provider, settings

SERVICE = "provider-runway"


def build(told: settings.RunwaySettings, own: process.Chassis) -> AbstractAsyncContextManager[process.Running]:
    """Serve the provider until the end of the block."""
    return app.serve_provider(provider.RunwayProvider(told, own), told, own)
