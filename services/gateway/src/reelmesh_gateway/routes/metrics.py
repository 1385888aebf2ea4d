"""Every metric of the HTTP edge, a sentence each."""

import prometheus_client
from reelmesh_kit import metrics


class Metrics:
    """Labels are bounded: methods, route templates and statuses, never paths, keys or tenants."""

    def __init__(self, registry: prometheus_client.CollectorRegistry) -> None:
        """Register all of them."""
        self.requests = prometheus_client.Counter(
            "api_requests_total",
            "HTTP requests answered, by method, route and status.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.duration = prometheus_client.Histogram(
            "api_request_duration_seconds",
            "How long HTTP requests took until their answer was sent, by method and route.",
            ["method", "route"],
            buckets=metrics.CALL_BUCKETS_SECONDS,
            registry=registry,
        )
        self.webhooks = prometheus_client.Counter(
            "provider_webhooks_total",
            "What vendors told of jobs, by provider ('' where that is not known) and what became of it.",
            ["provider", "result"],
            registry=registry,
        )
        self.event_streams = prometheus_client.Gauge(
            "api_event_streams_open", "Callers that follow a generation at this moment.", registry=registry
        )
