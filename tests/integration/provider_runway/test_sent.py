"""What Runway's provider sends, and to whom: read by a server that writes it down."""

import asyncio
import dataclasses
import json
import pathlib
from collections.abc import AsyncIterator

import pytest
from reelmesh_provider import downloads, errors, model
from reelmesh_provider_runway import provider as runway

from tests.support.runway_provider import KEY, LARGE, TASK, open_gate, provider_at, state_of


@dataclasses.dataclass
class Scribe:
    """Answers requests by their first line, and keeps all it was sent."""

    url: str = ""
    answers: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    statuses: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    heard: list[tuple[str, str, bytes]] = dataclasses.field(default_factory=list[tuple[str, str, bytes]])

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, write it down and answer it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next((int(line[15:]) for line in head.splitlines() if line.startswith("content-length:")), 0)
        body = await reader.readexactly(length)
        line = " ".join(head.split(" ")[:2])
        self.heard.append((line, head, body))
        text = self.answers.get(line, "").encode()
        status = self.statuses.get(line, "200 OK")
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(text)}\r\nconnection: close\r\n\r\n".encode() + text)
        await writer.drain()
        writer.close()

    @property
    def lines(self) -> list[str]:
        """What was asked, in order."""
        return [line for line, *_ in self.heard]

    def head(self, line: str) -> str:
        """Return the head of the one request with this line."""
        (found,) = [head for one, head, _ in self.heard if one == line]
        return found


@pytest.fixture
async def scribe() -> AsyncIterator[Scribe]:
    made = Scribe()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made


@pytest.fixture
async def told_all(scribe: Scribe, tmp_path: pathlib.Path) -> AsyncIterator[runway.RunwayProvider]:
    async with provider_at(scribe.url, tmp_path) as made:
        yield made


UPLOADS, BUCKET, CREATE = "post /v1/uploads", "post /bucket", "post /v1/image_to_video"


def uploading(scribe: Scribe, bucket: str) -> None:
    told = {"uploadUrl": bucket, "fields": {"key": "ephemeral/1", "policy": "p"}, "runwayUri": "runway://1"}
    scribe.answers |= {UPLOADS: json.dumps(told), CREATE: '{"id": "17f2"}'}


async def test_a_large_picture_is_sent_before_without_the_key_its_fields_first(scribe, told_all) -> None:
    uploading(scribe, f"{scribe.url}/bucket")
    own = open_gate()
    await told_all.submit(dataclasses.replace(TASK, first_frame=LARGE), own)
    assert scribe.lines == [UPLOADS, BUCKET, CREATE]
    for line in (UPLOADS, CREATE):
        assert f"authorization: bearer {KEY}" in scribe.head(line)
        assert "x-runway-version: 2024-11-06" in scribe.head(line)
    assert "authorization" not in scribe.head(BUCKET)
    (form,) = [body for line, _, body in scribe.heard if line == BUCKET]
    assert form.index(b'name="key"') < form.index(b'name="policy"') < form.index(b'name="file"')
    (create,) = [json.loads(body) for line, _, body in scribe.heard if line == CREATE]
    assert create["promptImage"] == "runway://1"


async def test_a_picture_goes_nowhere_else_without_tls(scribe, told_all) -> None:
    uploading(scribe, f"{scribe.url.replace('127.0.0.1', 'localhost')}/bucket")
    own = open_gate()
    with pytest.raises(errors.Unreachable, match="where a picture goes"):
        await told_all.submit(dataclasses.replace(TASK, first_frame=LARGE), own)
    assert (scribe.lines, own.asked) == ([UPLOADS], False)


@pytest.mark.parametrize(("line", "status"), [(UPLOADS, "401 No"), (BUCKET, "403 No"), (BUCKET, "413 No")])
async def test_a_picture_that_is_refused_is_refused_for_good(scribe, told_all, line: str, status: str) -> None:
    uploading(scribe, f"{scribe.url}/bucket")
    scribe.statuses[line] = status
    answer = await told_all.submit(dataclasses.replace(TASK, first_frame=LARGE), open_gate())
    assert isinstance(answer, model.Declined)
    assert answer.verdict is model.Verdict.REFUSED_FOR_GOOD
    assert CREATE not in scribe.lines


@pytest.mark.parametrize("line", [UPLOADS, BUCKET])
async def test_a_picture_that_does_not_get_through_is_tried_later(scribe, told_all, line: str) -> None:
    uploading(scribe, f"{scribe.url}/bucket")
    scribe.statuses[line] = "503 Later"
    own = open_gate()
    with pytest.raises(errors.Unreachable):
        await told_all.submit(dataclasses.replace(TASK, first_frame=LARGE), own)
    assert (CREATE in scribe.lines, own.asked) == (False, False)


@pytest.mark.parametrize("status", ["307 Elsewhere", "429 Busy", "500 No", "502 No", "503 No", "504 No"])
async def test_one_create_leaves_whatever_is_answered(scribe, told_all, status: str) -> None:
    line = "post /v1/text_to_video"
    scribe.statuses[line] = f"{status}\r\nlocation: {scribe.url}/v1/text_to_video"
    await told_all.submit(TASK, open_gate())
    assert scribe.lines == [line]


async def test_the_key_does_not_go_to_where_the_clip_lies(scribe, told_all) -> None:
    done = {"id": "17f2", "status": "SUCCEEDED", "output": [f"{scribe.url}/clip.mp4?_jwt=x"]}
    scribe.answers |= {"get /v1/tasks/17f2": json.dumps(done), "get /clip.mp4?_jwt=x": "bytes"}
    async with told_all.fetch(model.Job("a", "one", "gen4.5", "17f2")) as download:
        assert b"".join([chunk async for chunk in download.chunks]) == b"bytes"
    assert f"authorization: bearer {KEY}" in scribe.head("get /v1/tasks/17f2")
    assert "authorization" not in scribe.head("get /clip.mp4?_jwt=x")


async def test_a_clip_is_not_fetched_from_within_our_network(scribe, told_all) -> None:
    elsewhere = scribe.url.replace("127.0.0.1", "localhost")
    done = {"id": "17f2", "status": "SUCCEEDED", "output": [f"{elsewhere}/clip.mp4"]}
    scribe.answers["get /v1/tasks/17f2"] = json.dumps(done)
    with pytest.raises(downloads.Refused):
        async with told_all.fetch(model.Job("a", "one", "gen4.5", "17f2")):
            pass
    assert scribe.lines == ["get /v1/tasks/17f2"]


async def test_a_task_that_has_no_clip_yet_is_fetched_later(scribe, told_all) -> None:
    scribe.answers["get /v1/tasks/17f2"] = '{"id": "17f2", "status": "RUNNING"}'
    with pytest.raises(errors.FetchFailed):
        async with told_all.fetch(model.Job("a", "one", "gen4.5", "17f2")):
            pass


async def test_an_id_is_one_part_of_an_address(scribe, told_all) -> None:
    await state_of(told_all, model.Job("a", "one", "gen4.5", "../organization?x=1"))
    assert scribe.lines == ["get /v1/tasks/..%2forganization%3fx%3d1"]
