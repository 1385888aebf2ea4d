"""What a create and a read of a generation take at each door of the gateway: latency, and processor time.

    python -m bench.calls [--database sqlite|postgresql] [--calls 300] [--json PATH]

One caller calls, one call after the other. The one account is taken, so that nothing else goes on meanwhile.
"""

import argparse
import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bench import command, figures, load, mesh, reports

WARM_UP_CALLS = 30
GENERATIONS = "/api/v1/generations"
# Milliseconds.
AIMS: Mapping[str, Mapping[str, float]] = {
    "create": {"p50 aim": 10.0, "gateway CPU aim": 5.0},
    "read": {"gateway CPU aim": 1.0},
}
QUIET = mesh.Wanted(account_slots=1, told={"worker": {"finishes": False}})
Call = Callable[[], Awaitable[object]]


def main() -> int:
    """Run the benchmark; it raises when something breaks."""
    parser = command.parser(__doc__)
    parser.add_argument("--calls", type=int, default=300, help="calls of each kind (default 300)")
    return command.on_databases("calls", parser, measure)


async def measure(kind: str, told: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure all calls on one kind of database; print and return a row for each."""
    calls: int = told.calls
    async with mesh.on_empty(kind, QUIET) as running, load.caller(running) as calling:
        first = await calling.create()
        browser = Browser(running)
        # Door by door: a connection that is silent for long is closed.
        rows = [
            await measure_call(running, "create", "HTTP", browser.create, calls),
            await measure_call(running, "read", "HTTP", lambda: browser.get(first), calls),
            await measure_call(running, "create", "gRPC", calling.create, calls),
            await measure_call(running, "read", "gRPC", lambda: calling.get(first), calls),
        ]
    print(f"\ncalls at the gateway on {kind}, one after the other; milliseconds")
    print(reports.table(rows, list(rows[0])))
    return rows


async def measure_call(running: mesh.Mesh, what: str, door: str, call: Call, calls: int) -> dict[str, Any]:
    """Make a call again and again; return what one takes, milliseconds."""
    for _ in range(WARM_UP_CALLS):
        await call()
    elapsed = running.chassis.clock.elapsed
    seconds: list[float] = []
    before = await running.settled_cpu_seconds()
    for _ in range(calls):
        began = elapsed()
        await call()
        seconds.append(elapsed() - began)
    after = await running.settled_cpu_seconds()
    each = figures.milliseconds_each({name: after[name] - before[name] for name in before}, calls)
    return {
        "call": what,
        "door": door,
        **figures.p50_p99_milliseconds(seconds),
        "p50 aim": AIMS[what].get("p50 aim"),
        "gateway CPU": each["gateway"],
        "gateway CPU aim": AIMS[what].get("gateway CPU aim"),
        "orchestrator CPU": each["orchestrator"],
    }


class Browser:
    """A caller by HTTP over one connection that stays open; as lean as Python has it, for its time counts too."""

    def __init__(self, running: mesh.Mesh) -> None:
        """Call the gateway of a mesh."""
        self._connection = http.client.HTTPConnection(running.http_url.removeprefix("http://"))
        self._headers = {mesh.KEY_HEADER: running.key, "content-type": "application/json"}
        wish = {"prompt": load.PROMPT, "output": {"duration_seconds": load.SECONDS_OF_VIDEO}}
        self._body = json.dumps(wish).encode()

    async def create(self) -> str:
        """Ask for a video; return its id."""
        return str((await asyncio.to_thread(self._call, "POST", GENERATIONS, self._body, 202))["id"])

    async def get(self, generation_id: str) -> Mapping[str, Any]:
        """Read a generation."""
        return await asyncio.to_thread(self._call, "GET", f"{GENERATIONS}/{generation_id}", None, 200)

    def _call(self, method: str, path: str, body: bytes | None, status: int) -> Mapping[str, Any]:
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != status:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {content!r}")
        return json.loads(content)


if __name__ == "__main__":
    raise SystemExit(main())
