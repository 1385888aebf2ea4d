"""The bounds of worker pools and of who scales them."""

from scripts.limits.bound import Bound

_RESOURCE = "reelmesh_operator.wire.resource"
_LOOKING = "reelmesh_orchestrator.usecases.looking"
_REFUSED = "the API server refuses the WorkerPool"
_INVALID = "{INVALID_ARGUMENT}"

POOLS = (
    Bound("name of a pool's provider, lane, workload or group", f"{_RESOURCE}.LONGEST_NAME_CHARACTERS", _REFUSED),
    Bound("workers of a pool, or of a group", f"{_RESOURCE}.MOST_REPLICAS", _REFUSED),
    Bound("lanes of media of a pool", f"{_RESOURCE}.MOST_LANES", _REFUSED),
    Bound("a pool's windows, and age of its signal", f"{_RESOURCE}.LONGEST_PERIOD_SECONDS", _REFUSED),
    Bound("priority of a pool", f"{_RESOURCE}.HIGHEST_PRIORITY", _REFUSED),
    Bound(
        "words of Kubernetes that are logged", "reelmesh_operator.wire.cluster.LONGEST_MESSAGE_CHARACTERS", "cut off"
    ),
    Bound("words of an event", f"{_RESOURCE}.LONGEST_NOTE_CHARACTERS", "cut off"),
    Bound("name of who tells of an event", f"{_RESOURCE}.LONGEST_INSTANCE_CHARACTERS", "cut off"),
    Bound("events of one pool and reason in ten minutes", "reelmesh_operator.model.series.TOLD_MOST", "counted"),
    Bound("time between two rounds", "reelmesh_operator.usecases.SHORTEST_PAUSE_SECONDS", "the next nudge waits"),
    Bound("time without a round", "reelmesh_operator.usecases.ROUND_PATIENCE_SECONDS", "the operator is not ready"),
    Bound("workers of a pool that are cordoned", f"{_LOOKING}.MOST_CORDONED", _INVALID),
    Bound("name of a worker that is cordoned", f"{_LOOKING}.LONGEST_WORKER_NAME_CHARACTERS", _INVALID),
    Bound("cordon that is not said again", f"{_LOOKING}.LONGEST_CORDON_SECONDS", _INVALID),
    Bound("cordon that is not said again", f"{_LOOKING}.SHORTEST_CORDON_SECONDS", _INVALID),
)
