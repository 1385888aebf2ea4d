"""What every provider's worker can be told; each provider adds its own fields in a subclass."""

import pathlib
from collections.abc import Sequence
from typing import Self

import pydantic
from reelmesh_kit import accounts, settings


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

    @property
    def pool(self) -> str:
        """The provider's name: that of its accounts, and of its queue."""
        raise NotImplementedError

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
        return self
