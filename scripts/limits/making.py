"""The bounds of those who make: workers of providers, the local renderer, media."""

from scripts.limits.bound import Bound

_VIDEO = "reelmesh_media.model.video"
_BOXES = "reelmesh_media.engine.boxes"
_PROBE = "reelmesh_media.engine.probe"
_LANES = "reelmesh_media.model.lanes"
_RENDER = "reelmesh_provider_local.rendering.model"
_REFUSED = "the clip is refused; its shot is made again, or falls back"
_SILENT = "the track is left out"
_KILLED = "its process ends; the step is run again"

WORKERS = (
    Bound("submits of a worker at once", "setting:provider-local.submit_slots", "it takes no more tasks"),
    Bound("submit", "setting:provider-local.submit_timeout_seconds", "in doubt: it is looked for"),
    Bound("attempts that a worker watches", "setting:provider-local.watch_limit", "others watch the rest"),
    Bound("fetches of a worker at once", "setting:provider-local.fetch_slots", "the next wait at the provider"),
    Bound(
        "clip of a provider",
        "setting:provider-local.largest_clip_bytes",
        "the rest is not fetched; the attempt is BROKEN",
    ),
    Bound(
        "times in a row that nothing lies where a provider said that a clip is",
        "reelmesh_provider.downloads.TRIES_OF_WHAT_IS_NOT_THERE",
        "the clip is lost, and paid",
    ),
    Bound("reference image for a provider", "reelmesh_provider.adapters.mesh.LARGEST_PICTURE_BYTES", "not submitted"),
    Bound(
        "reference image within a request to Runway, encoded",
        "reelmesh_provider_runway.wire.LARGEST_DATA_URI_BYTES",
        "it is uploaded before the request",
    ),
    Bound(
        "answer of Gemini Omni, a clip of at most some 4 MB in it",
        "reelmesh_provider_omni.provider.LARGEST_ANSWER_BYTES",
        "not read: asked again",
    ),
    Bound(
        "reference images for Gemini Omni", "reelmesh_provider_omni.wire.MOST_REFERENCES", "refused; the next candidate"
    ),
    Bound("storing a clip", "reelmesh_provider.adapters.mesh.PUT_TIMEOUT_SECONDS", "it is fetched again"),
    Bound("reading an image", "reelmesh_provider.adapters.mesh.READ_TIMEOUT_SECONDS", "not submitted; tried again"),
    Bound("probing a clip", "reelmesh_provider.adapters.mesh.PROBE_TIMEOUT_SECONDS", "probed again"),
    Bound("one asking for the leave to submit", "reelmesh_provider.adapters.mesh.BEGIN_TIMEOUT_SECONDS", "asked again"),
    Bound("asking for the leave to submit in all", "reelmesh_provider.gate.BEGIN_PATIENCE_SECONDS", "not submitted"),
    Bound(
        "pause between two polls of a provider", "reelmesh_provider.model.polling.SHORTEST_DELAY_SECONDS", "not less"
    ),
    Bound(
        "pause after a provider's failures",
        "reelmesh_provider.model.polling.LONGEST_BACKOFF_SECONDS",
        "it grows up to this",
    ),
    Bound(
        "pause that a provider asks for between two polls",
        "reelmesh_provider.model.polling.LONGEST_HINT_SECONDS",
        "not more; it is asked again",
    ),
    Bound(
        "nudges about jobs that a worker does not know yet",
        "reelmesh_provider.worker.nudges.NUDGES_LIMIT",
        "the oldest goes; the job is polled",
    ),
    Bound(
        "jobs whose place in a server's list is known",
        "reelmesh_provider_sora.model.pages.MOST_REMEMBERED",
        "the oldest goes; it is looked for in the list again",
    ),
    Bound("redirects of a clip's address", "reelmesh_provider.downloads.MOST_REDIRECTS", "it is fetched again"),
    Bound(
        "pages of a server's list",
        "reelmesh_provider_sora.provider.MOST_PAGES",
        "the list is not complete: what it lacks is looked for again",
    ),
    Bound(
        "pages of fal.ai's list",
        "reelmesh_provider_fal.provider.MOST_PAGES",
        "the list is not complete: what it lacks is looked for again",
    ),
    Bound(
        "requests in a page of fal.ai's list", "reelmesh_provider_fal.wire.LARGEST_PAGE", "the next page is asked for"
    ),
    Bound(
        "endpoints of all models at fal.ai together",
        "reelmesh_provider_fal.forms.MOST_ENDPOINTS",
        "the service does not start",
    ),
    Bound(
        "wait in fal.ai's queue",
        "reelmesh_provider_fal.wire.START_SECONDS",
        "fal ends it, unpaid: the next candidate",
    ),
    Bound(
        "pages of the list of Veo's bucket",
        "reelmesh_provider_veo.buckets.MOST_PAGES",
        "the list is not complete: what it lacks is looked for again",
    ),
    Bound(
        "attempts whose operation a worker for Veo knows",
        "reelmesh_provider_veo.provider.MOST_REMEMBERED",
        "the oldest goes; its clip is told by where it lies",
    ),
    Bound("reference images for Veo", "reelmesh_provider_veo.wire.MOST_REFERENCES", "refused; the next candidate"),
    Bound(
        "fetches of what is no video",
        "reelmesh_provider.worker.ingesting.FETCHES_OF_WHAT_IS_NO_VIDEO",
        "what the provider has is no video: the next candidate",
    ),
    Bound(
        "each of the two files of a journal", "reelmesh_provider.adapters.journal.RETAINED_BYTES", "the older one goes"
    ),
)

