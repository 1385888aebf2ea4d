"""Where a service's settings come from: the environment and `.env`, read once, checked, and described for people."""

import dataclasses
import json
import os
import pathlib
import re
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar

import dotenv
import pydantic
import pydantic_settings
from pydantic.fields import FieldInfo

PREFIX = "REELMESH_"
MASK = "********"
HIGHEST_PORT = 65_535
# Longer waits than an hour are mistakes of units (milliseconds for seconds), not wishes.
LONGEST_WAIT_SECONDS = 3600.0
# From "://" to the last "@" before the next URL of a list: rather too much than half a password.
_USER_PART = re.compile(r"(?<=://)(?:(?!://).)*@")

# "orchestrator.create.after_commit:3, media.step.made": names, and which pass of each (1 if left out); or "@file".
_CRASH = r"[a-z0-9_-]+(\.[a-z0-9_-]+)+(:[1-9]\d{0,8})?"
_CRASHES = rf"^(@.+|\s*{_CRASH}(\s*,\s*{_CRASH})*)?\s*$"

Port = Annotated[int, pydantic.Field(ge=0, le=HIGHEST_PORT)]
Seconds = Annotated[float, pydantic.Field(gt=0, le=LONGEST_WAIT_SECONDS)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class SettingsError(Exception):
    """Settings are missing or wrong; the message has one line for each variable, saying what to set."""

    def __init__(self, message: str, missing: frozenset[str] = frozenset()) -> None:
        """Say what to set; `missing` are the variables that are required and not set."""
        super().__init__(message)
        self.missing = missing


class ServiceSettings(pydantic_settings.BaseSettings):
    """What every service can be told. Each service adds its own fields in a subclass in its `settings.py`."""

    model_config = pydantic_settings.SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = pydantic.Field(
        default="127.0.0.1", min_length=1, description="Address that every port of the process binds to."
    )
    grpc_port: Port = pydantic.Field(default=0, description="Port of the gRPC server; 0 picks a free one.")
    admin_port: Port = pydantic.Field(default=0, description="Port of /live, /ready and /metrics; 0 picks a free one.")
    nats_url: str = pydantic.Field(
        default="nats://127.0.0.1:4222", description="NATS servers, as one URL or several separated by commas."
    )
    nats_user: str = pydantic.Field(default="", description="User at NATS, with REELMESH_NATS_PASSWORD.")
    nats_password: pydantic.SecretStr | None = pydantic.Field(
        default=None, validate_default=True, description="Password of that user."
    )
    nats_token: pydantic.SecretStr | None = pydantic.Field(
        default=None, description="Token that NATS asks for, in place of a user."
    )
    nats_credentials_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="File with JWT and seed for NATS (`nsc`), in place of a user; read for each connection.",
    )
    nats_nkey_file: pathlib.Path | None = pydantic.Field(
        default=None,
        validate_default=True,
        description="File with the seed of an nkey for NATS, in place of a user; read for each connection.",
    )
    nats_ca_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="Authorities (PEM) one of which signed the certificate of NATS; with it, or a server named tls://, "
        "nothing is said to NATS in the clear. Unset: those of the system.",
    )
    nats_certificate_file: pathlib.Path | None = pydantic.Field(
        default=None, description="Certificate (PEM, with its chain) that is shown to NATS."
    )
    nats_key_file: pathlib.Path | None = pydantic.Field(
        default=None, validate_default=True, description="Its private key (PEM)."
    )
    nats_tls_first: bool = pydantic.Field(
        default=False,
        description="Begin each connection to NATS with TLS, before NATS has said anything: for servers with "
        "`handshake_first`.",
    )
    tls_certificate_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="Certificate (PEM, with its chain) of this service in the mesh: its gRPC server speaks TLS alone, "
        "and it is shown to services that ask for one. This and the next three are read again when they are renewed.",
    )
    tls_key_file: pathlib.Path | None = pydantic.Field(
        default=None, validate_default=True, description="Its private key (PEM)."
    )
    tls_ca_file: pathlib.Path | None = pydantic.Field(
        default=None,
        validate_default=True,
        description="Authorities (PEM) of the mesh: other services are called by TLS, and believed if one of these "
        "signed their certificate. In the clear if unset.",
    )
    tls_client_ca_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="Authorities (PEM): who calls this service must show a certificate that one of them signed (mTLS).",
    )
    log_level: LogLevel = pydantic.Field(default="INFO", description="Least severe level that is logged.")
    otlp_endpoint: str | None = pydantic.Field(
        default=None,
        description="OTLP gRPC collector that gets the spans, as http://host:4317 or https://…; none if unset.",
    )
    spans_folder: pathlib.Path | None = pydantic.Field(
        default=None,
        description="Folder in which spans are kept as <service>.jsonl for `reelmesh trace`; none if unset.",
    )
    trace_reads_ratio: float = pydantic.Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of the traces begun by a read that is kept; generations are always traced.",
    )
    rpc_timeout_seconds: Seconds = pydantic.Field(
        default=10.0, description="Deadline of an outgoing call without another one."
    )
    drain_seconds: Seconds = pydantic.Field(
        default=10.0, description="How long open calls may go on once a stop was asked for."
    )
    leave_seconds: float = pydantic.Field(
        default=0.0,
        ge=0,
        le=LONGEST_WAIT_SECONDS,
        description="How long a process that was asked to stop goes on as ever, while who calls it is sent elsewhere: "
        "until load balancers and caches of names have forgotten it.",
    )
    crash_at: str = pydantic.Field(
        default="",
        pattern=_CRASHES,
        description="For tests: crash points at which a service that runs as a process of its own kills itself, as "
        "name:pass separated by commas; @ and a path names a file that says so, now or later.",
    )
    clock_offset_file: pathlib.Path | None = pydantic.Field(
        default=None,
        description="For tests: file with the number of seconds that the wall clock of the process is wrong by.",
    )

    @pydantic.field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @pydantic.field_validator("otlp_endpoint")
    @classmethod
    def _a_collector(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://, such as http://127.0.0.1:4317")
        return value

    @pydantic.field_validator("nats_url")
    @classmethod
    def _nats_servers(cls, value: str) -> str:
        for server in value.split(","):
            if not server.strip().startswith(("nats://", "tls://", "ws://", "wss://")):
                raise ValueError("each server must start with nats://, tls://, ws:// or wss://")
        return value

    @pydantic.field_validator("tls_key_file", "nats_key_file")
    @classmethod
    def _with_its_certificate(cls, value: pathlib.Path | None, info: pydantic.ValidationInfo) -> pathlib.Path | None:
        certificate = str(info.field_name).replace("key", "certificate")
        if certificate in info.data and (value is None) != (info.data[certificate] is None):
            raise ValueError(f"a certificate and its key are set together: this and {_named(certificate)}")
        return value

    @pydantic.field_validator("tls_ca_file")
    @classmethod
    def _calls_by_tls_too(cls, value: pathlib.Path | None, info: pydantic.ValidationInfo) -> pathlib.Path | None:
        if value is None and info.data.get("tls_certificate_file") is not None:
            raise ValueError(
                f"is needed with {_named('tls_certificate_file')}: without it other services are called in the clear"
            )
        return value

    @pydantic.field_validator("tls_client_ca_file")
    @classmethod
    def _clients_of_a_server(cls, value: pathlib.Path | None, info: pydantic.ValidationInfo) -> pathlib.Path | None:
        certificate = info.data.get("tls_certificate_file")
        if value is not None and certificate is None and "tls_certificate_file" in info.data:
            raise ValueError(f"a server that asks for certificates needs its own: set {_named('tls_certificate_file')}")
        return value

    @pydantic.field_validator("nats_password")
    @classmethod
    def _of_a_user(cls, value: pydantic.SecretStr | None, info: pydantic.ValidationInfo) -> pydantic.SecretStr | None:
        if (value is None) == bool(info.data.get("nats_user")):
            raise ValueError(f"a user and a password are set together: this and {_named('nats_user')}")
        return value

    @pydantic.field_validator("nats_nkey_file")
    @classmethod
    def _one_way_in(cls, value: pathlib.Path | None, info: pydantic.ValidationInfo) -> pathlib.Path | None:
        ways = {name: info.data.get(name) for name in ("nats_user", "nats_token", "nats_credentials_file")}
        named = [_named(name) for name, each in {**ways, "nats_nkey_file": value}.items() if each]
        if len(named) > 1:
            raise ValueError(f"NATS is shown one proof of who calls: set one of {', '.join(named)}")
        return value

    @pydantic.field_validator("nats_ca_file", "nats_tls_first")
    @classmethod
    def _servers_that_speak_tls(cls, value: object, info: pydantic.ValidationInfo) -> object:
        if value and "ws://" in str(info.data.get("nats_url")):
            raise ValueError(f"{_named('nats_url')} names a server in the clear (ws://): name it wss://")
        return value


@dataclasses.dataclass(frozen=True)
class SettingDescription:
    """One setting as `reelmesh settings` lists it."""

    name: str
    env: str
    type: str
    default: str
    """What applies when it is not set; "(required)" if nothing does."""
    description: str
    secret: bool
    other_names: tuple[str, ...] = ()
    """Further variables that are read, in this order, while `env` is not set."""


Settings = TypeVar("Settings", bound=ServiceSettings)


def load(kind: type[Settings], given: Mapping[str, object] | None = None) -> Settings:
    """Read the settings of a service from the environment and `.env`.

    Args:
        kind: the class of the settings.
        given: values, by variable or by name where a field has no variable of its own, that outrank the environment.

    Raises:
        SettingsError: a variable is missing or wrong. Values of secrets are not repeated in the message.
    """
    try:
        return kind(**(given or {}))  # pyright: ignore[reportArgumentType] - each value is checked like any other
    except pydantic.ValidationError as error:
        missing = [problem["loc"] for problem in error.errors(include_url=False) if problem["type"] == "missing"]
        variables = frozenset(_variable(kind, str(place[0])) for place in missing)
        raise SettingsError(_explained(kind, error), variables) from None
    except pydantic_settings.SettingsError as error:
        raise SettingsError(f"{error}. A list or mapping is written as JSON.") from error


def secret(variable: str) -> pydantic.SecretStr | None:
    """Return what a variable of the environment, or of `.env`, holds that a file names as a secret; None when unset."""
    found = os.environ.get(variable) or dotenv.dotenv_values(".env").get(variable)
    return pydantic.SecretStr(found) if found else None


def describe(*kinds: type[ServiceSettings]) -> list[SettingDescription]:
    """List the settings of all `kinds`, each variable once, in the order of declaration."""
    found: dict[str, SettingDescription] = {}
    for kind in kinds:
        for name, field in kind.model_fields.items():
            found.setdefault(_variable(kind, name), _described(kind, name, field))
    return list(found.values())


def masked(settings: ServiceSettings) -> dict[str, str]:
    """Return every setting as text that may be shown: secrets and the passwords within URLs are hidden."""
    fields = type(settings).model_fields
    return {name: _shown(fields[name], getattr(settings, name)) for name in fields}


def _described(kind: type[ServiceSettings], name: str, field: FieldInfo) -> SettingDescription:
    default = "(required)" if field.is_required() else _shown(field, field.get_default(call_default_factory=False))
    return SettingDescription(
        name=name,
        env=_variable(kind, name),
        type=_type_name(field.annotation),
        default=default,
        description=field.description or "",
        secret=_is_secret(field),
        other_names=_other_names(field),
    )


def variable(kind: type[ServiceSettings], name: str) -> str:
    """Return the variable of a setting."""
    return _variable(kind, name)


def _named(name: str) -> str:
    return (PREFIX + name).upper()


def _variable(kind: type[ServiceSettings], name: str) -> str:
    alias = kind.model_fields[name].validation_alias if name in kind.model_fields else None
    if isinstance(alias, pydantic.AliasChoices):
        alias = alias.choices[0]
    return alias if isinstance(alias, str) else (PREFIX + name).upper()


def _other_names(field: FieldInfo) -> tuple[str, ...]:
    alias = field.validation_alias
    choices = alias.choices[1:] if isinstance(alias, pydantic.AliasChoices) else []
    # What is not in capitals is the field's own name, for those who construct it.
    return tuple(name for name in choices if isinstance(name, str) and name.isupper())


def _explained(kind: type[ServiceSettings], error: pydantic.ValidationError) -> str:
    lines = ["The settings are not usable; set these in the environment or in .env:"]
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        variable = _variable(kind, name) if name else "settings"
        field = kind.model_fields.get(name)
        if problem["type"] == "missing":
            meaning = field.description if field is not None and field.description else "no description"
            lines.append(f"  {variable} is required: {meaning}")
        else:
            lines.append(
                f"  {variable}: {problem['msg'].removeprefix('Value error, ')}{_given(field, problem['input'])}"
            )
    return "\n".join(lines)


def _given(field: FieldInfo | None, value: object) -> str:
    if field is None or _is_secret(field) or not isinstance(value, str):
        return ""
    return f" (it is {without_password(value)!r})"


def _shown(field: FieldInfo, value: object) -> str:
    if value is None:
        return ""
    if _is_secret(field):
        return MASK
    if isinstance(value, frozenset):
        # As it is written in the environment; sets have no order of their own.
        return json.dumps(sorted(typing.cast("Iterable[str]", value)))
    return without_password(str(value))


def _is_secret(field: FieldInfo) -> bool:
    kinds = (field.annotation, *typing.get_args(field.annotation))
    return pydantic.SecretStr in kinds or pydantic.SecretBytes in kinds


def without_password(text: str) -> str:
    """Hide the password, or the lone token, in the user part of each URL within `text`."""
    return _USER_PART.sub(_hidden, text)


def _hidden(match: re.Match[str]) -> str:
    user, colon, _ = match[0].partition(":")
    return f"{user}:{MASK}@" if colon else f"{MASK}@"


def _type_name(annotation: Any) -> str:
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("pathlib.", "").replace("pydantic.types.", "")
