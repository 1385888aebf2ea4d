"""The gate under OpenAI's SDK, against a server that counts what really arrived."""

import httpx2
import openai
import pytest
from reelmesh_kit import clock
from reelmesh_provider import errors, gate, gated_sdk, model

from tests.support import raw_http_server


class Asked:
    """Gives leave for a second, and may let time pass once it was given."""

    def __init__(self, *, late: bool = False, answer: model.Go | model.Drop = model.Go(1.0)) -> None:  # noqa: B008
        self.time = clock.ManualClock()
        self.times = 0
        self._late = late
        self._answer = answer
        self.gate = gate.Gate(clock=self.time, nonce="nonce", ask=self._ask)

    async def _ask(self, nonce: str) -> model.Go | model.Drop:
        self.times += 1
        if self._late:
            self.time.advance(5)
        return self._answer


def client_of(url: str, asked: Asked, *, retries: int = 0) -> openai.AsyncOpenAI:
    http = httpx2.AsyncClient(transport=gated_sdk.GatedTransport(asked.gate))
    return openai.AsyncOpenAI(
        api_key="key", base_url=url.removesuffix("/videos"), max_retries=retries, http_client=http
    )


async def create(client: openai.AsyncOpenAI) -> str:
    picture = ("picture.png", b"\x89PNG" + b"x" * 300_000, "image/png")
    async with client:
        answer = await client.videos.with_raw_response.create(prompt="a cat", input_reference=picture)
        return answer.text


async def test_within_the_window_the_request_arrives_whole() -> None:
    asked = Asked()
    async with raw_http_server.counting_server() as server:
        assert await create(client_of(server.url, asked)) == '{"id": "job-1"}'
        (body,) = server.bodies
    assert b"a cat" in body
    assert body.count(b"x") > 300_000 - 1
    assert asked.times == 1


@pytest.mark.parametrize("retries", [0, 2])
async def test_after_the_window_nothing_is_complete_and_the_gate_says_so(retries: int) -> None:
    asked = Asked(late=True)
    async with raw_http_server.counting_server() as server:
        with pytest.raises(errors.WindowPassed):
            await create(client_of(server.url, asked, retries=retries))
        assert server.bodies == []
    assert asked.times == 1


async def test_without_leave_nothing_is_sent() -> None:
    asked = Asked(answer=model.Drop("cancelled"))
    async with raw_http_server.counting_server() as server:
        with pytest.raises(errors.Dropped):
            await create(client_of(server.url, asked))
        assert server.headers == []


async def test_a_server_that_cannot_be_reached_costs_nothing() -> None:
    asked = Asked()
    with pytest.raises(errors.Unreachable):
        await create(client_of("http://127.0.0.1:1/videos", asked))
    assert asked.times == 0


async def test_an_sdk_that_repeats_is_stopped() -> None:
    asked = Asked()
    async with raw_http_server.counting_server() as server:
        client = client_of(server.url, asked)
        await client.videos.with_raw_response.create(prompt="a cat")
        with pytest.raises(errors.GateMisused):
            await client.videos.with_raw_response.create(prompt="a cat")
        await client.close()
        assert len(server.bodies) == 1
