"""Logs: one JSON object a line on stderr, each with the trace it belongs to."""

import datetime
import json as json_format
import logging
import sys
from typing import Any, TextIO

from opentelemetry import trace

MESSAGE_LIMIT_CHARACTERS = 8192
EXCEPTION_LIMIT_CHARACTERS = 16_384

# They tell their whole life at INFO; what they say from WARNING on is ours to know.
_TALKATIVE = ("uvicorn", "uvicorn.access", "uvicorn.error", "nats", "alembic", "sqlalchemy", "httpx", "asyncio")
_PREFIX = "reelmesh."
# What every record has: anything else came from `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def configure_logging(level: str, json: bool = True, *, service: str = "", stream: TextIO | None = None) -> None:
    """Send all logs of the process to stderr. Calling it again replaces what the first call did.

    Args:
        level: the least severe level of our own loggers; libraries that talk much start at WARNING unless it is DEBUG.
        json: whether lines are JSON; else they are for a person's terminal.
        service: stands in lines of loggers that belong to no service (`reelmesh.<service>…`), such as libraries.
        stream: where to write instead of stderr.
    """
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(handler)
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_JsonFormatter(service) if json else _TextFormatter(service))
    root.addHandler(handler)
    root.setLevel(level)
    for name in _TALKATIVE:
        _route(logging.getLogger(name), level)


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that a second call finds it."""


def _route(logger: logging.Logger, level: str) -> None:
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.propagate = True
    logger.setLevel(logging.INFO if level == "DEBUG" else logging.WARNING)


def _fields(record: logging.LogRecord, service: str) -> dict[str, Any]:
    # An extra field never hides one of ours.
    own: dict[str, Any] = {
        "time": _time(record),
        "level": record.levelname,
        "service": _service(record.name) or service,
        "logger": record.name,
        "message": record.getMessage()[:MESSAGE_LIMIT_CHARACTERS],
    }
    identity = trace.get_current_span().get_span_context()
    if identity.is_valid:
        own["trace_id"] = trace.format_trace_id(identity.trace_id)
        own["span_id"] = trace.format_span_id(identity.span_id)
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD and name not in own}
    return own | extra


def _time(record: logging.LogRecord) -> str:
    moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _service(logger_name: str) -> str:
    return logger_name.removeprefix(_PREFIX).split(".")[0] if logger_name.startswith(_PREFIX) else ""


class _JsonFormatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record, self._service)
        if record.exc_info:
            # The end of a traceback says what happened.
            fields["exception"] = self.formatException(record.exc_info)[-EXCEPTION_LIMIT_CHARACTERS:]
        return json_format.dumps(fields, ensure_ascii=False, default=str)


class _TextFormatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record, self._service)
        head = f"{fields.pop('time')[11:]} {fields.pop('level'):7} {fields.pop('service')}: {fields.pop('message')}"
        fields.pop("logger")
        line = " ".join([head, *(f"{name}={value}" for name, value in fields.items())])
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
