"""Every boundary at which the orchestrator can be told to die, by name: each commit, and what leaves the outbox."""

from reelmesh_kit import crashing

TABLE = crashing.Table("orchestrator")

# What users do.
CREATE = TABLE.commit("create")
CANCEL = TABLE.commit("cancel")
RETRY = TABLE.commit("retry")
REMOVE = TABLE.commit("remove")
PROMOTE = TABLE.commit("promote")

# What provider workers do.
BEGIN = TABLE.commit("begin")
RECORD = TABLE.commit("record")
DECLINE = TABLE.commit("decline")
FINISH = TABLE.commit("finish")
CONCLUDE = TABLE.commit("conclude")
GIVE_BACK = TABLE.commit("give_back")

# What operators say of attempts in doubt.
WRITE_OFF = TABLE.commit("write_off")
ADOPT = TABLE.commit("adopt")

# What operators say of accounts.
SWITCH_OFF = TABLE.commit("switch_off")
SWITCH_ON = TABLE.commit("switch_on")

# What all workers do.
REGISTER_CARD = TABLE.commit("register_card")
LIST_ACCOUNTS = TABLE.commit("list_accounts")
RENEW = TABLE.commit("renew")
RELEASE = TABLE.commit("release")
CORDON = TABLE.commit("cordon")

# When the record is compared with what was seen of it, and when it has gone back.
EXAMINE = TABLE.commit("examine")
REPORT_CENSUS = TABLE.commit("recovery.report")
COUNT_CENSUS = TABLE.commit("recovery.count")
MATCH_FOUND = TABLE.commit("recovery.match")
START_RECOVERY = TABLE.commit("recovery.start")
RELEASE_ACCOUNT = TABLE.commit("recovery.release")

# What media workers do.
BEGIN_STEP = TABLE.commit("begin_step")
FINISH_STEP = TABLE.commit("finish_step")
FAIL_STEP = TABLE.commit("fail_step")

# What happens by itself.
DISPATCH = TABLE.commit("dispatch")
LAPSE_LEASE = TABLE.commit("lapse_lease")
FREE_UNWATCHED = TABLE.commit("free_unwatched")
DOUBT = TABLE.commit("doubt")
WITHDRAW = TABLE.commit("withdraw")
RESEND_STEP = TABLE.commit("resend_step")
PREPARE_FLOOR = TABLE.commit("prepare_floor")
EXPIRE = TABLE.commit("expire")
STOP_CANCELLED = TABLE.commit("stop_cancelled")
PRUNE = TABLE.commit("prune")

# The way of messages: claimed by whoever finds them left over, sent, and only then deleted.
CLAIM = TABLE.commit("claim_messages")
SENT_TO_BUS = TABLE.point("bus.sent")
SENT_TO_STORAGE = TABLE.point("storage.sent")
DELETE = TABLE.commit("delete_messages")
