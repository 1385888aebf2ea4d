"""Requests by HTTP that no client should send: each is answered by its row, and the gateway is as well as before."""

import base64
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.corpus import mesh as meshes

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(meshes.TEST_SECONDS)]

ROOT = meshes.GENERATIONS
QUOTES = "/api/v1/quotes"
RECOVERY = "/api/v1/recovery"
ORPHANS = f"{RECOVERY}/orphans"
# A place in the list of orphans whose second name is a NUL.
NUL_TOKEN = base64.urlsafe_b64encode(json.dumps(["a", "\0"]).encode()).decode()
ID = "00000000-0000-0000-0000-000000000001"
JSON = {"content-type": "application/json"}
INT32, INT64 = 2**31 - 1, 2**63 - 1
RIGHT_TO_LEFT, ZERO_WIDTH, OVERRIDE = "שלום", "\u200b\u200d\ufeff", "\u202egnp.exe"
EVERYTHING = "".join(chr(code) for code in range(1, 0x3000) if not 0xD800 <= code <= 0xDFFF)[:4000]


@dataclasses.dataclass(frozen=True)
class Row:
    """One request and what must come of it."""

    name: str
    status: int
    reason: str = ""
    """Of an error; "" where it is well."""
    words: str = ""
    """That the message must have: the field, and what to do."""
    method: str = "POST"
    path: str = ROOT
    body: Any = None
    """JSON, or bytes as they are."""
    headers: Mapping[str, str | bytes] = dataclasses.field(default_factory=dict[str, str | bytes])


def bad(name: str, words: str, body: Any, path: str = ROOT) -> Row:
    """Return a row of a body that is refused by a field."""
    return Row(name, 400, "INVALID_ARGUMENT", words, path=path, body=body)


def made(name: str, **fields: Any) -> Row:
    """Return a row of a generation that is admitted, however odd it looks."""
    return Row(name, 202, body={"prompt": "a boat", **fields})


def asked(**fields: Any) -> dict[str, Any]:
    """Return a request for a generation with a field of the test's choice."""
    return {"prompt": "a boat", **fields}


NULS = [
    bad("a NUL in the prompt", "prompt: ", asked(prompt="a\0b")),
    bad("a NUL in the user", "user_id: ", asked(user_id="a\0b")),
    bad("a NUL in a label's key", "labels: ", asked(labels={"a\0": "b"})),
    bad("a NUL in a label's value", "labels: ", asked(labels={"a": "\0"})),
    bad("a NUL in the model", "model: ", asked(model="local\0")),
    bad("a NUL in the request id", "request_id: ", asked(request_id="a\0")),
    bad("a NUL in the aspect ratio", "output.aspect_ratio: ", asked(output={"aspect_ratio": "16:9\0"})),
    bad("a NUL in a reference", "reference_asset_ids: ", asked(reference_asset_ids=["\0"])),
    bad("a NUL in a first frame", "first_frame_asset_id: ", asked(first_frame_asset_id="\0")),
    bad("a NUL in a last frame", "last_frame_asset_id: ", asked(last_frame_asset_id="\0")),
    bad("a NUL in a negative prompt", "negative_prompt: ", asked(negative_prompt="a\0b")),
    bad("a NUL in a quote", "prompt: ", asked(prompt="\0"), QUOTES),
    Row("a NUL in a filter", 400, "INVALID_ARGUMENT", "user_id: ", "GET", f"{ROOT}?user_id=a%00b"),
    Row("a NUL in a label's filter", 400, "INVALID_ARGUMENT", "labels: ", "GET", f"{ROOT}?labels=a%3D%00"),
    Row("a NUL in a label's key in a filter", 400, "INVALID_ARGUMENT", "labels: ", "GET", f"{ROOT}?labels=%00%3Da"),
    Row("a NUL in a page token", 400, "INVALID_ARGUMENT", "page_token: ", "GET", f"{ROOT}?page_token=%00"),
    bad("a NUL in a reason", "reason: ", {"reason": "a\0b"}, RECOVERY),
    Row(
        "a NUL in a token of orphans",
        400,
        "INVALID_ARGUMENT",
        "page_token: ",
        "GET",
        f"{ORPHANS}?page_token={NUL_TOKEN}",
    ),
    Row(
        "a NUL in an account", 404, "NOT_FOUND", "lists the accounts", path=f"{RECOVERY}/accounts/%00/release", body={}
    ),
    Row("a NUL in an id", 400, "INVALID_ARGUMENT", "must be a UUID", "GET", f"{ROOT}/%00"),
    Row("a NUL in a link", 403, "PERMISSION_DENIED", "Ask for a new one", "GET", "/files/%00"),
]

