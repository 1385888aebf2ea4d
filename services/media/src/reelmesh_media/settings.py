"""What the media service can be told from outside; the only reader of the environment here."""

import pathlib

import pydantic
import pydantic_settings
from reelmesh_kit import settings


class MediaSettings(settings.ServiceSettings):
    """Settings of the media service."""

    model_config = pydantic_settings.SettingsConfigDict(populate_by_name=True)

    orchestrator_address: str = pydantic.Field(default="127.0.0.1:7001", description="gRPC target of the orchestrator.")
    storage_address: str = pydantic.Field(default="127.0.0.1:7002", description="gRPC target of the storage service.")
    scratch_folder: pathlib.Path = pydantic.Field(
        default=pathlib.Path("data/media"),
        description="Where clips and results lie while they are worked on; emptied at start.",
        validation_alias=pydantic.AliasChoices("REELMESH_MEDIA_SCRATCH_FOLDER"),
    )
    worker_name: str = pydantic.Field(default="", description="Name of the process for people, such as its Pod.")
    lanes: frozenset[str] = pydantic.Field(
        default=frozenset({"quick", "ladder"}),
        description='Which kinds of steps this process takes: "quick", "ladder" or both.',
        validation_alias=pydantic.AliasChoices("REELMESH_MEDIA_LANES"),
    )
