"""What a worker for fal.ai can be told."""

import pathlib
from collections.abc import Set
from typing import ClassVar

import pydantic
from reelmesh_provider import settings
from typing_extensions import override

PROVIDER = "fal"


class FalSettings(settings.PaidProviderSettings):
    """Which models of fal.ai are offered, and how they are asked for."""

    webhooks_signed: ClassVar[Set[str]] = frozenset({"fal"})

    fal_card_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="TOML file of the models at fal.ai, what they can do and cost; if unset, those that are shipped.",
    )
    fal_forms_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="TOML file of how each of these models is asked for: its endpoints and its fields; "
        "if unset, what is shipped.",
    )

    @property
    @override
    def pool(self) -> str:
        """The provider's name."""
        return PROVIDER