TEXTS = [
    made("text from right to left", prompt=RIGHT_TO_LEFT, labels={RIGHT_TO_LEFT: RIGHT_TO_LEFT}, user_id=RIGHT_TO_LEFT),
    made("text of no width in a prompt", prompt=f"a{ZERO_WIDTH}b"),
    made("text that turns around in a prompt", prompt=OVERRIDE),
    made("nearly every character there is", prompt=EVERYTHING),
    made("pictures made of many characters", prompt="👩‍👩‍👧‍👦" * 100),
    bad("a prompt of nothing that can be seen", "prompt: ", asked(prompt=" \t\n\u2003")),
    bad("a prompt of no width at all", "prompt: ", asked(prompt=ZERO_WIDTH)),
    bad("text of no width in a label's key", "printable", asked(labels={f"a{ZERO_WIDTH}": "b"})),
    bad("text that turns around in a user", "printable", asked(user_id=OVERRIDE)),
    bad("a line end in a user", "printable", asked(user_id="ada\nroot")),
    bad("half of a surrogate pair", "surrogate", b'{"prompt": "\\udc00"}'),
    bad("half of a pair in a label's key", "surrogate", b'{"prompt": "a", "labels": {"\\ud800": "b"}}'),
    bad("half of a pair in a field's name", "is not known", b'{"prompt": "a", "\\ud800": 1}'),
    bad("bytes that are no UTF-8", "no JSON in UTF-8", b'{"prompt": "\xff\xfe"}'),
    Row(
        "UTF-16, which no sender of JSON may use and everybody understands",
        202,
        body=json.dumps(asked()).encode("utf-16"),
    ),
    bad("characters longer than they need be", "no JSON in UTF-8", b'{"prompt": "\xc0\x80"}'),
    bad("one character too many", "at most 5000", asked(prompt="x" * 5001)),
    made("as long as may be, in four bytes each", prompt="🎬" * 5000),
]

LABELS = [
    bad("one label too many", "at most 32", asked(labels={f"k{number}": "v" for number in range(33)})),
    bad("thousands of labels", "at most 32", asked(labels={f"k{number}": "v" for number in range(10_000)})),
    bad("a label without a key", "1 to 63", asked(labels={"": "v"})),
    bad("a key one too long", "1 to 63", asked(labels={"k" * 64: "v"})),
    bad("a value one too long", "at most 255", asked(labels={"k": "v" * 256})),
    made("as many labels as may be, as long as may be", labels={f"{n:063}": "v" * 255 for n in range(32)}),
]

NUMBERS = [
    bad("the largest cost there is", "max_cost_micros: ", asked(max_cost_micros=INT64)),
    bad("the smallest cost there is", "max_cost_micros: ", asked(max_cost_micros=-INT64 - 1)),
    bad("a cost beyond all integers", "max_cost_micros: ", asked(max_cost_micros=INT64 + 1)),
    bad("a priority at the edge", "0 to 10", asked(priority=INT32)),
    bad("a negative priority", "0 to 10", asked(priority=-1)),
    bad("a seed one too large", "seed: ", asked(seed=2**32)),
    made("the largest seed", seed=2**32 - 1),
    bad("a duration of NaN", "output.duration_seconds", b'{"prompt": "a", "output": {"duration_seconds": NaN}}'),
    bad(
        "a duration without end",
        "output.duration_seconds",
        b'{"prompt": "a", "output": {"duration_seconds": Infinity}}',
    ),
    bad(
        "a duration beyond all numbers",
        "output.duration_seconds",
        b'{"prompt":"a","output":{"duration_seconds":1e400}}',
    ),
    bad("a duration that is hardly one", "1 to 60", asked(output={"duration_seconds": 5e-324})),
    bad("a negative duration", "1 to 60", asked(output={"duration_seconds": -8})),
    bad("a width at the edge", "64 to 4096", asked(output={"width": INT32, "height": INT32})),
    bad("a width of odd pixels", "even", asked(output={"width": 641, "height": 480})),
    bad("a width alone", "go together", asked(output={"width": 640})),
    bad("a ratio of nothing", "16:9", asked(output={"aspect_ratio": "0:0"})),
    bad("a ratio of digits from elsewhere", "16:9", asked(output={"aspect_ratio": "١٦:٩"})),
    bad("as many frames as may be said", "24 or 30", asked(output={"frames_per_second": INT32})),
    bad("true for a number", "priority: ", asked(priority=True)),
    bad("a number of a million digits", "too long", b'{"prompt": "a", "seed": ' + b"9" * 200_000 + b"}"),
]

