"""Every boundary at which storage can be told to die, by name: between the row of an asset and its bytes, above all."""

from reelmesh_kit import crashing

TABLE = crashing.Table("storage")

# Storing: the intent, the bytes, their publication, the settlement.
BEGIN = TABLE.commit("put.begin")
WRITTEN = TABLE.point("put.written")
PUBLISHED = TABLE.point("put.published")
SETTLE = TABLE.commit("put.settle")
# What did not come to that.
FORGET = TABLE.commit("put.forget")
CONDEMN_WRITE = TABLE.commit("put.condemn")
# What was there already.
TWIN_DELETED = TABLE.point("put.twin_deleted")
TWIN_REMOVED = TABLE.commit("put.twin_removed")
PROLONG = TABLE.commit("put.prolong")

KEEP = TABLE.commit("keep")

CONDEMN = TABLE.commit("remove.condemn")
DELETED = TABLE.point("remove.deleted")
REMOVED = TABLE.commit("remove.removed")

SWEEP_EXPIRED = TABLE.commit("sweep.expired")
SWEEP_STALE = TABLE.commit("sweep.stale")
SWEEP_ADOPT = TABLE.commit("sweep.adopt")
SWEEP_DELETED = TABLE.point("sweep.deleted")
SWEEP_REMOVED = TABLE.commit("sweep.removed")
SWEEP_PURGE = TABLE.commit("sweep.purge")