LOCAL = (
    Bound("renders at once", "setting:provider-local.local_render_processes", "the next jobs wait"),
    Bound("clip", f"{_RENDER}.MIN_DURATION_SECONDS", "not offered"),
    Bound(
        "clip", "setting:provider-local.local_longest_seconds", "not offered", also=(f"{_RENDER}.MAX_DURATION_SECONDS",)
    ),
    Bound("side of the picture", f"{_RENDER}.MIN_SIDE_PIXELS", "not offered"),
    Bound("longer side of the picture", f"{_RENDER}.MAX_LONG_SIDE_PIXELS", "not offered"),
    Bound("shorter side of the picture", f"{_RENDER}.MAX_SHORT_SIDE_PIXELS", "not offered"),
    Bound("images of a clip", f"{_RENDER}.MAX_IMAGES", "not offered"),
    Bound(
        "render", "reelmesh_provider_local.wire.LONGEST_RENDER_SECONDS", "a submit in doubt holds its slot no longer"
    ),
    Bound("renders of a job that kill their process", "reelmesh_provider_local.studio.TRIES", "the job fails"),
    Bound("jobs and clips that are kept", "setting:provider-local.local_results_kept_hours", "deleted"),
    Bound("jobs of one list", "reelmesh_provider_local.jobs.LISTED_JOBS", "the list says that it is not complete"),
)

MEDIA = (
    Bound("ladders that wait", f"{_LANES}.ladder_lane(2).waiting", "the step comes back later"),
    Bound("memory of a ladder", f"{_LANES}.ladder_lane(2).memory_bytes", _KILLED),
    Bound("file of a ladder", f"{_LANES}.ladder_lane(2).file_bytes", "the step is run again"),
    Bound("CPU time of a ladder", f"{_LANES}.ladder_lane(2).cpu_seconds", _KILLED),
    Bound("ladder without progress", f"{_LANES}.ladder_lane(2).stall_seconds", _KILLED),
    Bound("probes, frames and images that wait", f"{_LANES}.quick_lane(2).waiting", "{UNAVAILABLE}"),
    Bound("memory of one of them", f"{_LANES}.quick_lane(2).memory_bytes", "{BROKEN_MEDIA}, after it was tried again"),
    Bound("CPU time of one of them", f"{_LANES}.quick_lane(2).cpu_seconds", "{BROKEN_MEDIA}, after it was tried again"),
    Bound("picture that is drawn", "reelmesh_media.model.sheets.PICTURE_LIMIT_BYTES", "{BROKEN_MEDIA}"),
    Bound("clips that are joined", "reelmesh_media.model.ladder.MAX_CLIPS", "the step fails"),
    Bound("clip", f"{_VIDEO}.MAX_DURATION_SECONDS", _REFUSED),
    Bound("pixels of a frame", f"{_VIDEO}.MAX_FRAME_PIXELS", _REFUSED),
    Bound("side of a frame", f"{_VIDEO}.MAX_FRAME_SIDE", _REFUSED, unit="pixels"),
    Bound("frames a second, of a clip", f"{_VIDEO}.MAX_FRAME_RATE", _REFUSED),
    Bound("frames of a clip", f"{_VIDEO}.MAX_FRAMES", _REFUSED),
    Bound("frames a second, as encoded", f"{_VIDEO}.MAX_OUTPUT_FRAME_RATE", "the nearest standard rate"),
    Bound("width of a pixel by its height", f"{_VIDEO}.MAX_PIXEL_ASPECT", _REFUSED, unit="to 1"),
    Bound("streams of a clip", f"{_VIDEO}.MAX_STREAMS", _REFUSED),
    Bound("channels of a sound track", "reelmesh_media.engine.opening.MAX_CHANNELS", _SILENT),
    Bound("sample rate of a sound track", "reelmesh_media.engine.opening.MIN_SAMPLE_RATE_HZ", _SILENT, unit="Hz"),
    Bound("sample rate of a sound track", "reelmesh_media.engine.opening.MAX_SAMPLE_RATE_HZ", _SILENT, unit="Hz"),
    Bound("boxes of an MP4", f"{_BOXES}.MAX_TOP_BOXES", _REFUSED),
    Bound("index of an MP4", f"{_BOXES}.MAX_INDEX_BYTES", _REFUSED),
    Bound("boxes in the index", f"{_BOXES}.MAX_INDEX_BOXES", _REFUSED),
    Bound("boxes within each other", f"{_BOXES}.MAX_DEPTH", "what lies deeper is not looked at"),
    Bound("samples in the index", f"{_BOXES}.MAX_SAMPLES", _REFUSED),
    Bound("edits of a track", f"{_BOXES}.MAX_EDITS", _REFUSED),
    Bound("packets of a clip", f"{_PROBE}.MAX_PACKETS", _REFUSED),
    Bound("packets before the first frame", f"{_PROBE}.MAX_PACKETS_TO_FIRST_FRAME", _REFUSED),
    Bound("share of the announced length that is there", f"{_PROBE}.SHORTEST_SHARE", _REFUSED),
    Bound("packets that cannot be decoded", "reelmesh_media.engine.frames.MAX_UNDECODABLE_PACKETS", _REFUSED),
    Bound("changes of a clip's size", "reelmesh_media.engine.frames.MAX_SHAPES", _REFUSED),
    Bound(
        "bit rate of a rendition",
        "reelmesh_media.model.ladder.MAX_ENCODE_BITS_PER_SECOND",
        "kept",
        unit="bits a second",
    ),
    Bound("files that a process may open", "reelmesh_media.engine.child.MAX_OPEN_FILES", "the step is run again"),
    Bound("threads of a codec", "reelmesh_media.engine.opening.MAX_THREADS_PER_CODEC", "kept"),
)
