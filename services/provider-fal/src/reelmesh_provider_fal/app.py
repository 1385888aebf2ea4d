"""The composition root: fal.ai's queue, served by the worker that all providers share."""

from contextlib import AbstractAsyncContextManager

from reelmesh_kit import process
from reelmesh_provider import app

from reelmesh_provider_fal import provider, settings

SERVICE = "provider-fal"


def build(told: settings.FalSettings, own: process.Chassis) -> AbstractAsyncContextManager[process.Running]:
    """Serve the provider until the end of the block."""
    return app.serve_provider(provider.FalProvider(told, own), told, own)
