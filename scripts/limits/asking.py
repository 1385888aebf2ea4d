"""The bounds that somebody meets who asks for something."""

from scripts.limits.bound import Bound

_REQUEST = "reelmesh_orchestrator.model.request"
_REPEATS = "reelmesh_orchestrator.model.repeats"
_GENERATIONS = "reelmesh_orchestrator.usecases.generations"
_IMAGES = "reelmesh_media.model.images"
_INVALID = "{INVALID_ARGUMENT}"

GENERATIONS = (
    Bound(
        "prompt",
        f"{_REQUEST}.LONGEST_PROMPT_CHARACTERS",
        _INVALID,
        also=("reelmesh_provider_local.rendering.model.MAX_PROMPT_CHARACTERS",),
    ),
    Bound("negative prompt", f"{_REQUEST}.LONGEST_NEGATIVE_PROMPT_CHARACTERS", _INVALID),
    Bound("idempotency key", f"{_REQUEST}.LONGEST_REQUEST_ID_CHARACTERS", _INVALID),
    Bound(
        "time in which a repeated call is known that has no key",
        f"{_REPEATS}.WINDOW_SECONDS",
        "what comes later is a call of its own; each repeat prolongs it",
    ),
    Bound(
        "generations of calls with the same content, while they may be repeated",
        f"{_REPEATS}.MOST_TWINS",
        "the oldest is forgotten: its repeat gets what a younger one made",
    ),
    Bound("repeats of a call", f"{_REPEATS}.MOST_REPEATS", _INVALID),
    Bound("video", f"{_REQUEST}.SHORTEST_VIDEO_SECONDS", _INVALID),
    Bound("video", f"{_REQUEST}.LONGEST_VIDEO_SECONDS", _INVALID),
    Bound("shots that a video is planned of", "reelmesh_orchestrator.model.planning.MOST_SHOTS", "{NO_CANDIDATE}"),
    Bound(
        "what a clip has more than its shot, in parts of it",
        "reelmesh_orchestrator.model.routing.LARGEST_SURPLUS",
        "struck from the route; nothing is too long for what nobody else makes",
    ),
    Bound("side of the picture", f"{_REQUEST}.SMALLEST_SIDE_PIXELS", _INVALID),
    Bound("side of the picture", f"{_REQUEST}.LARGEST_SIDE_PIXELS", f"{_INVALID}; providers offer less"),
    Bound("longer side by the shorter", f"{_REQUEST}.WIDEST_ASPECT", _INVALID, unit="to 1"),
    Bound("reference images of a generation", f"{_REQUEST}.MOST_REFERENCES", _INVALID),
    Bound("labels of a generation", f"{_REQUEST}.MOST_LABELS", _INVALID),
    Bound("key of a label", f"{_REQUEST}.LONGEST_LABEL_KEY_CHARACTERS", _INVALID),
    Bound("value of a label", f"{_REQUEST}.LONGEST_LABEL_VALUE_CHARACTERS", _INVALID),
    Bound(
        "user id",
        f"{_REQUEST}.LONGEST_USER_ID_CHARACTERS",
        _INVALID,
        also=("reelmesh_gateway.usecases.assets.USER_ID_LIMIT_CHARACTERS",),
    ),
    Bound("`max_cost_micros`", f"{_REQUEST}.LARGEST_COST_MICROS", _INVALID),
    Bound("seed", f"{_REQUEST}.LARGEST_SEED", _INVALID, also=("reelmesh_gateway.wire.openai_request.LARGEST_SEED",)),
    Bound("priority", f"{_REQUEST}.HIGHEST_PRIORITY", _INVALID),
    Bound("creates of one key, in the long run", "setting:gateway.creates_per_minute", "{RATE_LIMITED}", "a minute"),
    Bound("creates of one key, at once", "setting:gateway.creates_burst", "{RATE_LIMITED}"),
    Bound("unfinished generations of a tenant", "setting:orchestrator.most_open_generations", "{QUEUE_FULL}"),
    Bound(
        "unfinished generations of all tenants",
        "setting:orchestrator.most_open_generations_in_all",
        "{QUEUE_FULL}, also for a retry; counted once a second, so that several orchestrators may pass it by what the "
        "others admit in a second",
    ),
    Bound(
        "what the answer to one create too many asks to wait",
        "reelmesh_orchestrator.model.crowd.SHORTEST_WAIT_SECONDS",
        "not less, however fast the queue drains",
    ),
    Bound(
        "what the answer to one create too many asks to wait",
        "reelmesh_orchestrator.model.crowd.LONGEST_WAIT_SECONDS",
        "not more, however slowly the queue drains",
    ),
    Bound("generations of a page", f"{_GENERATIONS}.LARGEST_PAGE", "a page of so many, and a token for the next"),
    Bound(
        "events of a page",
        f"{_GENERATIONS}.LARGEST_EVENT_PAGE",
        "a page of so many; `after_sequence` gets the next",
        also=("reelmesh_orchestrator.servicer.events.LARGEST_PAGE",),
    ),
    Bound(
        "place in the queue that is told",
        "reelmesh_orchestrator.adapters.sql.queueing.FARTHEST_PLACE",
        "whoever is farther back is told this one",
    ),
)

IMAGES = (
    Bound("file of a reference image, as it is taken in", "setting:gateway.upload_limit_bytes", "{TOO_LARGE}"),
    Bound("file of a reference image, as it is decoded", f"{_IMAGES}.MAX_IMAGE_BYTES", "{BROKEN_MEDIA}"),
    Bound(
        "pixels of a reference image",
        f"{_IMAGES}.MAX_IMAGE_PIXELS",
        "{BROKEN_MEDIA}",
        also=("reelmesh_provider_local.rendering.pictures.MAX_PIXELS",),
    ),
    Bound(
        "side of a reference image",
        f"{_IMAGES}.MAX_IMAGE_SIDE",
        "{BROKEN_MEDIA}",
        unit="pixels",
        also=("reelmesh_provider_local.rendering.pictures.MAX_SIDE_PIXELS",),
    ),
    Bound("scans of a JPEG", f"{_IMAGES}.MAX_JPEG_SCANS", "{BROKEN_MEDIA}: it is made to take long"),
    Bound("life of a reference image", "reelmesh_storage.model.asset.REFERENCE_LIFE", "{ASSET_UNUSABLE}; it is swept"),
    Bound("an upload in all", "setting:gateway.upload_timeout_seconds", "{DEADLINE_EXCEEDED}; by HTTP 408"),
)
