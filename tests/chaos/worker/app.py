"""The composition root: the vendor's provider, served by the worker that all providers share."""

from contextlib import AbstractAsyncContextManager

from reelmesh_kit import process
from reelmesh_provider import app

from tests.chaos.worker import provider, settings

SERVICE = "provider-chaos"


def build(told: settings.ChaosSettings, own: process.Chassis) -> AbstractAsyncContextManager[process.Running]:
    """Serve the provider until the end of the block."""
    return app.serve_provider(provider.ChaosProvider(told.vendor_url, told.submit_timeout_seconds), told, own)