TIMES = [
    bad("a deadline in the past", "lies in the past", asked(deadline_time="1970-01-01T00:00:00Z")),
    bad("a deadline before all times", "deadline_time: ", asked(deadline_time="0001-01-01T00:00:00+23:59")),
    bad("a deadline after all times", "deadline_time: ", asked(deadline_time="9999-12-31T23:59:59-23:59")),
    bad("a deadline without offset", "deadline_time: ", asked(deadline_time="2030-01-01T00:00:00")),
    made("a deadline at the end of all times", deadline_time="9999-12-31T23:59:59.999999Z"),
]

FORMS = [
    bad("nothing", "body: ", b""),
    bad("a list", "body: ", []),
    bad("nested without end", "too deep", b"[" * 100_000),
    bad("a field that nobody knows", 'Did you mean "prompt"?', {"promt": "a"}),
    Row("more than may be", 413, "TOO_LARGE", "Send less", body={"prompt": "x" * 300_000}),
    Row("another type", 400, "INVALID_ARGUMENT", "Content-Type", body=b"a=b", headers={"content-type": "text/plain"}),
    Row("no type", 400, "INVALID_ARGUMENT", "Content-Type", body=b"{}", headers={"content-type": ""}),
    Row(
        "a form where JSON is asked for",
        400,
        "INVALID_ARGUMENT",
        "Content-Type",
        body=b"prompt=a",
        headers={"content-type": "application/x-www-form-urlencoded"},
    ),
    Row(
        "compressed",
        400,
        "INVALID_ARGUMENT",
        "no JSON in UTF-8",
        body=b"\x1f\x8b\x08\x00",
        headers={**JSON, "content-encoding": "gzip"},
    ),
]

QUERIES = [
    Row("a page of too many", 200, method="GET", path=f"{ROOT}?page_size={INT32}"),
    Row("a page beyond all numbers", 400, "INVALID_ARGUMENT", "page_size: ", "GET", f"{ROOT}?page_size={INT64}"),
    Row("a negative page", 400, "INVALID_ARGUMENT", "page_size: ", "GET", f"{ROOT}?page_size=-1"),
    Row("a page of NaN", 400, "INVALID_ARGUMENT", "page_size: ", "GET", f"{ROOT}?page_size=NaN"),
    Row("a token of nobody's", 400, "INVALID_ARGUMENT", "page_token: ", "GET", f"{ROOT}?page_token=AAAA"),
    Row("a token of another list", 400, "INVALID_ARGUMENT", "page_token: ", "GET", f"{ROOT}?page_token=e30"),
    Row("a token of no orphans", 400, "INVALID_ARGUMENT", "page_token: ", "GET", f"{ORPHANS}?page_token=AAAA"),
    Row("a negative page of orphans", 400, "INVALID_ARGUMENT", "page_size: ", "GET", f"{ORPHANS}?page_size=-1"),
    Row("a page of too many orphans", 200, method="GET", path=f"{ORPHANS}?page_size={INT32}"),
    bad("a reason as long as a book", "at most 500", {"reason": "r" * 100_000}, RECOVERY),
    Row("an unknown parameter", 400, "INVALID_ARGUMENT", "is not known", "GET", f"{ROOT}?limit=10"),
    Row("a state that there is not", 400, "INVALID_ARGUMENT", "states", "GET", f"{ROOT}?states=LOST"),
    Row("a thousand states", 200, method="GET", path=f"{ROOT}?" + "&".join(["states=QUEUED"] * 500)),
    Row(
        "a thousand labels",
        400,
        "INVALID_ARGUMENT",
        "at most 32",
        "GET",
        f"{ROOT}?" + "&".join(f"labels=k{number}%3Dv" for number in range(500)),
    ),
    Row(
        "a label filter of too long a word",
        400,
        "INVALID_ARGUMENT",
        "at most 255",
        "GET",
        f"{ROOT}?labels=k%3D{'v' * 5000}",
    ),
    Row("events after the last number", 404, "NOT_FOUND", "", "GET", f"{ROOT}/{ID}/events?after_sequence={INT64}"),
    Row("events before the first", 400, "INVALID_ARGUMENT", "after", "GET", f"{ROOT}/{ID}/events?after_sequence=-1"),
    Row("an id in braces", 400, "INVALID_ARGUMENT", "must be a UUID", "GET", f"{ROOT}/{{{ID}}}"),
    Row("an id of a stranger", 404, "NOT_FOUND", "", "GET", f"{ROOT}/{ID}"),
    Row("a path out of the folder", 404, "NOT_FOUND", "/docs", "GET", "/docs/files/..%2f..%2f..%2fetc%2fpasswd"),
    Row("a path of bytes", 400, "INVALID_ARGUMENT", "must be a UUID", "GET", f"{ROOT}/%ff%fe"),
    Row("a link that was changed", 403, "PERMISSION_DENIED", "Ask for a new one", "GET", f"/files/{'A' * 2000}"),
]

