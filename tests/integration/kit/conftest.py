"""On which event loops tests run: on asyncio's, and on uvloop too where they ask for it, as services do."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

LOOPS: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    asked = item.get_closest_marker("asyncio")
    return LOOPS if asked and "loop_factories" in asked.kwargs else {"asyncio": LOOPS["asyncio"]}
