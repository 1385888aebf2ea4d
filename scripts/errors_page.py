"""Writes the page of the errors from the contract's comments and the two tables, so that the page cannot be wrong."""

import pathlib
import re
import sys

from reelmesh_gateway.wire import errors as http
from reelmesh_kit import errors
from reelmesh_kit.rpc import status as grpc

CONTRACT = pathlib.Path(__file__).parent.parent / "protos" / "reelmesh" / "v1" / "error_reason.proto"
PREFIX = "ERROR_REASON_"
INTRODUCTION = """\
# Errors

Printed from the contract and the tables of the code by `make pages`; a test fails when this page is older.

By HTTP every answer that is not a success has the body
`{"error": {"reason", "message", "metadata", "request_id"}}`; 429 and 503 have a `Retry-After`. By gRPC the same reason
is in the `google.rpc.ErrorInfo` (domain `reelmesh.dev`) of the status, with `BadRequest` naming the field and
`RetryInfo` saying when, where they apply. The Python client raises a class of `reelmesh_client.errors` for each, with a
`hint`. Act on the reason; the message is for people, and may change.

| reason | HTTP | gRPC | what it means, and what to do |
|---|---|---|---|
"""
OTHERS = """
HTTP itself has a few more: 405 (the path has no such method), 416 (the asset has no such bytes) and 501 (a transfer
coding that nobody knows) with INVALID_ARGUMENT, 408 (the body does not come) with DEADLINE_EXCEEDED, 414 (the address
is too long) and 431 (the head of the request is too large) with TOO_LARGE. What is no HTTP at all is answered 400, with
the same body and a request id as everything else.
"""


def page() -> str:
    """Return the page as Markdown."""
    meanings = _meanings()
    lines = [
        f"| {reason} | {http.STATUS[reason]} | {grpc.TABLE[reason][0].name} | {meanings[reason.value]} |\n"
        for reason in errors.Reason
    ]
    return INTRODUCTION + "".join(lines) + OTHERS


def _meanings() -> dict[str, str]:
    """Return the comment of each value of the enum, on one line."""
    found = re.findall(rf"((?:  //.*\n)+)  {PREFIX}(\w+) =", CONTRACT.read_text())
    return {name: " ".join(line.strip(" /") for line in comment.splitlines()) for comment, name in found}


if __name__ == "__main__":
    sys.stdout.write(page())
