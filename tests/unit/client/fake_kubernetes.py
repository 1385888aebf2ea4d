"""The API server of a Kubernetes, as far as `reelmesh pools` asks it, over real HTTP on a free port."""

import asyncio
import contextlib
import json
import pathlib
import threading
from collections.abc import Generator
from typing import Any

import yaml
from aiohttp import web

TOKEN = "a-token"


def refusal(status: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "message": message}, status=status)


class FakeKubernetes:
    """Has the pools of one namespace; refuses as `refuse` says."""

    def __init__(self) -> None:
        self.url = ""
        self.pools: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.refuse: dict[str, web.Response] = {}
        self.busy = 0
        self.asked: list[tuple[str, str]] = []

    def app(self) -> web.Application:
        app = web.Application()
        root = "/apis/reelmesh.dev/v1alpha1/namespaces/video/workerpools"
        app.router.add_get(root, self._list)
        app.router.add_get(root + "/{name}", self._get)
        app.router.add_patch(root + "/{name}", self._patch)
        app.router.add_get("/apis/events.k8s.io/v1/namespaces/video/events", self._events)
        return app

    def _refused(self, request: web.Request, what: str) -> web.Response | None:
        self.asked.append((request.method, request.path_qs))
        if self.busy:
            self.busy -= 1
            return web.Response(status=429, headers={"Retry-After": "0"}, text="storage is (re)initializing")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return refusal(401, "Unauthorized")
        return self.refuse.get(what)

    async def _list(self, request: web.Request) -> web.Response:
        return self._refused(request, "pools") or web.json_response({"items": list(self.pools.values())})

    async def _get(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.pools:
            return refusal(404, f'workerpools.reelmesh.dev "{name}" not found')
        return self._refused(request, "pools") or web.json_response(self.pools[name])

    async def _patch(self, request: web.Request) -> web.Response:
        if refused := self._refused(request, "patch"):
            return refused
        assert request.content_type == "application/merge-patch+json"
        one = self.pools[request.match_info["name"]]
        one["spec"].update(json.loads(await request.text())["spec"])
        one["metadata"]["generation"] += 1
        return web.json_response(one)

    async def _events(self, request: web.Request) -> web.Response:
        return self._refused(request, "events") or web.json_response({"items": self.events})


@contextlib.contextmanager
def serving() -> Generator[FakeKubernetes]:
    """Serve in a thread of its own, for commands have an event loop of their own."""
    fake, ready, loop = FakeKubernetes(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(fake.app())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(30)
    yield fake
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


def write(file: pathlib.Path, server: str, **user: object) -> pathlib.Path:
    """Write a kubeconfig with one context, "here"."""
    known = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "video"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user or {"token": TOKEN}}],
    }
    file.write_text(yaml.safe_dump(known))
    return file
