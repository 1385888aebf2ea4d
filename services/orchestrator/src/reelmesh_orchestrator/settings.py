"""What the orchestrator can be told from outside; the only reader of the environment here."""

import pathlib

import pydantic
import pydantic_settings
from reelmesh_kit import settings


class OrchestratorSettings(settings.ServiceSettings):
    """Settings of the orchestrator."""

    model_config = pydantic_settings.SettingsConfigDict(populate_by_name=True)

    database_url: str = pydantic.Field(
        default="sqlite:///data/orchestrator.db",
        description="Where the record is: sqlite:///path or postgresql://user@host/name.",
        validation_alias=pydantic.AliasChoices("REELMESH_ORCHESTRATOR_DATABASE_URL", "REELMESH_DATABASE_URL"),
    )
    storage_address: str = pydantic.Field(default="127.0.0.1:7002", description="gRPC target of the storage service.")
    submit_within_seconds: float = pydantic.Field(
        default=1.0, gt=0, le=60, description="How long the leave to submit is good for, seconds."
    )
    request_timeout_seconds: float = pydantic.Field(
        default=60.0,
        gt=0,
        description="Longest that a provider is given to answer a submit, seconds; then the submit is in doubt.",
    )
    lease_seconds: float = pydantic.Field(
        default=15.0, gt=0, description="A worker that was not heard of for this long has lost its lease, seconds."
    )
    renew_seconds: float = pydantic.Field(
        default=5.0, gt=0, description="How often workers renew their lease, seconds."
    )
    begin_seconds: float = pydantic.Field(
        default=30.0, gt=0, description="A dispatched attempt that nobody begins for this long is withdrawn, seconds."
    )
    step_seconds: float = pydantic.Field(
        default=30.0, gt=0, description="A media step that nobody begins for this long is sent again, seconds."
    )
    cancel_grace_seconds: float = pydantic.Field(
        default=60.0, ge=0, description="How long a cancelled generation waits for its providers to stop, seconds."
    )
    events_days: float = pydantic.Field(
        default=90.0, gt=0, description="How long the history of ended generations is kept, days."
    )
    sweep_seconds: float = pydantic.Field(default=1.0, gt=0, description="How often the record is swept, seconds.")
    note_seconds: float = pydantic.Field(
        default=10.0, gt=0, description="How often the record is compared with its note in storage, seconds."
    )
    census_patience_seconds: float = pydantic.Field(
        default=60.0,
        ge=0,
        description="How long after the record went back accounts are waited for that nobody looks through, seconds; "
        "then they are parked.",
    )
    restored: str = pydantic.Field(
        default="",
        max_length=200,
        description="Name of a restore, such as its date. On a record that does not know it lost jobs are looked for "
        "before anything is submitted.",
    )
    accounts_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="YAML file that lists the accounts at providers, with their limits and the names of their keys; "
        "read again when it changes. None if unset: only what costs nothing is used.",
    )
    policies_file: pathlib.Path | None = pydantic.Field(
        default=None, description="TOML file of routing policies; if unset, those that are shipped."
    )
    breaker_failures: int = pydantic.Field(
        default=5,
        ge=0,
        le=1000,
        description="Submits, or jobs, of a model at an account that fail in a row before its circuit breaker opens; "
        "0: it never does.",
    )
    breaker_open_seconds: float = pydantic.Field(
        default=30.0,
        gt=0,
        description="How long an open circuit breaker waits for its first trial, seconds; each that fails doubles it.",
    )
    breaker_longest_open_seconds: float = pydantic.Field(
        default=900.0, gt=0, description="How long a circuit breaker waits between two trials at most, seconds."
    )
    breaker_trials: int = pydantic.Field(
        default=1, ge=1, le=100, description="Attempts that may be under way at once to try whether a model is well."
    )
    breaker_patience_seconds: float = pydantic.Field(
        default=60.0,
        ge=0,
        description="How long a shot waits for the next trial of who is paid rather than going to who costs nothing, "
        "seconds.",
    )
    free_account_slots: int = pydantic.Field(
        default=2, ge=1, le=1000, description="Attempts in flight at a provider that costs nothing."
    )
    most_open_generations: int = pydantic.Field(
        default=10_000, ge=1, description="Generations of one tenant that may be unfinished; more are refused for now."
    )
    most_open_generations_in_all: int = pydantic.Field(
        default=50_000,
        ge=1,
        le=1_000_000,
        description="Generations of all tenants together that may be unfinished; more are refused for now.",
    )
    followers_limit: int = pydantic.Field(
        default=700, ge=1, le=900, description="Calls that may follow generations at one orchestrator at once."
    )
