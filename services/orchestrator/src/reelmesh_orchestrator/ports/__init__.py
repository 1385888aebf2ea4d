"""What the use cases need from the outside, in our words."""

from reelmesh_orchestrator.ports.eras import EraStore, Orphan, OrphanPlace
from reelmesh_orchestrator.ports.health import HealthEvent, HealthEventType, HealthStore, Load, SeenAccount
from reelmesh_orchestrator.ports.nouns import (
    KEEP,
    PROVIDER_WORKER,
    AdmissionFacts,
    Backlog,
    Case,
    Charge,
    Claim,
    Doubt,
    DoubtPlace,
    Event,
    Filter,
    Lease,
    Outgoing,
    Place,
    Queue,
    StepCase,
    Watched,
)
from reelmesh_orchestrator.ports.outside import Assets, Bell, MarkNote, ProgressBoard
from reelmesh_orchestrator.ports.store import Record, Store

__all__ = [
    "KEEP",
    "PROVIDER_WORKER",
    "AdmissionFacts",
    "Assets",
    "Backlog",
    "Bell",
    "Case",
    "Charge",
    "Claim",
    "Doubt",
    "DoubtPlace",
    "EraStore",
    "Event",
    "Filter",
    "HealthEvent",
    "HealthEventType",
    "HealthStore",
    "Lease",
    "Load",
    "MarkNote",
    "Orphan",
    "OrphanPlace",
    "Outgoing",
    "Place",
    "ProgressBoard",
    "Queue",
    "Record",
    "SeenAccount",
    "StepCase",
    "Store",
    "Watched",
]
