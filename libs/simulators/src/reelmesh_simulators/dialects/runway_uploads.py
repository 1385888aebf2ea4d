"""Files for Runway: an address to send one to, and the URI that requests name it by for a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette import datastructures, requests, responses

from reelmesh_simulators import vendor
from reelmesh_simulators.dialects.runway_media import UPLOADED
from reelmesh_simulators.dialects.runway_words import Refused, storage_error
from reelmesh_simulators.dialects.shapes import Choice, Shape, Text

PATH = "/uploads/{upload_id}"
BODY: Shape = {"filename": Text(255, required=True), "type": Choice(("ephemeral",), required=True)}
VALID_SECONDS = 24 * 3600
LARGEST_BYTES = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Upload:
    account: str
    until: float
    received: bool = False


class Uploads:
    """Every file that is valid. They are forgotten with the process, and so are their bytes: nobody looks at them."""

    def __init__(self, seller: vendor.Vendor) -> None:
        """Take files by the clock of `seller`."""
        self._vendor = seller
        self._known: dict[str, _Upload] = {}

    def begun(self, account: str, base_url: str) -> Mapping[str, Any]:
        """Return where a file is to be sent, with which fields before it, and how it is named from then on."""
        now = self._vendor.now
        self._known = {known: upload for known, upload in self._known.items() if upload.until > now}
        upload_id = self._vendor.ids.fresh().hex
        self._known[upload_id] = _Upload(account, now + VALID_SECONDS)
        return {
            "uploadUrl": base_url.rstrip("/") + PATH.format(upload_id=upload_id),
            "fields": {"key": f"ephemeral/{upload_id}", "policy": "c2ltdWxhdGVk"},
            "runwayUri": f"{UPLOADED}{upload_id}",
        }

    async def received(self, request: requests.Request) -> responses.Response:
        """Take a file as a bucket does that was signed for: the fields first, as they were told, the file last."""
        upload_id = request.path_params["upload_id"]
        upload = self._known.get(upload_id)
        async with request.form() as form:
            items = form.multi_items()
            told = {name: value for name, value in items if isinstance(value, str)}
            file = items[-1][1] if items else None
            size = file.size if isinstance(file, datastructures.UploadFile) else None
        if upload is None or upload.until <= self._vendor.now or told.get("key") != f"ephemeral/{upload_id}":
            return storage_error(403, "AccessDenied", "Invalid according to Policy")
        if size is None or items[-1][0] != "file":
            return storage_error(
                400, "InvalidArgument", "POST requires exactly one file upload per request, at its end."
            )
        if size > LARGEST_BYTES:
            return storage_error(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
        self._known[upload_id] = replace(upload, received=True)
        return responses.Response(status_code=204)

    def check(self, account: str, uris: Sequence[str]) -> None:
        """See to it that each upload that a request names is there.

        Raises:
            Refused: one is not, was not sent yet, has expired, or is somebody else's.
        """
        for uri in uris:
            if not uri.startswith(UPLOADED):
                continue
            upload = self._known.get(uri.removeprefix(UPLOADED))
            if upload is None or not upload.received or upload.account != account or upload.until <= self._vendor.now:
                message = f"The upload {uri} does not exist or has expired."
                raise Refused.because([{"code": "custom", "path": [], "message": message}])
