import pytest, pytest_asyncio, time
from tests.e2e import mesh as meshes, caller
pytestmark = pytest.mark.asyncio(loop_scope="module")

@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory):
    t=time.time()
    async with meshes.up(tmp_path_factory.mktemp("mesh")) as m:
        print("up", time.time()-t)
        yield m
        t=time.time()
    print("down", time.time()-t)

async def test_one(mesh):
    t=time.time()
    d = await mesh.caller.made("A cat")
    print("made", time.time()-t, d)
    print(await mesh.caller.story(d["id"]))
    print(mesh.submits(d), mesh.jobs(d))
    for s in mesh.spans(d["trace_id"]): print(s.service, s.kind, s.name, s.span_id, s.parent_id)
async def test_two(mesh):
    t=time.time()
    d = await mesh.caller.made("A cat two")
    print("made", time.time()-t)
