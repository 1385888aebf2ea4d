"""A chassis for tests."""

import logging

from opentelemetry.sdk.trace import export
from reelmesh_kit import chance, clock, health, ids, process, settings, telemetry


def make_chassis(
    service: str, *, exporter: export.SpanExporter | None = None, time: clock.Clock | None = None
) -> process.Chassis:
    """Return a chassis whose ids and jitter come from a seed; `time` is the machine's clock unless given.

    The caller shuts its telemetry down.
    """
    used = time or clock.SystemClock()
    quiet = settings.ServiceSettings.model_construct(trace_reads_ratio=1.0)
    return process.Chassis(
        service=service,
        clock=used,
        ids=ids.SeededIds(),
        chance=chance.SeededChance(),
        telemetry=telemetry.configure(service, quiet, exporter=exporter),
        health=health.Health(used),
        logger=logging.getLogger(f"reelmesh.{service}"),
    )
