"""The bounds of what is kept: assets, links, logs and spans, and how services are started again."""

from scripts.limits.bound import Bound

_WIRE = "reelmesh_storage.wire"
_INVALID = "{INVALID_ARGUMENT}"
_CUT = "the rest is cut off"
_AGAIN = "it grows up to this"
_NEW_FILE = "a new file; the one before it is kept"

STORAGE = (
    Bound(
        "asset",
        "setting:storage.asset_limit_bytes",
        "{TOO_LARGE}",
        also=("reelmesh_storage.model.asset.SIZE_LIMIT_BYTES",),
    ),
    Bound(
        "chunk of an asset",
        "reelmesh_storage.ports.CHUNK_LIMIT_BYTES",
        _INVALID,
        also=("reelmesh_gateway.adapters.storage.CHUNK_LIMIT_BYTES",),
    ),
    Bound("writes at once", "setting:storage.concurrent_writes", "the next wait for their turn"),
    Bound(
        "writes at once that can be set", "reelmesh_storage.settings.MOST_CONCURRENT_WRITES", "storage does not start"
    ),
    Bound("writes that wait for their turn", "reelmesh_storage.usecases.storing.WAITING_WRITES_LIMIT", "{UNAVAILABLE}"),
    Bound("silence of a writer", "reelmesh_storage.usecases.storing.CHUNK_TIMEOUT_SECONDS", "{DEADLINE_EXCEEDED}"),
    Bound("write in all", "reelmesh_storage.model.leftovers.WRITE_LIMIT", "{DEADLINE_EXCEEDED}"),
    Bound("life that a writer may ask for", "reelmesh_storage.model.asset.LONGEST_LIFE", _INVALID),
    Bound("life of what nobody asked to keep", "reelmesh_storage.model.asset.PROVISIONAL_LIFE", "it is swept"),
    Bound(
        "life of a link",
        "reelmesh_storage.model.link.LONGEST_VALIDITY",
        _INVALID,
        also=("reelmesh_storage.adapters.s3.LONGEST_VALIDITY_SECONDS",),
    ),
    Bound("assets that one call keeps", "reelmesh_storage.usecases.lives.KEEP_LIMIT_ASSETS", _INVALID),
    Bound("id of a tenant, user or generation", f"{_WIRE}.ID_LIMIT_CHARACTERS", _INVALID),
    Bound("name of an asset", f"{_WIRE}.NAME_LIMIT_CHARACTERS", _INVALID),
    Bound("side of an asset", f"{_WIRE}.SIDE_LIMIT_PIXELS", _INVALID),
    Bound("length of an asset", f"{_WIRE}.DURATION_LIMIT_SECONDS", _INVALID),
    Bound("note of another service", "reelmesh_storage.model.note.LONGEST_BYTES", _INVALID),
    Bound("secret of links, as set", "reelmesh_storage.settings.SMALLEST_SECRET_CHARACTERS", "storage does not start"),
    Bound(
        "secret of links, as kept",
        "reelmesh_storage.adapters.filesystem.SMALLEST_SECRET_BYTES",
        "storage does not start",
    ),
    Bound("connecting to the bucket", "reelmesh_storage.adapters.s3.CONNECT_TIMEOUT_SECONDS", "tried again"),
    Bound("silence of the bucket", "reelmesh_storage.adapters.s3.READ_TIMEOUT_SECONDS", "tried again"),
    Bound("tries of a call to the bucket", "reelmesh_storage.adapters.s3.REQUEST_TRIES", "{UNAVAILABLE}"),
    Bound("batches of one sweep", "reelmesh_storage.usecases.sweeping.BATCHES_LIMIT", "the rest comes with the next"),
    Bound("stale uploads that a sweep discards", "reelmesh_storage.adapters.s3.STALE_UPLOADS_LIMIT", "the next sweep"),
)

TRACES = (
    Bound("file of spans of a service", "reelmesh_kit.telemetry.span_files.FILE_LIMIT_BYTES", _NEW_FILE),
    Bound("line of that file", "reelmesh_kit.telemetry.span_files.LINE_LIMIT_BYTES", "not read"),
    Bound(
        "spans that wait for the collector",
        "reelmesh_kit.telemetry.tracing.WAITING_SPANS_LIMIT",
        "further ones are lost",
    ),
    Bound(
        "open spans that the collector is told of before they end",
        "reelmesh_kit.telemetry.early.WATCHED_SPANS_LIMIT",
        "further ones are told when they end",
    ),
    Bound("export of spans", "reelmesh_kit.telemetry.tracing.EXPORT_TIMEOUT_SECONDS", "these spans are lost"),
    Bound("attribute of a span", "reelmesh_kit.telemetry.tracing.ATTRIBUTE_LENGTH_LIMIT_CHARACTERS", _CUT),
    Bound("message of a log line", "reelmesh_kit.telemetry.logs.MESSAGE_LIMIT_CHARACTERS", _CUT),
    Bound("exception of a log line", "reelmesh_kit.telemetry.logs.EXCEPTION_LIMIT_CHARACTERS", _CUT),
    Bound("log of a service of `reelmesh up`", "reelmesh_standalone.logs.FILE_LIMIT_BYTES", _NEW_FILE),
    Bound("message in that log", "reelmesh_standalone.logs.LINE_LIMIT_CHARACTERS", _CUT),
    Bound("line that a service prints", "reelmesh_standalone.children.LINE_LIMIT_BYTES", _CUT),
    Bound(
        "look at one part of a service's health", "reelmesh_kit.health.CHECK_TIMEOUT_SECONDS", "it counts as not well"
    ),
    Bound("message of a service's health", "reelmesh_kit.health.MESSAGE_LIMIT_CHARACTERS", _CUT),
)

PROCESSES = (
    Bound("wait before a loop is started again", "reelmesh_kit.process.LONGEST_RESTART_SECONDS", _AGAIN),
    Bound(
        "that wait where others held it up",
        "reelmesh_kit.process.LONGEST_RESTART_AFTER_OTHERS_SECONDS",
        _AGAIN,
    ),
    Bound("start of a service of `reelmesh up`", "reelmesh_standalone.children.START_TIMEOUT_SECONDS", "`up` ends"),
    Bound("wait before it is started again", "reelmesh_standalone.children.LONGEST_RESTART_SECONDS", _AGAIN),
    Bound("start of nats-server", "reelmesh_kit.bus.server.START_TIMEOUT_SECONDS", "`up` ends"),
    Bound("wait before it is started again", "reelmesh_kit.bus.server.LONGEST_RESTART_SECONDS", _AGAIN),
    Bound("free room on the disk", "reelmesh_standalone.examining.LEAST_FREE_BYTES", "`reelmesh doctor` warns"),
    Bound(
        "wait that can be set, in seconds", "reelmesh_kit.settings.LONGEST_WAIT_SECONDS", "the service does not start"
    ),
)
