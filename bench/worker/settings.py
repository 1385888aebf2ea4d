"""What the workers of the benchmarks can be told."""

import pydantic
from reelmesh_kit import settings


class WorkerSettings(settings.ServiceSettings):
    """Settings of the workers; `grpc_port` is where their storage answers."""

    orchestrator_address: str = pydantic.Field(default="127.0.0.1:7001", description="gRPC target of the orchestrator.")
    slots: int = pydantic.Field(default=64, ge=1, description="Tasks of each kind that run at a time.")
    renew_seconds: float = pydantic.Field(default=5.0, gt=0, description="How often leases are renewed, seconds.")
    finishes: bool = pydantic.Field(default=True, description="Whether jobs end at once; if not, they never do.")
