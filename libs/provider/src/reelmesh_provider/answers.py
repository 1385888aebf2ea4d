"""Reading what vendors answer over HTTP, leniently: what every dialect's `wire.py` begins with."""

import json
import math
from collections.abc import Mapping
from typing import Any, cast

Json = Mapping[str, Any]
# What a message repeats of an answer that cannot be read.
_SHOWN_CHARACTERS = 300


def json_object(text: str) -> Json | None:
    """Return the JSON object that a body is; None where it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return cast(Json, found) if isinstance(found, dict) else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait; None where it names none."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None


def shown(text: str) -> str:
    """Return the beginning of a body, as a message may repeat it."""
    return repr(text[:_SHOWN_CHARACTERS])
