"""`reelmesh-chaos` against gateways that are small enough to know what they must come to."""

import asyncio
import contextlib
import json
import pathlib
import socket
from collections.abc import AsyncGenerator

import httpx
from click import testing
from reelmesh_kit import clock
from reelmesh_simulators import commands, orders
from reelmesh_simulators.measuring import cases, clients, counting, running
from reelmesh_standalone import ports
from starlette import applications, requests, responses, routing

from tests.support import raw_web

WISH = clients.Wish("sora-2", "4", "1280x720")
GONE = {"error": {"message": "the upstream is gone", "type": "server_error"}}


class Naive:
    """A gateway that passes everything on to one vendor, and sends a create again that was not answered well."""

    def __init__(self, tries: int) -> None:
        self.upstream = ""
        self._tries = tries

    async def pass_on(self, request: requests.Request) -> responses.Response:
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
        body = await request.body()
        async with httpx.AsyncClient(timeout=60.0) as client:
            for _ in range(self._tries if request.method == "POST" else 1):
                with contextlib.suppress(httpx.TransportError):
                    answer = await client.request(
                        request.method, f"{self.upstream}{request.url.path}", headers=headers, content=body
                    )
                    if answer.status_code < 500:
                        kind = answer.headers.get("content-type")
                        return responses.Response(answer.content, answer.status_code, media_type=kind)
        return responses.JSONResponse(GONE, 502)


@contextlib.asynccontextmanager
async def naive(tries: int) -> AsyncGenerator[tuple[Naive, str]]:
    made = Naive(tries)
    app = applications.Starlette(routes=[routing.Route("/{path:path}", made.pass_on, methods=["GET", "POST"])])
    async with raw_web.serving(app) as root:
        yield made, f"{root}/v1"


async def measured(tries: int, *names: str, requests: int = 1) -> dict[str, counting.Row]:
    async with naive(tries) as (gateway, url), running.vendors("openai", [0, 0]) as served:
        gateway.upstream = served[0].url
        plan = running.Plan(
            target=url,
            key="any",
            wish=WISH,
            dialect="openai",
            ports=[],
            cases=[cases.BY_NAME[name] for name in names],
            requests=requests,
            retries=0,
            parallel=3,
            patience_seconds=100.0,
            wait_seconds=60.0,
        )
        await running.reached(url, plan.wait_seconds)
        rows = await running.Measurement(plan, [one.vendor for one in served], print).run()
    return {row.fault: row for row in rows}


async def test_a_gateway_that_repeats_pays_as_often_as_it_asks() -> None:
    rows = await measured(3, "none", "accept-drop", "server-error-once", requests=2)
    assert (rows["none"].paid, rows["none"].delivered) == (2, 2)
    assert (rows["accept-drop"].creates, rows["accept-drop"].paid, rows["accept-drop"].billed_usd) == (6, 6, 2.4)
    assert (rows["server-error-once"].creates, rows["server-error-once"].paid) == (4, 2)
    broken = counting.broken(list(rows.values()))
    assert [sentence.partition(":")[0] for sentence in broken] == ["accept-drop", "accept-drop"]


async def test_a_gateway_that_never_repeats_pays_once_and_loses_what_it_paid() -> None:
    rows = await measured(1, "accept-drop", "truncate-once", "fail")
    lost = rows["accept-drop"]
    assert (lost.creates, lost.paid, lost.delivered, lost.billed_usd) == (1, 1, 0, 0.4)
    assert rows["truncate-once"].delivered == 1
    assert (rows["fail"].paid, rows["fail"].delivered, rows["fail"].billed_usd) == (0, 0, 0.0)
    (sentence,) = counting.broken([lost])
    assert "came to no video" in sentence


def test_a_row_of_which_nothing_is_wrong_is_no_trouble() -> None:
    now = clock.SystemClock().now().timestamp()
    order = orders.Order("a boat", "sora-2", 4, 160, 90)
    job = orders.Job("job-1", "one", order, now - 60, orders.Pace(), 400_000)
    (row,) = counting.rows([counting.Request("none", clients.Outcome(True), 1, [job])], now)
    assert (row.paid, row.billed_usd, counting.broken([row])) == (1, 0.4, [])
    assert counting.text([row]).splitlines()[1].split() == ["none", "1", "1", "1", "1", "0.40"]


def test_a_gateway_that_does_not_answer_is_told_of() -> None:
    (port,) = ports.free(1)
    words = ["--target", "http://127.0.0.1:9/v1", "--wait", "0", "--port", str(port)]
    ended = testing.CliRunner().invoke(commands.chaos, words)
    assert ended.exit_code == commands.EXIT_UNREACHABLE
    assert f"the first choice: base URL http://127.0.0.1:{port}/v1" in ended.stderr
    assert "http://127.0.0.1:9/v1 does not answer" in ended.stderr


def test_a_port_that_is_taken_is_told_of() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = ["--target", "http://127.0.0.1:9/v1", "--port", str(taken.getsockname()[1])]
        ended = testing.CliRunner().invoke(commands.chaos, words)
    assert (ended.exit_code, "Choose other ports" in ended.stderr) == (1, True)


async def test_the_command_writes_rows_and_ends_with_1_where_a_request_was_paid_twice(tmp_path: pathlib.Path) -> None:
    (port,) = ports.free(1)
    file = tmp_path / "rows.json"
    async with naive(2) as (gateway, url):
        gateway.upstream = f"http://127.0.0.1:{port}"
        words = ["--target", url, "--port", str(port), "--fault", "accept-500", "--requests", "1", "--json", str(file)]
        ended = await asyncio.to_thread(testing.CliRunner().invoke, commands.chaos, words)
    assert ended.exit_code == commands.EXIT_BROKEN, ended.output
    assert "BROKEN: accept-500: 1 requests were paid 2 times" in ended.stdout
    (row,) = json.loads(file.read_text())
    assert (row["fault"], row["requests"], row["creates"], row["paid"], row["delivered"]) == ("accept-500", 1, 2, 2, 0)
