"""Google Cloud Storage's JSON API over what a vendor put into buckets: listed by prefix, looked at, downloaded.

Every bucket exists. An object is there as soon as its clip was made, and stays, whatever becomes of the operation that
made it: so an operation whose name was lost is found by the prefix that it was told to write to.
"""

import base64
import hashlib
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from starlette import requests, responses, routing

from reelmesh_simulators import orders, serving, vendor
from reelmesh_simulators.dialects import google
from reelmesh_simulators.faults import Fault

LARGEST_PAGE = 1000
_REASONS = {400: "invalid", 401: "authError", 403: "forbidden", 404: "notFound"}


@dataclass(frozen=True, slots=True)
class Object:
    """A clip in a bucket: the `number`th of its job."""

    bucket: str
    name: str
    look: vendor.Look
    number: int


def uri_of(job: orders.Job, number: int) -> str:
    """Return where a clip of a job lies: `gs://…`, in a folder of its own under what the caller named."""
    # The folder's name must not tell the job's, which the caller may have lost.
    folder = hashlib.sha256(job.job_id.encode()).digest()
    prefix: str = job.order.told["storage_uri"]
    return f"{prefix.rstrip('/')}/{int.from_bytes(folder[:8]) % 10**19:019d}/sample_{number}.mp4"


def objects(looks: Sequence[vendor.Look]) -> Iterator[Object]:
    """Return what lies in all buckets of these jobs."""
    for look in looks:
        if not look.job.order.told.get("storage_uri"):
            continue
        for number in range(look.job.made(look.now)):
            bucket, _, name = uri_of(look.job, number).removeprefix("gs://").partition("/")
            yield Object(bucket, name, look, number)


class Storage:
    """The buckets of everybody who orders from a vendor."""

    def __init__(self, seller: vendor.Vendor) -> None:
        """Show what `seller` made."""
        self._vendor = seller

    def routes(self) -> Sequence[routing.BaseRoute]:
        """Return what it answers to."""
        one = "/storage/v1/b/{bucket}/o/{name:path}"
        return [
            routing.Route("/storage/v1/b/{bucket}/o", self._answering(self._list), methods=["GET"]),
            routing.Route(one, self._answering(self._get), methods=["GET"]),
            routing.Route(f"/download{one}", self._answering(self._get), methods=["GET"]),
        ]

    def _answering(self, answer: Any) -> Any:
        async def answered(request: requests.Request) -> responses.Response:
            if not google.bearer(request):
                return failure(401, "Anonymous caller does not have storage.objects access to the bucket.")
            try:
                made: responses.Response = await answer(request)
            except google.Refused as refused:
                return failure(refused.status, refused.message)
            except vendor.Spoiled as spoilt:
                if spoilt.fault is Fault.LOST:
                    return failure(404, f"No such object: {request.path_params['bucket']}")
                if spoilt.fault is Fault.EXPIRED:
                    return failure(403, "The caller does not have storage.objects.get access to the object.")
                raise
            return made

        return answered

    async def _list(self, request: requests.Request) -> responses.Response:
        asked, bucket = request.query_params, request.path_params["bucket"]
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        most = asked.get("maxResults", str(LARGEST_PAGE))
        if not most.isdigit() or int(most) == 0:
            raise google.Refused(f"Invalid unsigned integer: {most}")
        found = [one for one in objects(self._vendor.stored()) if one.bucket == bucket and one.name.startswith(prefix)]
        found.sort(key=lambda one: one.name)
        folders = {_folder(one.name, prefix, delimiter) for one in found} - {""}
        items = [one for one in found if not _folder(one.name, prefix, delimiter)]
        after = _name_in(asked.get("pageToken", ""))
        items = [one for one in items if one.name > after]
        page = items[: min(int(most), LARGEST_PAGE)]
        answer: dict[str, Any] = {"kind": "storage#objects"}
        if len(page) < len(items):
            answer["nextPageToken"] = base64.b64encode(page[-1].name.encode()).decode()
        if folders:
            answer["prefixes"] = sorted(folders)
        if page:
            answer["items"] = [await _shown(request, one) for one in page]
        return responses.JSONResponse(answer)

    async def _get(self, request: requests.Request) -> responses.Response:
        bucket, name = request.path_params["bucket"], request.path_params["name"]
        one = self._found(bucket, name)
        if one is None:
            raise google.Refused(f"No such object: {bucket}/{name}", 404)
        if request.query_params.get("alt") != "media":
            return responses.JSONResponse(await _shown(request, one))
        content = await self._vendor.content(one.look, one.number)
        truncated = self._vendor.truncated(one.look.job)
        return serving.Bytes(request, content, "video/mp4", truncated=truncated)

    def _found(self, bucket: str, name: str) -> Object | None:
        now = self._vendor.now
        looks = [vendor.seen(job, now) for job in self._vendor.ledger.all_jobs()]
        return next((one for one in objects(looks) if (one.bucket, one.name) == (bucket, name)), None)


def failure(status: int, message: str) -> responses.Response:
    """Return an error as the JSON API has them."""
    reason = {"message": message, "domain": "global", "reason": _REASONS[status]}
    return responses.JSONResponse({"error": {"code": status, "message": message, "errors": [reason]}}, status)


def _folder(name: str, prefix: str, delimiter: str) -> str:
    """Return what stands for an object that lies deeper than is looked; empty where it does not."""
    head, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
    return f"{prefix}{head}{delimiter}" if found else ""


def _name_in(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except ValueError:
        raise google.Refused(f"Invalid page token: {token}") from None


async def _shown(request: requests.Request, one: Object) -> dict[str, Any]:
    content = await vendor.made_of(one.look.job, one.number)
    path = f"{one.bucket}/o/{urllib.parse.quote(one.name, safe='')}"
    made, generation = google.time_of(one.look.job.ends), str(int(one.look.job.ends * 1e6))
    return {
        "kind": "storage#object",
        "id": f"{one.bucket}/{one.name}/{generation}",
        "selfLink": f"{request.base_url}storage/v1/b/{path}",
        "mediaLink": f"{request.base_url}download/storage/v1/b/{path}?generation={generation}&alt=media",
        "name": one.name,
        "bucket": one.bucket,
        "generation": generation,
        "metageneration": "1",
        "contentType": "video/mp4",
        "storageClass": "STANDARD",
        "size": str(len(content)),
        "md5Hash": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
        "timeCreated": made,
        "updated": made,
    }
