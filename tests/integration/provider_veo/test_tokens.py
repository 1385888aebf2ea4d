"""Tokens: of a service account, of the machine, or ready ones."""

import contextlib
import json
import pathlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from reelmesh_kit import accounts, web
from reelmesh_provider import errors
from reelmesh_provider_veo import tokens
from starlette import applications, requests, responses, routing

ACCOUNT = accounts.Account("veo-1", "veo", secret="VEO_KEY")


class Giver:
    """Gives out tokens for assertions, as Google's token endpoint does."""

    def __init__(self) -> None:
        self.url = ""
        self.given = 0
        self.seconds = 3600
        self.answer: responses.Response | None = None

    async def give(self, request: requests.Request) -> responses.Response:
        form = (await request.body()).decode()
        assert "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer" in form
        if self.answer:
            return self.answer
        self.given += 1
        told = {"access_token": f"token-{self.given}", "expires_in": self.seconds, "token_type": "Bearer"}
        return responses.JSONResponse(told)


@contextlib.asynccontextmanager
async def giving() -> AsyncGenerator[Giver]:
    giver = Giver()
    application = applications.Starlette(routes=[routing.Route("/token", giver.give, methods=["POST"])])
    async with web.serve(application, "127.0.0.1", 0, variable="PORT") as port:
        giver.url = f"http://127.0.0.1:{port}/token"
        yield giver


@pytest.fixture(scope="module")
def pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, none).decode()


def service_account(pem: str, token_uri: str) -> str:
    told: dict[str, Any] = {
        "type": "service_account",
        "project_id": "films",
        "private_key": pem,
        "private_key_id": "1",
        "client_email": "worker@films.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }
    return json.dumps(told)


async def test_a_service_account_gets_one_token_until_it_expires(pem: str) -> None:
    async with giving() as giver:
        own, key = tokens.Tokens(), service_account(pem, giver.url)
        for _ in range(3):
            assert await own.headers(ACCOUNT, key) == {"authorization": "Bearer token-1"}
        own.forget(ACCOUNT.id)
        giver.seconds = 1  # so short that it is stale at once
        assert await own.headers(ACCOUNT, key) == {"authorization": "Bearer token-2"}
        assert await own.headers(ACCOUNT, key) == {"authorization": "Bearer token-3"}


async def test_another_key_is_another_token(pem: str) -> None:
    async with giving() as giver:
        own, key = tokens.Tokens(), service_account(pem, giver.url)
        await own.headers(ACCOUNT, key)
        assert await own.headers(ACCOUNT, key + " ") == {"authorization": "Bearer token-2"}


async def test_a_key_that_was_withdrawn_is_named(pem: str) -> None:
    async with giving() as giver:
        told = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        giver.answer = responses.JSONResponse(told, 400)
        with pytest.raises(tokens.BadKey, match=r"no token for account veo-1: .*Invalid JWT Signature"):
            await tokens.Tokens().headers(ACCOUNT, service_account(pem, giver.url))


async def test_nobody_there_to_give_tokens_is_no_verdict(pem: str) -> None:
    with pytest.raises(errors.Unreachable, match="no token for account veo-1 now"):
        await tokens.Tokens().headers(ACCOUNT, service_account(pem, "http://127.0.0.1:1/token"))


async def test_the_machines_own_credentials_serve_where_there_is_no_key(
    pem: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with giving() as giver:
        file = tmp_path / "default.json"
        file.write_text(service_account(pem, giver.url))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        assert await tokens.Tokens().headers(ACCOUNT, "") == {"authorization": "Bearer token-1"}
        file.unlink()
        with pytest.raises(tokens.BadKey, match=r"no token for account veo-1: File .*default.json was not found"):
            await tokens.Tokens().headers(ACCOUNT, "")


async def test_a_ready_token_is_taken_as_it_is() -> None:
    assert await tokens.Tokens().headers(ACCOUNT, " ya29.a-b_c/d= \n") == {"authorization": "Bearer ya29.a-b_c/d="}


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("two words", "VEO_KEY holds neither the JSON of a service account nor a bearer token"),
        ("token\r\nx-other: 1", "VEO_KEY holds neither"),
        ("{", "VEO_KEY is no JSON"),
        ('{"type": "external_account"}', "VEO_KEY must hold the key of a service account.* workload identity"),
        ('{"type": "service_account"}', "VEO_KEY holds no usable key"),
    ],
)
async def test_what_is_no_key_is_said(key: str, words: str) -> None:
    with pytest.raises(tokens.BadKey, match=words):
        await tokens.Tokens().headers(ACCOUNT, key)