EXISTING = [
    Row(
        "events of a generation after the last number",
        200,
        method="GET",
        path=f"{ROOT}/{{made}}/events?after_sequence={INT64}",
    ),
    Row("events of a generation, too many", 200, method="GET", path=f"{ROOT}/{{made}}/events?page_size={INT32}"),
    Row(
        "events of a generation before the first",
        400,
        "INVALID_ARGUMENT",
        "must not be negative",
        "GET",
        f"{ROOT}/{{made}}/events?after_sequence=-{INT64}",
    ),
    Row("a body where none is asked for", 200, path=f"{ROOT}/{{made}}/cancel", body=b"\0" * 1000),
    Row("a generation that was cancelled, again", 200, path=f"{ROOT}/{{made}}/cancel"),
    Row("a retry of what has not failed", 409, "WRONG_STATE", "", path=f"{ROOT}/{{made}}/retry"),
    Row("a method that is none", 405, "INVALID_ARGUMENT", "Possible: GET, DELETE.", "BREW", f"{ROOT}/{{made}}"),
]

HEADERS = [
    Row(
        "an id that a proxy would mangle",
        400,
        "INVALID_ARGUMENT",
        "request_id: ",
        body=asked(),
        headers={"idempotency-key": "a b"},
    ),
    Row(
        "an id as long as a book",
        400,
        "INVALID_ARGUMENT",
        "request_id: ",
        body=asked(),
        headers={"idempotency-key": "a" * 5000},
    ),
    Row("two ids", 400, "INVALID_ARGUMENT", "differs", body=asked(request_id="a"), headers={"idempotency-key": "b"}),
    Row(
        "an event that is no number",
        400,
        "INVALID_ARGUMENT",
        "Last-Event-ID",
        "GET",
        f"{ROOT}/{ID}/watch",
        headers={"last-event-id": "9" * 19},
    ),
    Row(
        "an event of digits from elsewhere",
        400,
        "INVALID_ARGUMENT",
        "Last-Event-ID",
        "GET",
        f"{ROOT}/{ID}/watch",
        headers={"last-event-id": b"\xb2"},
    ),
    Row("a host that is none", 200, method="GET", path=ROOT, headers={"host": "[::1"}),
    Row(
        "a key as long as a book",
        401,
        "UNAUTHENTICATED",
        "Authorization",
        "GET",
        ROOT,
        headers={"x-api-key": "rm_" + "a" * 8000},
    ),
    Row(
        "a key of other letters",
        401,
        "UNAUTHENTICATED",
        "Authorization",
        "GET",
        ROOT,
        headers={"x-api-key": "é".encode("latin-1")},
    ),
    Row(
        "a trace that is none",
        200,
        method="GET",
        path=ROOT,
        headers={"traceparent": "00-" + "0" * 32 + "-" + "0" * 16 + "-ff"},
    ),
    Row(
        "a trace as long as a book",
        200,
        method="GET",
        path=ROOT,
        headers={"traceparent": "0" * 5000, "tracestate": "a=b," * 1000},
    ),
    Row(
        "an answer that nobody makes",
        200,
        method="GET",
        path="/metrics",
        headers={"accept": "text/html;q=nan, */*;q=-1"},
    ),
]

ROWS = [*NULS, *TEXTS, *LABELS, *NUMBERS, *TIMES, *FORMS, *QUERIES, *EXISTING, *HEADERS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_bad_request_is_answered_by_its_row(corpus: meshes.Corpus, row: Row) -> None:
    content = row.body if isinstance(row.body, bytes) else None
    sent: dict[str, Any] = {"content": content} if content is not None or row.body is None else {"json": row.body}
    headers = row.headers or (JSON if content is not None else {})

    path = row.path.replace("{made}", corpus.made)
    answer = await corpus.http.request(row.method, path, headers=headers, **sent)

    error = answer.json()["error"] if answer.status_code >= 400 else {"reason": "", "message": ""}
    assert (answer.status_code, error["reason"]) == (row.status, row.reason), error["message"]
    assert row.words in error["message"]
    assert len(answer.content) < 10_000 or answer.status_code < 400
    assert answer.headers["x-request-id"]
    await corpus.still_well()
