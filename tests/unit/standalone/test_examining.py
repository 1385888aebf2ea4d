"""What `reelmesh doctor` says about a mesh by what its gateway answers, over real HTTP, and about providers."""

import contextlib
import json
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from reelmesh_client import discovery
from reelmesh_kit import web
from reelmesh_standalone import examining

WELL = {"status": "ok", "message": ""}
POOR = {"status": "degraded", "message": "It does less than it could: bus (UNAVAILABLE)."}
GONE = {"status": "down", "message": "It does not answer."}


def note(url: str) -> discovery.Mesh:
    return discovery.Mesh(grpc="127.0.0.1:1", http=url, key_file="", spans_folder="", pid=1)


@contextlib.asynccontextmanager
async def answering(status: int, body: bytes) -> AsyncIterator[discovery.Mesh]:
    """Serve one answer; yield the note of a mesh that says so."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async with web.serve(application, "127.0.0.1", 0, variable="PORT") as port:
        yield note(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("status", "behind", "verdict", "words"),
    [
        (200, {"orchestrator": WELL, "media": WELL}, examining.Verdict.WELL, "is healthy"),
        (200, {"orchestrator": POOR, "media": WELL}, examining.Verdict.DOUBTFUL, "orchestrator: It does less"),
        (503, {"orchestrator": WELL, "storage": GONE}, examining.Verdict.BAD, "storage: It does not answer."),
    ],
)
async def test_it_names_what_is_ailing(
    status: int, behind: dict[str, Any], verdict: examining.Verdict, words: str
) -> None:
    async with answering(status, json.dumps({"dependencies": behind}).encode()) as mesh:
        found = await examining.http_health(mesh)
    assert (found.verdict, words in found.message) == (verdict, True)


@pytest.mark.parametrize("body", [b"", b"[]", b"Bad Gateway", b'{"dependencies": [1]}'])
async def test_an_answer_from_something_else_is_bad_all_the_same(body: bytes) -> None:
    async with answering(502, body) as mesh:
        found = await examining.http_health(mesh)
    assert (found.verdict, "answers 502" in found.message) == (examining.Verdict.BAD, True)


async def test_no_answer_is_bad() -> None:
    found = await examining.http_health(note("http://127.0.0.1:1"))
    assert found.verdict is examining.Verdict.BAD


ACCOUNTS = """
accounts:
  - {id: one-veo, provider: veo, options: {project: project-1, bucket: bucket-1}}
  - {id: one-runway, provider: runway, secret: A_KEY_FOR_RUNWAY}
  - {id: one-fal, provider: fal, secret: A_KEY_FOR_FAL}
  - {id: one-omni, provider: omni}
"""


def of_providers() -> dict[str, examining.Finding]:
    return {found.name: found for found in examining.providers()}


def test_without_accounts_paid_providers_are_not_used_and_nothing_is_wrong() -> None:
    found = of_providers()
    assert {one.verdict for one in found.values()} == {examining.Verdict.WELL}
    assert "REELMESH_ACCOUNTS_FILE" in found["provider-runway"].message


def test_it_names_the_variable_of_each_key_that_is_missing_and_calls_nobody(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    monkeypatch.setenv("REELMESH_ACCOUNTS_FILE", str(tmp_path / "accounts.yaml"))
    monkeypatch.setenv("A_KEY_FOR_FAL", "secret")
    # A machine without an identity, wherever this test runs; google-auth would ask the network for one.
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    found = of_providers()
    assert "A_KEY_FOR_RUNWAY is not set" in found["provider-runway"].hint
    assert "one-omni names no secret" in found["provider-omni"].hint
    assert "has no identity" in found["provider-veo"].hint
    assert found["provider-fal"].verdict is examining.Verdict.WELL
    assert "lists no account whose provider is sora" in found["provider-sora"].hint
    assert "secret" not in str(found["provider-fal"])
