"""What every provider's worker can be told; each provider adds its own fields in a subclass."""

import abc
import pathlib
from collections.abc import Sequence, Set
from typing import ClassVar, Self

import pydantic
from reelmesh_kit import accounts, settings, webhooks


class ProviderSettings(settings.ServiceSettings):
    """Where the mesh is, where the journal lies, and how much is done at once."""

    orchestrator_address: str = pydantic.Field(
        default="127.0.0.1:7001", description="gRPC target of the orchestrator, as host:port or dns:///name:port."
    )
    storage_address: str = pydantic.Field(
        default="127.0.0.1:7002", description="gRPC target of storage, as host:port or dns:///name:port."
    )
    media_address: str = pydantic.Field(
        default="127.0.0.1:7003", description="gRPC target of media, as host:port or dns:///name:port."
    )
    data_folder: pathlib.Path = pydantic.Field(
        default=pathlib.Path("data"),
        description="Folder of the service's own files. Provider workers keep the journal of accepted ids in it, "
        "one worker per folder; on a volume that outlives the process where lost jobs cannot be found.",
    )
    worker_name: str = pydantic.Field(default="", description="Name of the process for people, such as its Pod.")
    submit_slots: int = pydantic.Field(default=4, ge=1, le=256, description="Submits that one worker has open at once.")
    submit_timeout_seconds: settings.Seconds = pydantic.Field(
        default=60.0, description="Longest time for one submit, uploads to the provider included."
    )
    watch_limit: int = pydantic.Field(
        default=200, ge=1, le=10_000, description="Accepted attempts that one worker is willing to watch."
    )
    fetch_slots: int = pydantic.Field(default=4, ge=1, le=64, description="Finished clips fetched at once.")
    largest_clip_bytes: int = pydantic.Field(
        default=2 * 1024**3, ge=1, description="Largest clip that is taken from a provider, bytes."
    )


class PaidProviderSettings(ProviderSettings):
    """What the worker of a provider that is paid must be told besides: where our accounts are listed."""

    accounts_file: pathlib.Path = pydantic.Field(
        description="YAML file that lists the accounts at providers, with their limits and the names of their keys; "
        "read again when it changes.",
    )
    public_url: str | None = pydantic.Field(
        default=None,
        description="Where callers reach the HTTP API, as https://host; unset: as each request was addressed. "
        "Vendors that tell of ends (webhooks) are given addresses below it.",
    )
    webhook_key: pydantic.SecretStr | None = pydantic.Field(
        default=None,
        min_length=webhooks.SHORTEST_KEY_CHARACTERS,
        description="Secret of ours, the same for the gateway and the workers of providers, from which the addresses "
        "for webhooks are derived; needed where an account in accounts.yaml has `webhooks`.",
    )
    #: How vendors of this provider may sign what they tell; none tells anything unless a provider says so.
    webhooks_signed: ClassVar[Set[str]] = frozenset()

    @property
    @abc.abstractmethod
    def pool(self) -> str:
        """The provider's name: that of its accounts, and of its queue."""

    def listed(self) -> Sequence[accounts.Account]:
        """Return the provider's accounts, as they are listed now.

        Raises:
            accounts.AccountsError: the file cannot be used.
        """
        return accounts.Book(self.accounts_file).of(self.pool)

    def problems(self) -> Sequence[str]:
        """Say what keeps accounts from being used and what to do, as far as it shows without a call to the vendor."""
        found: list[str] = []
        for account in self.listed():
            try:
                accounts.key_of(account)
            except accounts.AccountsError as error:
                found.append(str(error))
        return found

    @pydantic.model_validator(mode="after")
    def _has_an_account(self) -> Self:
        try:
            found = self.listed()
        except accounts.AccountsError as error:
            raise ValueError(str(error)) from None
        if not found:
            raise ValueError(f"{self.accounts_file} lists no account whose provider is {self.pool}")
        for account in found:
            self._check_webhooks(account)
        return self

    def webhook_url(self, account: accounts.Account, attempt_id: str) -> str:
        """Return the address that a submit names; "" where none is used, or that of the whole account is."""
        if account.webhooks is None or accounts.registers_webhooks(account):
            return ""
        if not self.public_url or self.webhook_key is None:
            return ""
        return self.public_url + webhooks.path(self.webhook_key.get_secret_value(), account.id, attempt_id)

    @pydantic.field_validator("public_url")
    @classmethod
    def _a_root(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://, such as https://video.example.com")
        return value.rstrip("/") if value is not None else None

    def _check_webhooks(self, account: accounts.Account) -> None:
        if account.webhooks is None:
            return
        if account.webhooks.signed not in self.webhooks_signed:
            known = ", ".join(sorted(self.webhooks_signed))
            told = f"its webhooks are signed: {known}" if known else "it has no webhooks: take `webhooks` out"
            raise ValueError(f"account {account.id} is of {self.pool}: {told}")
        if not accounts.registers_webhooks(account) and not (self.public_url and self.webhook_key):
            raise ValueError(
                f"account {account.id} uses webhooks, so that {self.pool} must be told our address: "
                "set REELMESH_PUBLIC_URL and REELMESH_WEBHOOK_KEY"
            )
