"""Every boundary at which a provider's worker can be told to die, by name: whoever's worker it is."""

from reelmesh_kit import crashing

TABLE = crashing.Table("provider")

# A life begins: what a former one was not heard saying, then the card, then the lease.
REPLAYED = TABLE.point("start.replayed")
REGISTERED = TABLE.point("start.registered")
LEASE_RENEWED = TABLE.point("lease.renewed")

# A task and its message.
TASK = TABLE.message("task")

# A submit: room for the id, leave, the vendor's answer, the id on disk, the id told.
RESERVED = TABLE.point("submit.reserved")
GRANTED = TABLE.point("submit.granted")
ANSWERED = TABLE.point("submit.answered")
JOURNALLED = TABLE.point("submit.journalled")
RECORDED = TABLE.point("submit.recorded")
DECLINED = TABLE.point("submit.declined")
GIVEN_BACK = TABLE.point("submit.given_back")

# A job: asked to stop, its clip stored, measured, its end told.
CANCELLED = TABLE.point("job.cancelled")
STORED = TABLE.point("job.stored")
MEASURED = TABLE.point("job.measured")
FINISHED = TABLE.point("job.finished")

# What was lost: its list read, its job adopted, or that there is none concluded.
LISTED = TABLE.point("find.listed")
ADOPTED = TABLE.point("find.adopted")
CONCLUDED = TABLE.point("find.concluded")
