"""The studio: real renderers in child processes, bounded, cancellable, replaced when they die."""

import asyncio
import os
import pathlib
import signal

import pytest
from reelmesh_kit import process
from reelmesh_provider_local import studio


def request(path: pathlib.Path, **changes: object) -> dict[str, object]:
    small: dict[str, object] = {
        "prompt": "a cat", "images": [], "first_frame": None, "duration_seconds": 1.0, "width": 160, "height": 90,
        "seed": 1, "fps": 24, "audio": False, "path": str(path),
    }  # fmt: skip
    return small | changes


def size_of(path: pathlib.Path) -> int:
    return path.stat().st_size if path.exists() else 0


async def test_one_renderer_renders_one_clip_after_another(chassis: process.Chassis, tmp_path: pathlib.Path) -> None:
    parts: list[float] = []
    async with studio.Studio(chassis, 1) as renderers:
        for number in range(2):
            report = await renderers.render(request(tmp_path / f"{number}.mp4"), parts.append)
            assert report["size_bytes"] == size_of(tmp_path / f"{number}.mp4")
        assert len(renderers._all) == 1
    assert max(parts) > 0.9


async def test_what_cannot_be_made_is_refused_and_costs_no_renderer(
    chassis: process.Chassis, tmp_path: pathlib.Path
) -> None:
    async with studio.Studio(chassis, 1) as renderers:
        with pytest.raises(studio.RenderRefused, match="duration"):
            await renderers.render(request(tmp_path / "x.mp4", duration_seconds=1000), lambda part: None)
        await renderers.render(request(tmp_path / "x.mp4"), lambda part: None)
        assert len(renderers._all) == 1


async def test_a_request_that_fails_is_told_without_paths_which_the_log_has(
    chassis: process.Chassis, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with studio.Studio(chassis, 1) as renderers:
        with pytest.raises(studio.RenderFailed, match="trouble with its files: No such file or directory") as failed:
            await renderers.render(request(tmp_path / "x.mp4", images=["/nowhere/image"]), lambda part: None)
    assert "/nowhere" not in str(failed.value)
    assert "/nowhere/image" in caplog.text


async def test_a_renderer_that_dies_is_replaced_and_the_clip_rendered(
    chassis: process.Chassis, tmp_path: pathlib.Path
) -> None:
    killed = []

    async with studio.Studio(chassis, 1) as renderers:

        def kill_once(part: float) -> None:
            if not killed:
                (child,) = renderers._all
                os.kill(child.pid, signal.SIGKILL)
                killed.append(child.pid)

        await renderers.render(request(tmp_path / "x.mp4"), kill_once)
        (child,) = renderers._all
        assert child.pid not in killed


async def test_a_cancelled_render_kills_its_renderer_and_leaves_no_clip(
    chassis: process.Chassis, tmp_path: pathlib.Path
) -> None:
    begun = asyncio.Event()
    async with studio.Studio(chassis, 1) as renderers:
        long = request(tmp_path / "x.mp4", duration_seconds=30.0, width=1280, height=720)
        render = asyncio.create_task(renderers.render(long, lambda part: begun.set()))
        await begun.wait()
        render.cancel()
        with pytest.raises(asyncio.CancelledError):
            await render
        assert renderers._all == set()
    assert size_of(tmp_path / "x.mp4") == 0
