"""What a worker for Veo on Vertex AI can be told."""

import pathlib
from typing import Self

import pydantic
from reelmesh_provider import settings
from typing_extensions import override

from reelmesh_provider_veo.model import places


class VeoSettings(settings.PaidProviderSettings):
    """Which accounts this worker serves; where each has its project and its bucket stands in accounts.yaml."""

    veo_name: str = pydantic.Field(
        default="veo",
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        description="Name of the provider: that of its accounts in accounts.yaml, and of its queue.",
    )
    veo_card_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="TOML file of the models, what they can do and cost; if unset, what is known of Veo.",
    )

    @property
    @override
    def pool(self) -> str:
        """The provider's name."""
        return self.veo_name

    @pydantic.model_validator(mode="after")
    def _accounts_say_where(self) -> Self:
        for account in self.listed():
            try:
                places.place_of(account.id, account.endpoint or places.GLOBAL, account.options)
            except places.Unplaced as error:
                raise ValueError(str(error)) from None
        return self
