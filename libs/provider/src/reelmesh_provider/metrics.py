"""Every metric of a provider's worker, each with a sentence."""

import prometheus_client
from reelmesh_kit import metrics

SUBMIT_BUCKETS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """The worker's metrics in one registry."""

    def __init__(self, registry: prometheus_client.CollectorRegistry) -> None:
        """Register them."""
        self.submits = prometheus_client.Counter(
            "provider_submits", "Submits by how they ended.", ["provider", "result"], registry=registry
        )
        self._submit_duration = prometheus_client.Histogram(
            "provider_submit_duration_seconds",
            "Time from starting a submit to its answer.",
            ["provider"],
            buckets=SUBMIT_BUCKETS_SECONDS,
            registry=registry,
        )
        self.polls = prometheus_client.Counter(
            "provider_polls",
            "Requests that looked at jobs, by whether they were answered.",
            ["provider", "result"],
            registry=registry,
        )
        self.endings = prometheus_client.Counter(
            "provider_jobs_ended", "Jobs by how they ended.", ["provider", "outcome"], registry=registry
        )
        self.fetched = prometheus_client.Counter(
            "provider_fetched_bytes", "Bytes of clips taken from the provider.", ["provider"], registry=registry
        )
        self.found = prometheus_client.Counter(
            "provider_searches", "Searches for lost jobs by their result.", ["provider", "result"], registry=registry
        )
        self.watching = prometheus_client.Gauge(
            "provider_watched_attempts", "Accepted attempts that this worker watches.", ["provider"], registry=registry
        )
        self.unacknowledged = prometheus_client.Gauge(
            "provider_unacknowledged_jobs",
            "Accepted ids that the orchestrator has not acknowledged yet.",
            ["provider"],
            registry=registry,
        )

    def note_submit(self, provider: str, seconds: float) -> None:
        """Note how long a submit took that ends in the span that is current."""
        metrics.observe(self._submit_duration, seconds, provider=provider)
