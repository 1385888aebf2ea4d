"""What the gateway can be told: its ports, whom it calls, where keys are kept, and its limits."""

import pathlib
from typing import Self

import pydantic
import pydantic_settings
from reelmesh_kit import accounts, settings, webhooks

MEBIBYTE = 1024 * 1024


class GatewaySettings(settings.ServiceSettings):
    """Settings of the gateway."""

    grpc_port: settings.Port = pydantic.Field(default=9090, description="Port of the gRPC API; 0 picks a free one.")
    http_port: settings.Port = pydantic.Field(default=8080, description="Port of the HTTP API; 0 picks a free one.")
    public_certificate_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="Certificate (PEM, with its chain) that callers are shown: the gRPC and HTTP APIs speak TLS alone. "
        "It is read again when it is renewed. In the clear if unset: for one machine, or behind what speaks TLS.",
    )
    public_key_file: pathlib.Path | None = pydantic.Field(
        default=None, validate_default=True, description="Its private key (PEM)."
    )
    public_http_tls: bool = pydantic.Field(
        default=True,
        description="Whether the HTTP API speaks TLS, too; false behind an ingress that does in its place.",
    )
    orchestrator_address: str = pydantic.Field(
        default="127.0.0.1:7001", min_length=1, description="gRPC target of the orchestrator."
    )
    storage_address: str = pydantic.Field(
        default="127.0.0.1:7002", min_length=1, description="gRPC target of the storage service."
    )
    media_address: str = pydantic.Field(
        default="127.0.0.1:7003", min_length=1, description="gRPC target of the media service."
    )
    data_folder: pathlib.Path = pydantic.Field(
        default=pathlib.Path("data"), description="Folder of api-keys.json and, on a first start, development.key."
    )
    public_url: str | None = pydantic.Field(
        default=None,
        description="Where callers reach the HTTP API, as https://host; unset: as each request was addressed. "
        "Vendors that tell of ends (webhooks) are given addresses below it.",
    )
    accounts_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="YAML file that lists the accounts at providers, with their limits and the names of their keys; "
        "read again when it changes. The gateway takes the webhooks of their vendors; none if unset.",
    )
    webhook_key: pydantic.SecretStr | None = pydantic.Field(
        default=None,
        min_length=webhooks.SHORTEST_KEY_CHARACTERS,
        description="Secret of ours, the same for the gateway and the workers of providers, from which the addresses "
        "for webhooks are derived; needed where an account in accounts.yaml has `webhooks`.",
    )
    creates_per_minute: float = pydantic.Field(
        default=60.0, gt=0, le=100_000, description="Generations that one API key may create, in the long run."
    )
    creates_burst: int = pydantic.Field(
        default=20, ge=1, le=100_000, description="Generations that one API key may create at once."
    )
    upload_limit_bytes: int = pydantic.Field(
        default=10 * MEBIBYTE, ge=1, le=100 * MEBIBYTE, description="Largest reference image, bytes."
    )
    keep_alive_seconds: int = pydantic.Field(
        default=75,
        ge=1,
        le=3600,
        description="How long a connection of the HTTP API is kept for its next request: longer than callers, load "
        "balancers and ingresses keep theirs, who would see a request fail that they send as it is closed.",
    )
    upload_timeout_seconds: settings.Seconds = pydantic.Field(
        default=120.0, description="How long one upload may take in all."
    )
    fetch_private_addresses: bool = pydantic.Field(
        default=False,
        description="Whether pictures are fetched (`image_url`) by plain http and from private networks, too.",
    )
    event_streams_limit: int = pydantic.Field(
        default=500,
        ge=1,
        le=100_000,
        description="Callers that may follow a generation at once, by HTTP and gRPC together.",
    )
    downloads_limit: int = pydantic.Field(
        default=200,
        ge=1,
        le=100_000,
        description="Callers that may download at once, by HTTP and gRPC together; a slow one may hold 3 MiB.",
    )
    heartbeat_seconds: settings.Seconds = pydantic.Field(
        default=15.0, description="Pause after which a silent event stream sends a comment, so that it stays open."
    )

    @pydantic.field_validator("public_key_file")
    @classmethod
    def _public_pair(cls, value: pathlib.Path | None, info: pydantic.ValidationInfo) -> pathlib.Path | None:
        if (value is None) != (info.data.get("public_certificate_file") is None):
            raise ValueError("a certificate and its key are set together: this and REELMESH_PUBLIC_CERTIFICATE_FILE")
        return value

    @pydantic.model_validator(mode="after")
    def _webhooks_have_addresses(self) -> Self:
        try:
            listed = accounts.Book(self.accounts_file).accounts
        except accounts.AccountsError as error:
            raise ValueError(str(error)) from None
        telling = [account.id for account in listed if account.webhooks is not None]
        if telling and self.webhook_key is None:
            raise ValueError(f"account {telling[0]} uses webhooks: set REELMESH_WEBHOOK_KEY to a secret of your own")
        return self

    @pydantic.field_validator("public_url")
    @classmethod
    def _a_root(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://, such as https://video.example.com")
        return value.rstrip("/") if value is not None else None


class CommandSettings(pydantic_settings.BaseSettings):
    """Where commands look for the keys: the data folder of a mesh on this machine, as `reelmesh up` takes it."""

    model_config = pydantic_settings.SettingsConfigDict(
        env_prefix=settings.PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data_folder: pathlib.Path = pydantic.Field(default=pathlib.Path("~/.local/share/reelmesh"))
