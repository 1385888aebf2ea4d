"""fal.ai's own client against its simulator: it knows HTTPS alone, so below it requests are led here without."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import fal_client
import httpx
import pytest
from reelmesh_simulators import catalogue, serving
from typing_extensions import override

from tests.support import vendors
from tests.support.fal_client import CAT, LONGEST_WAIT_SECONDS, VEO

PAUSE_SECONDS = 0.02


class _Here(httpx.HTTPTransport):
    """Leads every request to the simulator, without TLS."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = httpx.URL(url)

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme="http", host=self._url.host, port=self._url.port)
        return super().handle_request(request)


@pytest.fixture
async def served() -> AsyncIterator[serving.Served]:
    async with vendors.selling(catalogue.DIALECTS["fal"]) as found:
        yield found


@pytest.fixture
def client(served: serving.Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[fal_client.SyncClient]:
    headers = {"authorization": "Key id:secret"}
    with httpx.Client(transport=_Here(served.url), headers=headers, timeout=LONGEST_WAIT_SECONDS) as here:
        monkeypatch.setattr(fal_client.SyncClient, "_client", here)
        yield fal_client.SyncClient(key="id:secret")


async def test_a_request_is_followed_to_its_result(client: fal_client.SyncClient, served: serving.Served) -> None:
    def whole_life() -> tuple[list[Any], Any, str]:
        handle = client.submit(VEO, arguments=dict(CAT))
        events = list(handle.iter_events(with_logs=True, interval=PAUSE_SECONDS))
        return events, handle.get(interval=PAUSE_SECONDS), handle.request_id

    events, result, request_id = await asyncio.to_thread(whole_life)
    assert isinstance(events[-1], fal_client.Completed)
    assert {type(event) for event in events} <= {fal_client.Queued, fal_client.InProgress, fal_client.Completed}
    assert result["video"]["url"].endswith(f"/files/{request_id}/output.mp4")
    assert result["seed"] == CAT["seed"]
    assert [line.job_ids for line in served.vendor.ledger.lines(served.vendor.now)] == [(request_id,)]


async def test_a_request_is_cancelled(client: fal_client.SyncClient) -> None:
    def cancelled() -> fal_client.Status:
        handle = client.submit(VEO, arguments={**CAT, "prompt": "a cat [[stall]]"})
        handle.cancel()
        return handle.status()

    status = await asyncio.to_thread(cancelled)
    assert isinstance(status, fal_client.Completed)
    assert status.error_type == "client_cancelled"


@pytest.mark.parametrize("marker", ["fail", "fail-inside", "filter"])
async def test_a_failure_is_raised(client: fal_client.SyncClient, marker: str) -> None:
    def failed() -> None:
        handle = client.submit(VEO, arguments={**CAT, "prompt": f"a cat [[{marker}]]"})
        handle.get(interval=PAUSE_SECONDS)

    with pytest.raises(fal_client.FalClientHTTPError):
        await asyncio.to_thread(failed)


async def test_the_client_pays_twice_for_an_answer_that_is_lost_and_does_not_notice(
    client: fal_client.SyncClient, served: serving.Served
) -> None:
    handle = await asyncio.to_thread(client.submit, VEO, arguments={**CAT, "prompt": "a cat [[accept-drop:1]]"})
    (line,) = served.vendor.ledger.lines(served.vendor.now)
    assert (line.creates, len(line.job_ids), line.job_ids[1]) == (2, 2, handle.request_id)
