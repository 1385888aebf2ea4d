"""What processes have used, as /proc tells it."""

import subprocess
import sys

import pytest

from bench import processes
from tests.support import requirements

pytestmark = requirements.LINUX
# Burns half a second of processor time, some of it in a child that it waits for, then says so and stays.
BUSY = """
import subprocess, sys, time
burn = "import time\\nwhile time.process_time() < 0.25: pass"
subprocess.run([sys.executable, "-c", burn], check=True)
while time.process_time() < 0.25: pass
print("burnt", flush=True)
sys.stdin.read()
"""


def test_processor_time_counts_children_that_have_ended() -> None:
    command = [sys.executable, "-c", BUSY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as busy:
        assert busy.stdout is not None
        assert busy.stdout.readline() == b"burnt\n"
        assert processes.cpu_seconds(busy.pid) >= 0.48
        # Ticks of the kernel's clock are coarse.
        assert sum(processes.thread_seconds(busy.pid).values()) == pytest.approx(0.25, abs=0.1)
        assert processes.resident_bytes(busy.pid) > 1_000_000
        busy.communicate()


def test_a_process_that_is_gone_has_used_nothing_that_could_be_told() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    with pytest.raises(ProcessLookupError):
        processes.cpu_seconds(gone.pid)


def test_counters_are_compared_name_by_name() -> None:
    assert processes.spent({"a": 1.0, "b": 2.0}, {"a": 1.5, "b": 2.0, "c": 9.0}) == {"a": 0.5, "b": 0.0}
