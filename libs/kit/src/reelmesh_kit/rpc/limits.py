"""The bounds of every connection, call and message, and the channel arguments that state them to gRPC."""

MESSAGE_LIMIT_BYTES = 4 * 1024 * 1024
# What a stream may send ahead of its reader. gRPC would let it grow with the connection's speed: one reader that stops
# in the middle of a large file then holds megabytes of it, and there may be many.
STREAM_WINDOW_BYTES = 256 * 1024
METADATA_LIMIT_BYTES = 64 * 1024
METADATA_FIELDS_LIMIT = 100
CONNECTIONS_LIMIT = 1000
CONCURRENT_CALLS_LIMIT = 1000
# On one connection; a little above, so that one call too many is refused and does not wait.
CONCURRENT_STREAMS_LIMIT = 1100
# Streams of health and reflection among them: they need no key, and may not take the room of all others.
FOLLOWERS_LIMIT = 100
# Who calls has this long to send the message of a call that takes one.
MESSAGE_SECONDS = 10.0
# What a client that was refused in the middle of a stream still sends is read so far, so that it hears the refusal.
LINGER_LIMIT_BYTES = 16 * 1024 * 1024
LINGER_SECONDS = 2.0
# Who connects has this long to say that it speaks HTTP/2.
HANDSHAKE_SECONDS = 10

# A client may ping no more often than its server permits, or the server hangs up (ENHANCE_YOUR_CALM).
KEEPALIVE_SECONDS = 20
KEEPALIVE_TIMEOUT_SECONDS = 10
SHORTEST_PING_INTERVAL_SECONDS = 10

# A client looks up addresses anew only when a connection ends, so connections end now and then; streams may finish.
CONNECTION_AGE_SECONDS = 300
CONNECTION_GRACE_SECONDS = 3600

# One try to connect, until both sides have said hello: gRPC's least pause between two is what it has at least.
CONNECT_SECONDS = 2.0
FIRST_RECONNECT_SECONDS = 0.2
LONGEST_RECONNECT_SECONDS = 2.0
SHORTEST_LOOKUP_INTERVAL_SECONDS = 2.0
# A name that is unknown is looked up again after pauses of 1, 1.6, 2.6 seconds and so on up to two minutes: by then
# another channel has begun anew.
LONGEST_FAILURE_SECONDS = 4.0

RETRY_ATTEMPTS = 4
FIRST_RETRY_SECONDS = 0.1
LONGEST_RETRY_SECONDS = 1.0

Arguments = list[tuple[str, int | str]]


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _shared() -> Arguments:
    return [
        ("grpc.max_receive_message_length", MESSAGE_LIMIT_BYTES),
        ("grpc.max_send_message_length", MESSAGE_LIMIT_BYTES),
        ("grpc.max_metadata_size", METADATA_LIMIT_BYTES),
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", STREAM_WINDOW_BYTES),
        ("grpc.keepalive_time_ms", _milliseconds(KEEPALIVE_SECONDS)),
        ("grpc.keepalive_timeout_ms", _milliseconds(KEEPALIVE_TIMEOUT_SECONDS)),
        ("grpc.keepalive_permit_without_calls", 1),
    ]


def server_arguments() -> Arguments:
    """Return the arguments of a server. Ports are not shared: a port in use must be an error, not a silent half."""
    return [
        *_shared(),
        ("grpc.so_reuseport", 0),
        ("grpc.max_allowed_incoming_connections", CONNECTIONS_LIMIT),
        ("grpc.max_concurrent_streams", CONCURRENT_STREAMS_LIMIT),
        ("grpc.server_handshake_timeout_ms", _milliseconds(HANDSHAKE_SECONDS)),
        ("grpc.max_connection_age_ms", _milliseconds(CONNECTION_AGE_SECONDS)),
        ("grpc.max_connection_age_grace_ms", _milliseconds(CONNECTION_GRACE_SECONDS)),
        ("grpc.http2.min_ping_interval_without_data_ms", _milliseconds(SHORTEST_PING_INTERVAL_SECONDS)),
    ]


def channel_arguments(service_config: str) -> Arguments:
    """Return the arguments of a channel with the given service config (JSON)."""
    return [
        *_shared(),
        ("grpc.service_config", service_config),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", _milliseconds(FIRST_RECONNECT_SECONDS)),
        ("grpc.min_reconnect_backoff_ms", _milliseconds(CONNECT_SECONDS)),
        ("grpc.max_reconnect_backoff_ms", _milliseconds(LONGEST_RECONNECT_SECONDS)),
        ("grpc.dns_min_time_between_resolutions_ms", _milliseconds(SHORTEST_LOOKUP_INTERVAL_SECONDS)),
    ]
