"""The bounds of the doors: connections, requests, messages, those who stay."""

from scripts.limits.bound import Bound

_HOOKS = "reelmesh_gateway.model.hooks"
_VENDOR_KEYS = "reelmesh_gateway.adapters.vendor_keys"
_WEB = "reelmesh_kit.web"
_RPC = "reelmesh_kit.rpc.limits"
_ROUTES = "reelmesh_gateway.routes"
_DIALECT = "reelmesh_gateway.wire.openai_request"
_CUT = "the rest is cut off"

HTTP = (
    Bound(
        "requests open at once, besides those who follow",
        "reelmesh_gateway.app.REQUESTS_LIMIT",
        "{UNAVAILABLE}; also when the process may not open so many files",
    ),
    Bound(
        "connections that ask nothing at the moment",
        "reelmesh_gateway.app.IDLE_CONNECTIONS_LIMIT",
        "the next connections are answered {UNAVAILABLE}",
    ),
    Bound(
        "connections beyond those that are told so",
        f"{_WEB}.REFUSED_CONNECTIONS_LIMIT",
        "further ones are hung up on at once",
    ),
    Bound("connections that wait to be taken", f"{_WEB}.WAITING_CONNECTIONS_LIMIT", "the kernel takes no more"),
    Bound("head of a request", f"{_WEB}.HEAD_LIMIT_BYTES", "{TOO_LARGE}, as 431"),
    Bound("header fields", f"{_WEB}.FIELDS_LIMIT", "{TOO_LARGE}, as 431"),
    Bound("address of a request", f"{_WEB}.TARGET_LIMIT_BYTES", "{TOO_LARGE}, as 414"),
    Bound("JSON body", f"{_ROUTES}.limits.JSON_LIMIT_BYTES", "{TOO_LARGE}"),
    Bound("field of a form that is no file", f"{_ROUTES}.forms.FIELD_LIMIT_BYTES", "{INVALID_ARGUMENT}"),
    Bound("header of a part of a form", f"{_ROUTES}.forms.HEADER_LIMIT_BYTES", "{INVALID_ARGUMENT}"),
    Bound(
        "handshake of TLS, and head of a request, until it is there", f"{_WEB}.HEAD_SECONDS", "the connection is closed"
    ),
    Bound(
        "wait of a connection for its next request", "setting:gateway.keep_alive_seconds", "the connection is closed"
    ),
    Bound("age of a webhook, and how far ahead it may be", f"{_HOOKS}.TOLERANCE_SECONDS", "400; it is counted"),
    Bound("signatures of a webhook", f"{_HOOKS}.SIGNATURES_LIMIT", "further ones are not looked at"),
    Bound("a vendor's id of a job", f"{_HOOKS}.LONGEST_JOB_ID_CHARACTERS", "the webhook is passed over"),
    Bound("webhooks that are remembered", f"{_HOOKS}.SEEN_LIMIT", "the oldest goes; a repetition has a job looked at"),
    Bound(
        "key for the addresses of webhooks", "reelmesh_kit.webhooks.SHORTEST_KEY_CHARACTERS", "not less; does not start"
    ),
    Bound("keys of a vendor, bytes", f"{_VENDOR_KEYS}.LARGEST_SET_BYTES", "503: the vendor sends it again"),
    Bound("keys of a vendor", f"{_VENDOR_KEYS}.KEYS_LIMIT", "further ones are not read"),
    Bound("reading the keys of a vendor", f"{_VENDOR_KEYS}.FETCH_SECONDS", "503: the vendor sends it again"),
    Bound("silence within a body", f"{_ROUTES}.limits.BODY_SILENCE_SECONDS", "408"),
    Bound("body that is no upload, until it is there", f"{_ROUTES}.limits.BODY_SECONDS", "408"),
    Bound("silence of a reader", f"{_ROUTES}.limits.READER_SILENCE_SECONDS", "the answer is given up"),
    Bound("followers, by HTTP and gRPC", "setting:gateway.event_streams_limit", "{RATE_LIMITED}"),
    Bound(
        "requests at once that have a picture in their body",
        "reelmesh_gateway.usecases.places.LARGE_BODIES_LIMIT",
        "{UNAVAILABLE}",
    ),
    Bound("files of a form at /v1", f"{_ROUTES}.openai_bodies.FORM_FILES_LIMIT", "{INVALID_ARGUMENT}"),
    Bound("fields of a form at /v1", f"{_ROUTES}.openai_bodies.FORM_FIELDS_LIMIT", "{INVALID_ARGUMENT}"),
    Bound("videos of a page at /v1", "reelmesh_gateway.wire.openai.LARGEST_PAGE", "{INVALID_ARGUMENT}"),
    Bound("name of a model at /v1", f"{_DIALECT}.LONGEST_MODEL_CHARACTERS", "{NOT_FOUND}"),
    Bound("address of a picture", f"{_DIALECT}.LONGEST_URL_CHARACTERS", "{INVALID_ARGUMENT}"),
    Bound("times that it leads on", "reelmesh_gateway.adapters.web.MOST_REDIRECTS", "{INVALID_ARGUMENT}"),
    Bound("fetching it", "reelmesh_gateway.adapters.web.FETCH_SECONDS", "{INVALID_ARGUMENT}"),
    Bound(
        "pause that polling clients are asked for",
        "reelmesh_gateway.wire.openai.SHORTEST_POLL_MS",
        "not less, however soon the video is there",
    ),
    Bound(
        "pause that polling clients are asked for",
        "reelmesh_gateway.wire.openai.LONGEST_POLL_MS",
        "not more, however long it takes",
    ),
    Bound("downloads, by HTTP and gRPC", "setting:gateway.downloads_limit", "{UNAVAILABLE}"),
    Bound("API key as presented", "reelmesh_gateway.model.keys.KEY_LIMIT_CHARACTERS", "{UNAUTHENTICATED}"),
    Bound(
        "name of a key or tenant",
        "reelmesh_gateway.model.keys.NAME_LIMIT_CHARACTERS",
        "`reelmesh keys add` refuses it",
    ),
    Bound(
        "file of the keys",
        "reelmesh_gateway.adapters.key_file.FILE_LIMIT_BYTES",
        "`reelmesh keys add` refuses one more: revoke old ones",
    ),
    Bound(
        "keys whose rate is remembered",
        "reelmesh_gateway.usecases.entrance.BUCKETS_LIMIT",
        "those not used for longest begin anew with a full burst",
    ),
    Bound(
        "links that one answer signs", "reelmesh_gateway.usecases.assets.SIGNATURES_LIMIT", "further files have none"
    ),
    Bound("sentence of an error", "reelmesh_gateway.wire.errors.MESSAGE_LIMIT_CHARACTERS", _CUT),
    Bound("problems that one error names", "reelmesh_gateway.wire.errors.PROBLEMS_LIMIT", "the first ones"),
    Bound("field that an error names", "reelmesh_gateway.wire.errors.FIELD_LIMIT_CHARACTERS", _CUT),
    Bound("connections to the admin port", "reelmesh_kit.admin.CONNECTIONS_LIMIT", "503"),
)

