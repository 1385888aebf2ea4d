"""A provider is added by a folder beside the mesh, as docs/providers.md shows it whole; no other file changes."""

import pathlib
import re
import tomllib

import pytest
from reelmesh_kit import clock
from reelmesh_standalone import parts

from tests.chaos import clips, vendor
from tests.e2e import mesh

PAGE = pathlib.Path(__file__).parent.parent.parent / "docs" / "providers.md"
PROVIDER = "provider-acme"
ACCOUNTS = """
accounts:
  - {{id: acme-1, provider: acme, endpoint: "{url}", secret: ACME_KEY, slots: 4, exclusive: true}}
"""


def put_down(folder: pathlib.Path) -> pathlib.Path:
    """Write the files of the page, installed as an editable member of the workspace is; return what to import from."""
    blocks = re.findall(r"^```\w+\n# (\S+\.\w+)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6, [name for name, _ in blocks]
    for name, text in blocks:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    source = folder / "src"
    (source / "reelmesh_provider_acme" / "__init__.py").touch()
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    note = source / "reelmesh_provider_acme-0.1.0.dist-info"
    note.mkdir()
    (note / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n")
    entries = "\n".join(
        f"[{group}]\n" + "\n".join(f"{name} = {value}" for name, value in named.items())
        for group, named in project["entry-points"].items()
    )
    (note / "entry_points.txt").write_text(entries + "\n")
    return source


async def test_a_folder_more_makes_videos(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(put_down(tmp_path / PROVIDER)))
    assert PROVIDER in [part.name for part in parts.all_parts()]
    sold = clips.made(tmp_path / "sold")
    async with vendor.Vendor(clock.SystemClock(), 1, sold, render_seconds=0.2).serving() as acme:
        accounts = tmp_path / "accounts.yaml"
        accounts.write_text(ACCOUNTS.format(url=acme.url))
        monkeypatch.setenv("ACME_KEY", "a key")
        told = {"orchestrator": {"accounts_file": accounts}, PROVIDER: {"accounts_file": accounts}}
        async with mesh.up(tmp_path / "mesh", mesh.Wanted(paid=(PROVIDER,), told=told)) as one:
            made = await one.caller.made("A lighthouse at dusk", model="acme/acme-1")
            assert made["delivery"] == "VIDEO"
            (shot,) = made["shots"]
            # Acme may have lost a request, which was looked for then, and made again.
            attempt = shot["attempts"][-1]
            (job,) = acme.jobs.values()
            assert (attempt["model"], attempt["job_id"], job.tag) == ("acme-1", job.job_id, attempt["id"])
            assert (await one.caller.content(made["renditions"][0]["asset_id"]))[4:8] == b"ftyp"
