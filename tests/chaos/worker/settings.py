"""What the worker of the vendor can be told."""

import pydantic
from reelmesh_provider import settings


class ChaosSettings(settings.ProviderSettings):
    """Where the vendor is, besides what every provider's worker is told."""

    vendor_url: str = pydantic.Field(description="URL of the vendor.")
