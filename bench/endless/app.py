"""The composition root of the provider whose jobs never end."""

from contextlib import AbstractAsyncContextManager

from reelmesh_kit import process
from reelmesh_provider import app

from bench.endless import provider, settings


def build(told: settings.EndlessSettings, own: process.Chassis) -> AbstractAsyncContextManager[process.Running]:
    """Serve it until the end of the block."""
    return app.serve_provider(provider.Endless(), told, own)
