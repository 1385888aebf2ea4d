"""What the time of a process goes into, told from samples of its stacks."""

import pytest

from bench import hops

# As py-spy writes it, in a checkout that is called as our generated package is.
RAW = """\
thread (11): MainThread;main (/home/me/reelmesh/libs/kit/src/reelmesh_kit/process.py:96);Handle._run (/usr/lib/python3.11/asyncio/events.py) 1
thread (11): MainThread;main (/home/me/reelmesh/libs/kit/src/reelmesh_kit/process.py);Handle._run (/usr/lib/python3.11/asyncio/events.py);create (/home/me/reelmesh/services/orchestrator/src/reelmesh_orchestrator/usecases/generations.py);replace (/usr/lib/python3.11/dataclasses.py) 3
thread (12): writer;run (/usr/lib/python3.11/threading.py);do_execute (/home/me/reelmesh/.venv/lib/python3.11/site-packages/sqlalchemy/engine/default.py) 5
thread (13);run (/usr/lib/python3.11/threading.py) 2
a line that is no sample
"""  # noqa: E501 - lines of a file
SECONDS = {11: 4.0, 12: 2.0, 13: 0.5, 14: 0.25}


def test_each_sample_stands_for_its_part_of_what_its_thread_has_used() -> None:
    seconds = [seconds for _, seconds in hops.weighted(hops.parse(RAW), SECONDS)]
    assert seconds == [1.0, 3.0, 2.0, 0.5]


def test_a_stack_belongs_to_the_innermost_frame_that_says_what_it_is_for() -> None:
    found = hops.by_hop(hops.parse(RAW), SECONDS)
    assert {hop: seconds for hop, seconds in found.items() if seconds} == {
        hops.LOOP: 1.0,
        "decisions": 3.0,
        "SQL": 2.0,
        # A thread that only Python started, and one that it never saw.
        hops.NATIVE: 0.75,
    }
    assert sum(found.values()) == sum(SECONDS.values())


@pytest.mark.parametrize(
    ("path", "hop"),
    [
        ("/home/me/reelmesh/bench/worker/app.py", hops.OTHER),
        ("/src/libs/api/src/reelmesh/v1/generation_pb2.py", "gRPC"),
        ("/src/services/orchestrator/src/reelmesh_orchestrator/adapters/sql/rows.py", "rows to words"),
        ("/src/services/orchestrator/src/reelmesh_orchestrator/adapters/outbox.py", "NATS"),
        ("/src/services/orchestrator/src/reelmesh_orchestrator/adapters/storage.py", "gRPC"),
        ("/src/services/gateway/src/reelmesh_gateway/routes/generations.py", "HTTP"),
        ("/src/libs/kit/src/reelmesh_kit/telemetry/tracing.py", "spans, metrics"),
        ("/src/libs/kit/src/reelmesh_kit/bus/handling.py", "NATS"),
    ],
)
def test_code_belongs_to_a_hop_by_its_package(path: str, hop: str) -> None:
    assert hops.hop_of([("main", "/usr/bin/tool"), ("f", path)]) == hop


def test_who_writes_through_the_loop_is_told_and_not_the_loop() -> None:
    loop = ("run_once", "/usr/lib/python3.11/asyncio/base_events.py")
    write = ("write", "/usr/lib/python3.11/asyncio/selector_events.py")
    publish = ("publish", "/x/site-packages/nats/aio/client.py")
    assert hops.hop_of([loop, publish, write]) == "NATS"
    assert hops.hop_of([loop, write]) == hops.LOOP


def test_functions_are_told_with_their_own_time_and_that_of_all_they_call() -> None:
    found = {one.name: (one.own, one.total) for one in hops.functions(hops.parse(RAW), SECONDS)}
    assert found["reelmesh_kit/process.py:main"] == (0.0, 4.0)
    assert found["reelmesh_orchestrator/usecases/generations.py:create"] == (0.0, 3.0)
    assert found["dataclasses.py:replace"] == (3.0, 3.0)
    assert next(iter(found)) == "dataclasses.py:replace"


def test_a_function_that_calls_itself_is_counted_once() -> None:
    stack = [("f", "/a/src/p/m.py"), ("f", "/a/src/p/m.py")]
    assert hops.functions([hops.Sample(1, stack, 1)], {1: 2.0}) == [hops.Function("p/m.py:f", 2.0, 2.0)]
