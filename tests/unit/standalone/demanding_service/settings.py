"""What the demanding provider must be told."""

import pydantic
from reelmesh_kit import settings


class DemandingSettings(settings.ServiceSettings):
    """It has no default for its key."""

    demanding_key: pydantic.SecretStr = pydantic.Field(description="Key at the vendor.")
