"""Vendors' keys are read when they are needed, again when none fits, and not all the time."""

import contextlib
from collections.abc import AsyncGenerator

import pytest
from reelmesh_gateway.adapters import vendor_keys
from reelmesh_gateway.model import hooks
from reelmesh_kit import clock, errors
from reelmesh_simulators.dialects import fal_signing
from starlette import applications, requests, responses, routing

from tests.support import raw_web

NOW = 1_790_000_000.0


class Publisher:
    """Publishes keys, or something else."""

    def __init__(self) -> None:
        self.answer: responses.Response = responses.JSONResponse(fal_signing.keys())
        self.asked = 0
        self.url = ""

    async def publish(self, request: requests.Request) -> responses.Response:
        del request
        self.asked += 1
        return self.answer


@contextlib.asynccontextmanager
async def published() -> AsyncGenerator[tuple[Publisher, vendor_keys.VendorKeys, clock.ManualClock]]:
    publisher, time = Publisher(), clock.ManualClock()
    app = applications.Starlette(routes=[routing.Route("/keys", publisher.publish)])
    async with raw_web.serving(app) as url:
        publisher.url = f"{url}/keys"
        yield publisher, vendor_keys.VendorKeys(time), time


def signed(*, forged: bool) -> hooks.Signed:
    told = hooks.signed(hooks.Scheme.FAL, fal_signing.headers("r1", "key", NOW, b"{}", forged=forged), b"{}")
    assert told is not None
    return told


async def test_keys_are_read_once_and_again_after_a_day() -> None:
    async with published() as (publisher, keys, time):
        for _ in range(3):
            assert await keys.fits(publisher.url, signed(forged=False))
        assert publisher.asked == 1
        time.advance(vendor_keys.KEPT_SECONDS + 1)
        assert await keys.fits(publisher.url, signed(forged=False))
        assert publisher.asked == 2


async def test_who_forges_has_us_ask_once_a_minute() -> None:
    async with published() as (publisher, keys, time):
        for _ in range(5):
            assert not await keys.fits(publisher.url, signed(forged=True))
        assert publisher.asked == 1
        time.advance(vendor_keys.ASK_AGAIN_SECONDS)
        assert not await keys.fits(publisher.url, signed(forged=True))
        assert publisher.asked == 2


async def test_a_new_key_is_found() -> None:
    async with published() as (publisher, keys, time):
        publisher.answer = responses.JSONResponse(
            {"keys": [{"kty": "RSA", "n": "x"}, {"kty": "OKP", "crv": "Ed25519"}, "no key", None]}
        )
        assert not await keys.fits(publisher.url, signed(forged=False))
        publisher.answer = responses.JSONResponse(fal_signing.keys())
        time.advance(vendor_keys.ASK_AGAIN_SECONDS)
        assert await keys.fits(publisher.url, signed(forged=False))


@pytest.mark.parametrize(
    "answer",
    [
        responses.PlainTextResponse("away", 503),
        responses.PlainTextResponse("no json"),
        responses.JSONResponse({"keys": None}),
        responses.Response(b" " * (vendor_keys.LARGEST_SET_BYTES + 1)),
    ],
)
async def test_what_cannot_be_read_says_nothing_and_is_soon_read_again(answer: responses.Response) -> None:
    async with published() as (publisher, keys, time):
        good, publisher.answer = publisher.answer, answer
        for _ in range(3):
            with pytest.raises(errors.Unavailable):
                await keys.fits(publisher.url, signed(forged=False))
        assert publisher.asked == 1
        publisher.answer = good
        time.advance(vendor_keys.TRY_AGAIN_SECONDS)
        assert await keys.fits(publisher.url, signed(forged=False))


async def test_keys_that_are_known_serve_while_nobody_can_be_asked() -> None:
    async with published() as (publisher, keys, time):
        assert await keys.fits(publisher.url, signed(forged=False))
        publisher.answer = responses.PlainTextResponse("away", 503)
        time.advance(vendor_keys.ASK_AGAIN_SECONDS)
        assert await keys.fits(publisher.url, signed(forged=False))
