"""What the use cases need from the outside, in our words."""

from reelmesh_orchestrator.ports.nouns import (
    KEEP,
    AdmissionFacts,
    Backlog,
    Case,
    Charge,
    Claim,
    Event,
    Filter,
    Lease,
    Outgoing,
    Place,
    Queue,
    StepCase,
    Watched,
)
from reelmesh_orchestrator.ports.outside import Assets, Bell, ProgressBoard
from reelmesh_orchestrator.ports.store import Record, Store

__all__ = [
    "KEEP",
    "AdmissionFacts",
    "Assets",
    "Backlog",
    "Bell",
    "Case",
    "Charge",
    "Claim",
    "Event",
    "Filter",
    "Lease",
    "Outgoing",
    "Place",
    "ProgressBoard",
    "Queue",
    "Record",
    "StepCase",
    "Store",
    "Watched",
]
