"""Where an account's requests go, and where in its bucket the clips of an attempt land; pure."""

import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

GLOBAL = "https://aiplatform.googleapis.com"
STORAGE = "https://storage.googleapis.com"
DEFAULT_LOCATION = "us-central1"
VERSION = "v1"
# Everything that this provider writes, and all that it ever lists.
FOLDER = "reelmesh/"
_OPTIONS = ("project", "location", "bucket", "storage_endpoint")
_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "project": re.compile(r"[a-z0-9][a-z0-9.:-]{0,62}"),
    "location": re.compile(r"[a-z0-9][a-z0-9-]{0,62}"),
    "bucket": re.compile(r"[a-z0-9][a-z0-9._-]{1,221}"),
    "storage_endpoint": re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?"),
}
_NEEDED: Mapping[str, str] = {
    "project": "the Google Cloud project that is billed",
    "bucket": "a Cloud Storage bucket for its clips: without one Veo answers with the bytes alone, and a request "
    "whose answer is lost could never be found again",
}
_OPERATION = re.compile(
    r"(?P<model>projects/[^/\s?#]+/locations/(?P<location>[a-z0-9-]+)/publishers/google/models/[^/\s?#:]+)"
    r"/operations/[^/\s?#]+"
)
_OUTPUT = re.compile(r"gs://(?P<bucket>[a-z0-9][a-z0-9._-]{1,221})/(?P<name>[^\r\n]+)")
_OURS = re.compile(re.escape(FOLDER) + r"(?P<attempt_id>[0-9a-f-]{36})/(?P<model>[^/]+)/.+\.mp4")


class Unplaced(Exception):
    """The account does not say where it is; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Output:
    """A clip in a bucket."""

    bucket: str
    name: str

    @property
    def uri(self) -> str:
        """`gs://…`, which is also the id of a job that was found by it."""
        return f"gs://{self.bucket}/{self.name}"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation by its name; `model` is the resource that is asked about it."""

    name: str
    model: str
    location: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where an account is. Tokens go to `api` and `storage` alone."""

    endpoint: str
    storage: str
    project: str
    location: str
    bucket: str

    def api(self, location: str) -> str:
        """Return the endpoint of a location; an account that names an endpoint has that one for all."""
        if self.endpoint != GLOBAL or location == "global":
            return self.endpoint
        return f"https://{location}-aiplatform.googleapis.com"

    def create_url(self, model: str) -> str:
        """Return where a video is asked for."""
        name = f"projects/{self.project}/locations/{self.location}/publishers/google/models/{model}"
        return f"{self.api(self.location)}/{VERSION}/{name}:predictLongRunning"

    def look_url(self, operation: Operation) -> str:
        """Return where an operation is asked about."""
        return f"{self.api(operation.location)}/{VERSION}/{operation.model}:fetchPredictOperation"

    def list_url(self) -> str:
        """Return where the bucket is listed."""
        return f"{self.storage}/storage/v1/b/{self.bucket}/o"

    def object_url(self, output: Output) -> str:
        """Return where an object is looked at and, with alt=media, read."""
        return f"{self.storage}/storage/v1/b/{output.bucket}/o/{urllib.parse.quote(output.name, safe='')}"

    def storage_uri(self, attempt_id: str, model: str) -> str:
        """Return where Veo shall write the clip of an attempt."""
        return f"gs://{self.bucket}/{prefix_of(attempt_id)}{model}/"


def prefix_of(attempt_id: str) -> str:
    """Return what the names of an attempt's objects begin with."""
    return f"{FOLDER}{attempt_id}/"


def place_of(account_id: str, endpoint: str, options: Mapping[str, str]) -> Place:
    """Return where an account is, by its endpoint (GLOBAL unless it has one of its own) and its options.

    Raises:
        Unplaced: its options do not say.
    """
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise Unplaced(
            f"account {account_id} has the unknown option {unknown[0]!r}; options of Veo are {', '.join(_OPTIONS)}"
        )
    for name, purpose in _NEEDED.items():
        if not options.get(name):
            raise Unplaced(f"account {account_id} needs the option {name!r} in accounts.yaml: {purpose}")
    told = {"location": DEFAULT_LOCATION, "storage_endpoint": STORAGE, **options}
    for name, pattern in _PATTERNS.items():
        if not pattern.fullmatch(told[name]):
            raise Unplaced(f"account {account_id}: option {name!r} cannot be {told[name]!r}")
    return Place(endpoint, told["storage_endpoint"].rstrip("/"), told["project"], told["location"], told["bucket"])


def operation_of(job_id: str) -> Operation | None:
    """Return the operation that a job's id names; None where it names none."""
    found = _OPERATION.fullmatch(job_id)
    return Operation(job_id, found["model"], found["location"]) if found else None


def output_of(text: str) -> Output | None:
    """Return the object that a job's id, or an answer, names; None where it names none."""
    found = _OUTPUT.fullmatch(text)
    return Output(found["bucket"], found["name"]) if found else None


def whose(output: Output) -> tuple[str, str] | None:
    """Return the attempt and the model of a clip of ours; None where it is none."""
    found = _OURS.fullmatch(output.name)
    return (found["attempt_id"], found["model"]) if found else None
