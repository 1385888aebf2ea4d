"""The composition root: Veo on Vertex AI, served by the worker that all providers share."""

from contextlib import AbstractAsyncContextManager

from reelmesh_kit import process
from reelmesh_provider import app

from reelmesh_provider_veo import provider, settings

SERVICE = "provider-veo"


def build(told: settings.VeoSettings, own: process.Chassis) -> AbstractAsyncContextManager[process.Running]:
    """Serve the provider until the end of the block."""
    return app.serve_provider(provider.VeoProvider(told, own), told, own)
