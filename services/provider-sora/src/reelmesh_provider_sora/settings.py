"""What a worker for servers of the OpenAI Videos dialect can be told."""

import pathlib
from collections.abc import Set
from typing import ClassVar, Literal

import pydantic
from reelmesh_provider import settings
from typing_extensions import override


class SoraSettings(settings.PaidProviderSettings):
    """Which servers this worker speaks to. Servers of another profile get workers of their own, by another name."""

    webhooks_signed: ClassVar[Set[str]] = frozenset({"standard"})

    sora_name: str = pydantic.Field(
        default="sora",
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        description="Name of the provider: that of its accounts in accounts.yaml, and of its queue.",
    )
    sora_profile: Literal["openai", "sglang", "vllm-omni", "litellm"] = pydantic.Field(
        default="openai", description="What the servers are: openai also for gateways that keep to its dialect."
    )
    sora_card_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="TOML file of the models, what they can do and cost; if unset, what is known of the profile.",
    )

    @property
    @override
    def pool(self) -> str:
        """The provider's name."""
        return self.sora_name
