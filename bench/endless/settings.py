"""What the provider whose jobs never end can be told."""

from reelmesh_provider import settings


class EndlessSettings(settings.ProviderSettings):
    """Settings of every provider's worker, and none beside."""
