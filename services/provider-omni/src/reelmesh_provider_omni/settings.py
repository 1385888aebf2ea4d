"""What a worker for Gemini Omni can be told."""

import pathlib
from collections.abc import Set
from typing import ClassVar

import pydantic
from reelmesh_provider import settings
from typing_extensions import override

PROVIDER = "omni"


class OmniSettings(settings.PaidProviderSettings):
    """What Gemini Omni can do, where the card that comes with the worker does not say it."""

    # Those of a project, and those that each request asks for.
    webhooks_signed: ClassVar[Set[str]] = frozenset({"standard", "google"})

    omni_card_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="TOML file of the models, what they can do and cost; if unset, what was known in November 2026.",
    )

    @property
    @override
    def pool(self) -> str:
        """The provider's name."""
        return PROVIDER