GRPC = (
    Bound("connections to a service", f"{_RPC}.CONNECTIONS_LIMIT", "no further one is taken"),
    Bound("calls of a service at once", f"{_RPC}.CONCURRENT_CALLS_LIMIT", "RESOURCE_EXHAUSTED, to be tried again"),
    Bound("streams of one connection", f"{_RPC}.CONCURRENT_STREAMS_LIMIT", "the client waits with the next"),
    Bound("message", f"{_RPC}.MESSAGE_LIMIT_BYTES", "RESOURCE_EXHAUSTED"),
    Bound("metadata of a call", f"{_RPC}.METADATA_LIMIT_BYTES", "{TOO_LARGE}"),
    Bound("fields of metadata", f"{_RPC}.METADATA_FIELDS_LIMIT", "{TOO_LARGE}"),
    Bound("request of a call, until it is there", f"{_RPC}.MESSAGE_SECONDS", "{DEADLINE_EXCEEDED}"),
    Bound("what a stream sends ahead of its reader", f"{_RPC}.STREAM_WINDOW_BYTES", "the sender waits"),
    Bound("what is read after a refusal", f"{_RPC}.LINGER_LIMIT_BYTES", "the stream is broken off"),
    Bound("followers of health and reflection", f"{_RPC}.FOLLOWERS_LIMIT", "{UNAVAILABLE}"),
    Bound("followers at one orchestrator", "setting:orchestrator.followers_limit", "{UNAVAILABLE}"),
    Bound(
        "notes that a follower may fall behind",
        "reelmesh_orchestrator.adapters.progress.NOTES_LIMIT",
        "progress is dropped; events come from the record",
        also=("reelmesh_kit.bus.client.NOTES_LIMIT",),
    ),
    Bound("time between two pings of a client", f"{_RPC}.SHORTEST_PING_INTERVAL_SECONDS", "the server hangs up"),
    Bound("answer to a ping", f"{_RPC}.KEEPALIVE_TIMEOUT_SECONDS", "the connection counts as broken"),
    Bound(
        "life of a connection", f"{_RPC}.CONNECTION_AGE_SECONDS", "no new calls; open ones go on, streams for an hour"
    ),
    Bound("message of an error", "reelmesh_kit.rpc.status.MESSAGE_LIMIT_CHARACTERS", _CUT),
    Bound("value in an error's metadata", "reelmesh_kit.rpc.status.METADATA_VALUE_LIMIT_CHARACTERS", _CUT),
    Bound("entries of an error's metadata", "reelmesh_kit.rpc.status.METADATA_ENTRIES_LIMIT", "the first ones"),
    Bound(
        "call between services",
        "setting:gateway.rpc_timeout_seconds",
        "{DEADLINE_EXCEEDED}",
        also=(
            *(f"setting:{each}.rpc_timeout_seconds" for each in ("storage", "orchestrator", "media", "provider-local")),
            "reelmesh_kit.rpc.client.TIMEOUT_SECONDS",
        ),
    ),
    Bound("tries of a call that is safe to repeat", f"{_RPC}.RETRY_ATTEMPTS", "{UNAVAILABLE}"),
    Bound("wait between two of them", f"{_RPC}.LONGEST_RETRY_SECONDS", "it grows up to this"),
    Bound(
        "streams that break before they told anything",
        "reelmesh_gateway.usecases.watching.REOPENINGS_LIMIT",
        "the follower is told {UNAVAILABLE}",
    ),
    Bound(
        "reads of a file that break",
        "reelmesh_gateway.usecases.assets.READ_REPEATS_LIMIT",
        "the download breaks off; the client goes on where it stopped",
    ),
)

