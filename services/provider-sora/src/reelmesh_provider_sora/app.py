"""The composition root: servers of the OpenAI Videos dialect, served by the worker that all providers share."""

from contextlib import AbstractAsyncContextManager

from reelmesh_kit import process
from reelmesh_provider import app

from reelmesh_provider_sora import provider, settings

SERVICE = "provider-sora"


def build(told: settings.SoraSettings, own: process.Chassis) -> AbstractAsyncContextManager[process.Running]:
    """Serve the provider until the end of the block."""
    return app.serve_provider(provider.SoraProvider(told, own), told, own)
