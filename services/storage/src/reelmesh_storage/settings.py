"""What storage can be told: where the index and the bytes are, how much may be stored, how often to sweep."""

import pathlib
from typing import Literal, Self

import pydantic
import pydantic_settings
from pydantic import AliasChoices
from reelmesh_kit import settings

from reelmesh_storage.model import asset

Backend = Literal["filesystem", "s3"]
SMALLEST_SECRET_CHARACTERS = 16
MOST_CONCURRENT_WRITES = 64


class StorageSettings(settings.ServiceSettings):
    """Settings of storage. Names that S3 tools and older set-ups use are understood as well."""

    model_config = pydantic_settings.SettingsConfigDict(populate_by_name=True)

    database_url: str = pydantic.Field(
        default="sqlite:///data/storage.db",
        validation_alias=AliasChoices("REELMESH_STORAGE_DATABASE_URL", "REELMESH_DATABASE_URL"),
        description="Database of the index: sqlite:///path or postgresql://user:password@host/name.",
    )
    backend: Backend = pydantic.Field(
        default="filesystem",
        validation_alias=AliasChoices("REELMESH_STORAGE_BACKEND", "STORAGE_TYPE"),
        description="Where assets are kept: filesystem, or s3. STORAGE_TYPE=local means filesystem.",
    )
    folder: pathlib.Path = pydantic.Field(
        default=pathlib.Path("data/assets"),
        validation_alias=AliasChoices("REELMESH_STORAGE_FOLDER", "STORAGE_LOCAL_PATH"),
        description="Folder of the assets, for the backend filesystem.",
    )
    s3_endpoint: str | None = pydantic.Field(
        default=None,
        validation_alias=AliasChoices("REELMESH_S3_ENDPOINT", "S3_ENDPOINT"),
        description="URL of an S3 API that is not Amazon's.",
    )
    s3_bucket: str = pydantic.Field(
        default="",
        validation_alias=AliasChoices("REELMESH_S3_BUCKET", "S3_BUCKET", "AWS_S3_BUCKET"),
        description="Bucket of the assets, for the backend s3. It must exist.",
    )
    s3_prefix: str = pydantic.Field(
        default="",
        max_length=256,
        pattern=r"^([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?)?$",
        description="Folder within the bucket, if it is shared with others.",
    )
    s3_region: str = pydantic.Field(
        default="us-east-1",
        validation_alias=AliasChoices("REELMESH_S3_REGION", "S3_REGION", "AWS_REGION"),
        description="Region of the bucket.",
    )
    s3_access_key_id: str | None = pydantic.Field(
        default=None,
        validation_alias=AliasChoices("REELMESH_S3_ACCESS_KEY_ID", "S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
        description="Access key; unset: what the machine's role gives.",
    )
    s3_secret_access_key: pydantic.SecretStr | None = pydantic.Field(
        default=None,
        validation_alias=AliasChoices("REELMESH_S3_SECRET_ACCESS_KEY", "S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
        description="Secret of the access key.",
    )
    s3_path_style: bool | None = pydantic.Field(
        default=None,
        description="Whether the bucket's name stands in the path instead of the host; unset: if s3_endpoint is set.",
    )
    s3_encryption: bool = pydantic.Field(
        default=False, description="Whether to ask the bucket to encrypt each object (SSE, AES256)."
    )
    cdn_url: str | None = pydantic.Field(
        default=None,
        validation_alias=AliasChoices("REELMESH_CDN_URL", "CLOUDFRONT_DOMAIN"),
        description="Origin put in place of the bucket's in signed URLs; it must pass query and path on unchanged.",
    )
    url_secret: pydantic.SecretStr | None = pydantic.Field(
        default=None,
        min_length=SMALLEST_SECRET_CHARACTERS,
        description="Secret behind links to files; unset: made at the first start and kept in the folder.",
    )
    asset_limit_bytes: int = pydantic.Field(
        default=asset.SIZE_LIMIT_BYTES, ge=1, description="Largest asset that is stored, bytes."
    )
    concurrent_writes: int = pydantic.Field(
        default=8,
        ge=1,
        le=MOST_CONCURRENT_WRITES,
        description="Assets written at once; with s3 each takes up to 8 MiB of memory.",
    )
    sweep_every_seconds: settings.Seconds = pydantic.Field(
        default=300.0, description="Pause between two sweeps for what expired or was left behind."
    )

    @pydantic.field_validator("backend", mode="before")
    @classmethod
    def _older_name(cls, value: object) -> object:
        return "filesystem" if value == "local" else value

    @pydantic.field_validator("s3_endpoint")
    @classmethod
    def _an_endpoint(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://, such as https://s3.example.com")
        return value

    @pydantic.field_validator("cdn_url")
    @classmethod
    def _an_origin(cls, value: str | None) -> str | None:
        if value is None:
            return None
        return (value if "://" in value else f"https://{value}").rstrip("/")

    @pydantic.model_validator(mode="after")
    def _complete(self) -> Self:
        if self.backend == "s3" and not self.s3_bucket:
            raise ValueError("s3_bucket is needed for the backend s3: set REELMESH_S3_BUCKET")
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            raise ValueError("s3_access_key_id and s3_secret_access_key are needed both, or none of them")
        return self
