"""What tests need from the machine: skipped with a reason where it is missing, failed where it was promised.

A fixture that does not find its server says `requirements.missing("postgresql", "initdb is not installed")` and nothing
else. On a developer's machine that skips the test. REELMESH_TEST_REQUIRE="postgresql,s3" promises both, as .ci/run
does: there the same line fails, so that a suite cannot turn green by not running.
"""

import collections
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from typing import NoReturn

import pytest

PREFIX = "REELMESH_"
PROMISES = "REELMESH_TEST_REQUIRE"
# What a developer may tell the tests. prepare() keeps it; everything else with our PREFIX is for programs.
SETTINGS = frozenset({"REELMESH_TEST_CLUSTER_CACHE", "REELMESH_TEST_IMAGE_IMPORT", "REELMESH_TEST_KUBECONFIG"})
KNOWN = frozenset(
    {
        "cluster",
        "collector",
        "ffprobe",
        "fonts",
        "helm",
        "images",
        "namespaces",
        "nats",
        "postgresql",
        "s3",
        "small_disk",
    }
)

# For tests that look into /proc or write to /dev/full.
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="linux: needs its /proc and /dev/full")

_promised: set[str] = set()
_settings: dict[str, str] = {}


def promised(environment: Mapping[str, str]) -> frozenset[str]:
    """Return what the machine promises to have.

    Raises:
        pytest.UsageError: it promises what no test knows; a typo must not take a promise away.
    """
    named = {word.strip() for word in environment.get(PROMISES, "").split(",")} - {""}
    if unknown := named - KNOWN:
        raise pytest.UsageError(f"{PROMISES} names {', '.join(sorted(unknown))}; known are {', '.join(sorted(KNOWN))}")
    return frozenset(named)


def keep_settings(environment: Mapping[str, str]) -> None:
    """Keep what the environment says of SETTINGS."""
    _settings.update({name: value for name in SETTINGS if (value := environment.get(name, ""))})


def setting(name: str) -> str:
    """Return what was told by one of SETTINGS, empty if nothing was."""
    if name not in SETTINGS:
        raise ValueError(f"{name!r} is not in tests/support/requirements.py's SETTINGS")
    return _settings.get(name, "")


def prepare() -> None:
    """Keep the promises and SETTINGS, and take the rest of what we were started in away: tests say what they set."""
    environment = os.environ  # noqa: TID251 - the one place where tests meet the environment they were started in
    _promised.update(promised(environment))
    keep_settings(environment)
    for name in [name for name in environment if name.startswith(PREFIX)]:
        del environment[name]
    # Shells have what they run in the background ignore it, and with it all that tests start, and interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def missing(need: str, reason: str) -> NoReturn:
    """Skip the test for `reason`, or fail it where the machine promised `need`, which is one of KNOWN."""
    refuse(need, reason, _promised)


def refuse(need: str, reason: str, promises: Iterable[str]) -> NoReturn:
    """Do so under these promises."""
    if need not in KNOWN:
        raise ValueError(f"{need!r} is not in tests/support/requirements.py's KNOWN")
    if need in promises:
        pytest.fail(f"{need} was promised by {PROMISES}, but: {reason}", pytrace=False)
    pytest.skip(f"{need}: {reason}")


def summary(reasons: Iterable[str]) -> list[str]:
    """Return a line for each reason why tests were skipped, the most frequent first."""
    return [f"{count:>5}: {reason}" for reason, count in collections.Counter(reasons).most_common()]
