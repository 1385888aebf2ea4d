"""Shipped fakes: a provider that does what a script says, and a mesh in memory for its worker to talk to."""

from reelmesh_provider.testing.attempts import MemoryMesh, Row, State
from reelmesh_provider.testing.scripted import ScriptedJob, ScriptedProvider, Step, Way, clip_bytes, make_task
from reelmesh_provider.testing.stores import MemoryAssets, MemoryClips, MemoryJournal, MemoryPage, MemoryProgress

__all__ = [
    "MemoryAssets",
    "MemoryClips",
    "MemoryJournal",
    "MemoryMesh",
    "MemoryPage",
    "MemoryProgress",
    "Row",
    "ScriptedJob",
    "ScriptedProvider",
    "State",
    "Step",
    "Way",
    "clip_bytes",
    "make_task",
]
