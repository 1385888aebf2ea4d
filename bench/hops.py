"""Tells what a Python process's time went into: samples of its stacks, weighted by the processor time of threads."""

import collections
import dataclasses
import re
from collections.abc import Mapping, Sequence

OTHER = "other"
LOOP = "event loop and C"
NATIVE = "gRPC's own threads"
# A frame belongs to the first of these that matches where its code lies, from the package on; a frame that none matches
# belongs to who called it.
HOPS: Mapping[str, re.Pattern[str]] = {
    "SQL": re.compile(r"(sqlalchemy|asyncpg|greenlet|alembic|reelmesh_kit/sql)/"),
    "rows to words": re.compile(r"reelmesh_\w+/adapters/sql/"),
    "NATS": re.compile(r"nats/|reelmesh_kit/bus/|reelmesh_\w+/adapters/(outbox|progress)\b"),
    "spans, metrics": re.compile(r"(opentelemetry|prometheus_client|logging)/|reelmesh_kit/(telemetry|metrics)\b"),
    "HTTP": re.compile(
        r"(starlette|uvicorn|h11|httptools|httpx|reelmesh_json)/|reelmesh_kit/web|reelmesh_\w+/routes\b"
    ),
    "gRPC": re.compile(r"(grpc|google/protobuf|reelmesh)/|reelmesh_kit/rpc/|reelmesh_\w+/(servicer|wire|adapters)\b"),
    "decisions": re.compile(r"reelmesh_\w+/(usecases|model)\b"),
}
# Whoever writes to a socket does so through the loop: this is what nobody else is to blame for. What the loop calls and
# is written in C, such as much of gRPC, is in it, too.
_LOOP = re.compile(r"(asyncio|concurrent)/|selectors\.py|reelmesh_kit/clock\.py")
# A thread of which Python sees nothing but its start runs something written in C: gRPC's poller.
_STARTER = "threading.py"
_PACKAGE = re.compile(r"^.*/(site-packages|src|lib/python[\d.]+)/")
_SAMPLE = re.compile(r"^thread \((?P<thread>\d+)\)[^;]*(?:;(?P<stack>.*))? (?P<count>\d+)$")
_FRAME = re.compile(r"^(?P<name>.*) \((?P<path>.*?)(?::\d+)?\)$")


@dataclasses.dataclass(frozen=True)
class Sample:
    """How often a thread was seen with a stack, the innermost frame last; frames are (function, path)."""

    thread: int
    frames: Sequence[tuple[str, str]]
    count: int


@dataclasses.dataclass(frozen=True)
class Function:
    """What a function took, seconds: by itself, and with all that it called."""

    name: str
    own: float
    total: float


def parse(text: str) -> list[Sample]:
    """Read py-spy's raw format, written with --threads and --full-filenames."""
    found: list[Sample] = []
    for line in text.splitlines():
        if match := _SAMPLE.match(line):
            frames = [_frame(part) for part in (match["stack"] or "").split(";") if part]
            found.append(Sample(int(match["thread"]), frames, int(match["count"])))
    return found


def weighted(samples: Sequence[Sample], thread_seconds: Mapping[int, float]) -> list[tuple[Sample, float]]:
    """Return each sample with the processor seconds that it stands for: its part of what its thread has used."""
    counts: collections.Counter[int] = collections.Counter()
    for sample in samples:
        counts[sample.thread] += sample.count
    return [
        (sample, thread_seconds.get(sample.thread, 0.0) * sample.count / counts[sample.thread]) for sample in samples
    ]


def by_hop(samples: Sequence[Sample], thread_seconds: Mapping[int, float]) -> dict[str, float]:
    """Return the processor seconds of each hop; threads that were never seen are not Python's."""
    found = dict.fromkeys((*HOPS, LOOP, NATIVE, OTHER), 0.0)
    for sample, seconds in weighted(samples, thread_seconds):
        found[hop_of(sample.frames)] += seconds
    seen = {sample.thread for sample in samples}
    found[NATIVE] += sum(seconds for thread, seconds in thread_seconds.items() if thread not in seen)
    return found


def hop_of(frames: Sequence[tuple[str, str]]) -> str:
    """Return the hop of a stack: that of the innermost frame that has one."""
    for _, path in reversed(frames):
        for hop, pattern in HOPS.items():
            if pattern.match(place(path)):
                return hop
    if any(_LOOP.match(place(path)) for _, path in frames):
        return LOOP
    return NATIVE if all(place(path) == _STARTER for _, path in frames) else OTHER


def functions(samples: Sequence[Sample], thread_seconds: Mapping[int, float]) -> list[Function]:
    """Return all functions that were seen, those with most time of their own first."""
    own: collections.defaultdict[str, float] = collections.defaultdict(float)
    total: collections.defaultdict[str, float] = collections.defaultdict(float)
    for sample, seconds in weighted(samples, thread_seconds):
        names = [f"{place(path)}:{name}" for name, path in sample.frames]
        if names:
            own[names[-1]] += seconds
        for name in set(names):
            total[name] += seconds
    found = [Function(name, own[name], total[name]) for name in total]
    return sorted(found, key=lambda function: -function.own)


def _frame(text: str) -> tuple[str, str]:
    match = _FRAME.match(text)
    return (match["name"], match["path"]) if match else (text, "")


def place(path: str) -> str:
    """Return where code lies, from its package on, wherever packages are installed or checked out."""
    return _PACKAGE.sub("", path)
