"""Names the fixtures that all tests share, cleans the environment, and says at the end what was not run and why."""

import hypothesis
import pytest

from tests.support import requirements

pytest_plugins = ["tests.support.plugin", "tests.support.postgresql", "tests.support.s3", "tests.support.worker_scene"]


# How long an example takes is a matter of the machine.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_configure() -> None:
    """Run before any test is imported, so that no setting of this machine reaches one."""
    requirements.prepare()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how often which reason to skip was met."""
    reports = terminalreporter.stats.get("skipped", [])
    if reports:
        terminalreporter.section(f"{len(reports)} skipped")
        for line in requirements.summary(_reason(report) for report in reports):
            terminalreporter.line(line)


def _reason(report: pytest.TestReport) -> str:
    where = report.longrepr
    return where[2].removeprefix("Skipped: ") if isinstance(where, tuple) else str(where)
