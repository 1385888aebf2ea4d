"""Every metric of storage, a sentence each."""

import prometheus_client

from reelmesh_storage.model import leftovers


class Metrics:
    """Storage's metrics in the service's registry. Labels are kinds, reasons and directions: never ids or tenants."""

    def __init__(self, registry: prometheus_client.CollectorRegistry) -> None:
        """Register all of them."""
        self.bytes = prometheus_client.Counter(
            "storage_bytes_total",
            "Bytes of assets that went into the bucket or came out of it, by direction (in, out).",
            ["direction"],
            registry=registry,
        )
        self.published = prometheus_client.Counter(
            "storage_published_total", "Writes whose bytes were published.", registry=registry
        )
        self.swept = prometheus_client.Counter(
            "storage_swept_total",
            "Writes that the sweep condemned, by the kind of their asset and why (expired, stale, orphaned).",
            ["kind", "reason"],
            registry=registry,
        )
        self.removed = prometheus_client.Counter(
            "storage_removed_total", "Writes whose bytes the sweep removed from the bucket.", registry=registry
        )
        self.removal_failures = prometheus_client.Counter(
            "storage_removal_failures_total",
            "Bytes that the sweep could not remove; each is tried again.",
            registry=registry,
        )
        self.index_doubtful = prometheus_client.Gauge(
            "storage_index_doubtful",
            "1 while the bucket holds so many bytes without a row that the sweep leaves them alone, else 0.",
            registry=registry,
        )

    def note_sweep(self, swept: leftovers.Swept) -> None:
        """Count what one sweep did."""
        for (reason, kind), count in swept.condemned.items():
            self.swept.labels(kind.value, reason.value).inc(count)
        self.removed.inc(swept.removed)
        self.removal_failures.inc(swept.failed)
        self.index_doubtful.set(int(swept.alarming))
