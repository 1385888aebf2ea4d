"""What all tests of Runway's provider need."""

import pytest

from tests.support.runway_provider import KEY


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNWAY_KEY", KEY)
