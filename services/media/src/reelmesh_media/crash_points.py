"""Every boundary at which media can be told to die, by name: around each result that it hands to somebody else."""

from reelmesh_kit import crashing

TABLE = crashing.Table("media")

LEASE_RENEWED = TABLE.point("lease.renewed")

# A step: its message, its row taken, its clips here, its work done, its results stored, its end written down.
LANES = {lane: TABLE.message(f"step.{lane}") for lane in ("quick", "ladder")}
STEP_BEGUN = TABLE.point("step.begun")
STEP_MADE = TABLE.point("step.made")
STEP_STORED = TABLE.point("step.stored")
STEP_FINISHED = TABLE.point("step.finished")

PROBED = TABLE.point("probe.measured")
REFERENCE_CLEANED = TABLE.point("reference.cleaned")
REFERENCE_STORED = TABLE.point("reference.stored")