CLIENT = (
    Bound("answer to a call", "reelmesh_client.client.TIMEOUT_SECONDS", "asked again, if that is safe"),
    Bound("upload of an image", "reelmesh_client.client.UPLOAD_TIMEOUT_SECONDS", "asked again"),
    Bound("tries of a call that is safe to repeat", "reelmesh_client.retrying.Backoff.tries", "the error is raised"),
    Bound("wait between two tries", "reelmesh_client.retrying.Backoff.longest_wait_seconds", "it grows up to this"),
    Bound(
        "wait for a full queue in all",
        "reelmesh_client.retrying.Backoff.full_patience_seconds",
        "`QueueFull` is raised; the command line ends with 4",
    ),
    Bound("silence of a mesh that is followed", "reelmesh_client.watching.PATIENCE_SECONDS", "the error is raised"),
    Bound("image that is read", "reelmesh_client.transfer.LARGEST_UPLOAD_BYTES", "`TooLarge` is raised"),
    Bound("generations that `reelmesh list` shows", "reelmesh_client.commands.reading.LISTED_MOST", "refused"),
    Bound("jobs that `reelmesh recover` lists", "reelmesh_client.commands.recovering.LISTED_MOST", "refused"),
    Bound("letters that `reelmesh dead-letters` shows", "reelmesh_standalone.commands.doors._MOST_LETTERS", "refused"),
)
