"""Serves gRPC without any service, and leaves a note of what it was told."""

import contextlib
import json
import logging
from collections.abc import AsyncGenerator

from reelmesh_kit import process, rpc

from tests.unit.standalone.fake_service import settings


@contextlib.asynccontextmanager
async def build(told: settings.FakeSettings, own: process.Chassis) -> AsyncGenerator[process.Running]:
    told.data_folder.mkdir(parents=True, exist_ok=True)
    if (told.data_folder / "broken").exists():
        raise process.CannotStart("It is broken. Remove the file.")
    notes = told.data_folder / "notes.jsonl"
    async with rpc.serve(own, [], host=told.host, port=told.grpc_port, drain_seconds=0.1) as port:
        logging.getLogger("reelmesh.fake").warning("a warning")
        with notes.open("a") as file:
            file.write(json.dumps({"at": "start", "port": port, "first": told.first_address}) + "\n")
        try:
            yield process.Running(grpc_port=port, http_port=told.http_port)
        finally:
            with notes.open("a") as file:
                file.write(json.dumps({"at": "stop"}) + "\n")
