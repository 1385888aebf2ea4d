"""The composition root: Veo on Vertex AI, served by the worker that all providers share."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from reelmesh_kit import process
from reelmesh_provider import app

from reelmesh_provider_veo import provider, settings, tokens

SERVICE = "provider-veo"


def build(told: settings.VeoSettings, own: process.Chassis) -> AbstractAsyncContextManager[process.Running]:
    """Serve the provider until the end of the block."""
    return app.serve_provider(provider.VeoProvider(told, own), told, own)


def problems(told: settings.VeoSettings) -> Sequence[str]:
    """Say whether accounts that name no key find an identity on this machine."""
    keyless = [account.id for account in told.listed() if not account.secret]
    why = tokens.no_identity() if keyless else ""
    return [f"Account {keyless[0]} names no secret, and this machine has no identity: {why}"] if why else []
