"""Bodies of OpenAI's dialect, read whole: forms with a file, or JSON."""

import json
from typing import Any, cast

import fastapi
from starlette import datastructures
from starlette import exceptions as starlette_exceptions

from reelmesh_gateway.routes import limits
from reelmesh_gateway.wire import openai
from reelmesh_gateway.wire import openai_request as wire

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
JSON = "application/json"
FORM_FILES_LIMIT = 2
FORM_FIELDS_LIMIT = 20


async def read(request: fastapi.Request, upload_limit_bytes: int) -> wire.Fields:
    """Return the fields of a body; each may have a picture of `upload_limit_bytes` in it, in base64.

    Raises:
        openai.Refused: there are none to be had.
        ClientDisconnect: the caller left.
    """
    content_type = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if content_type in FORMS:
        return await _form(request, limits.in_base64(upload_limit_bytes))
    if content_type != JSON:
        raise openai.Refused(f"Unsupported content type: send {JSON} or {FORMS[0]}.", None, "unsupported_content_type")
    return _json(await request.body())


async def _form(request: fastapi.Request, largest_field_bytes: int) -> wire.Fields:
    found: dict[str, Any] = {}
    try:
        async with request.form(
            max_files=FORM_FILES_LIMIT, max_fields=FORM_FIELDS_LIMIT, max_part_size=largest_field_bytes
        ) as form:
            for name, value in form.multi_items():
                if name in found:
                    raise openai.Refused(f"'{name[:100]}' comes twice.", name[:100], "invalid_value")
                found[name] = value if isinstance(value, str) else await _file(value)
    except starlette_exceptions.HTTPException as error:
        raise openai.Refused(f"We could not parse the form of your request: {error.detail}") from error
    return found


async def _file(value: datastructures.UploadFile) -> wire.File:
    return wire.File(await value.read())


def _json(content: bytes) -> wire.Fields:
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise openai.Refused("We could not parse the JSON body of your request.") from error
    if not isinstance(fields, dict):
        raise openai.Refused("We could not parse the body of your request: it is no JSON object.")
    return cast(wire.Fields, fields)
