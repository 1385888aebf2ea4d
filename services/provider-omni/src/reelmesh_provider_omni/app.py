"""The composition root: Gemini Omni, served by the worker that all providers share."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from reelmesh_kit import process
from reelmesh_provider import app

from reelmesh_provider_omni import provider, settings

SERVICE = "provider-omni"


def build(told: settings.OmniSettings, own: process.Chassis) -> AbstractAsyncContextManager[process.Running]:
    """Serve the provider until the end of the block."""
    return app.serve_provider(provider.OmniProvider(told, own), told, own)


def problems(told: settings.OmniSettings) -> Sequence[str]:
    """Say which accounts name no key."""
    return [
        f"Account {account.id} names no secret in accounts.yaml: Gemini answers nobody without a key"
        for account in told.listed()
        if not account.secret
    ]
