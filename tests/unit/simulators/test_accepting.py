"""A vendor that forgets a job has said before that there is one."""

from collections.abc import Mapping

import httpx
import pytest
from reelmesh_simulators import catalogue

from tests.support import vendors

SGLANG = {"prompt": "a cat [[forget=0]]", "seconds": "1", "size": "832x480"}
OPENAI = {"prompt": "a cat [[forget=0]]", "model": "sora-2", "seconds": "4", "size": "1280x720"}


@pytest.mark.parametrize(
    ("dialect", "fields"), [("openai", OPENAI), ("litellm", OPENAI), ("sglang", SGLANG), ("vllm-omni", SGLANG)]
)
async def test_a_job_that_is_forgotten_at_once_was_accepted(dialect: str, fields: Mapping[str, str]) -> None:
    async with vendors.selling(catalogue.DIALECTS[dialect]) as served, httpx.AsyncClient() as client:
        headers = {"authorization": "Bearer one:secret"}
        # As the SDK sends it.
        form = {name: (None, value) for name, value in fields.items()}
        made = await client.post(f"{served.url}/v1/videos", files=form, headers=headers)
        assert made.status_code == 200, made.text
        assert made.json()["status"] == "queued"
        looked = await client.get(f"{served.url}/v1/videos/{made.json()['id']}", headers=headers)
        assert looked.status_code == 404
