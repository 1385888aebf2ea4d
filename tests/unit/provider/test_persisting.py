"""What is not acknowledged is told again, and becomes a warning only when it takes long."""

import logging

import pytest
from reelmesh_provider.worker import persisting


@pytest.fixture(autouse=True)
def _every_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def _said(caplog: pytest.LogCaptureFixture) -> list[int]:
    return [record.levelno for record in caplog.records if record.message.startswith("Not acknowledged yet")]


async def test_a_mesh_that_is_about_to_start_is_no_reason_to_warn(scene, caplog) -> None:
    scene.mesh.fail("register", times=5)
    await scene.worker.start()
    assert scene.clock.elapsed() < persisting.WARN_AFTER_SECONDS
    assert _said(caplog) == [logging.INFO] * 5


async def test_what_takes_long_is_a_warning(scene, caplog) -> None:
    scene.mesh.fail("register", times=60)
    await scene.worker.start()
    assert scene.clock.elapsed() > persisting.WARN_AFTER_SECONDS
    assert _said(caplog)[0] == logging.INFO
    assert _said(caplog)[-1] == logging.WARNING
    assert _said(caplog) == sorted(_said(caplog))


async def test_nobody_waits_long_for_the_card_of_a_mesh_that_has_started(scene) -> None:
    scene.mesh.fail("register", times=60)
    before = scene.clock.elapsed()
    await scene.worker.start()
    assert (scene.clock.elapsed() - before) / 60 <= 1.0 + persisting.JITTER
