"""The worker that serves one provider: its lease, its submits, its watching and its searches."""

from reelmesh_provider.worker.surroundings import Limits, Mesh, Surroundings
from reelmesh_provider.worker.worker import Worker

__all__ = ["Limits", "Mesh", "Surroundings", "Worker"]
