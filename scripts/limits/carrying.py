"""The bounds between a create and its worker: the record, the dispatcher, the bus."""

from scripts.limits.bound import Bound

_STREAMS = "reelmesh_kit.bus.streams"
_SERVER = "reelmesh_kit.bus.server"
_POLICY = "reelmesh_orchestrator.model.advancing.Policy"
_AGAIN = "it grows up to this"

RECORD = (
    Bound("work that waits for the writer (SQLite)", "reelmesh_kit.sql.sqlite.QUEUE_LIMIT", "{UNAVAILABLE}"),
    Bound("work that shares a commit (SQLite)", "reelmesh_kit.sql.sqlite.GROUP_LIMIT", "the rest waits for the next"),
    Bound("another process's lock (SQLite)", "reelmesh_kit.sql.sqlite.BUSY_TIMEOUT_SECONDS", "{UNAVAILABLE}"),
    Bound("connections of a process (PostgreSQL)", "reelmesh_kit.sql.postgresql.POOL_SIZE", "the next work waits"),
    Bound("wait for a connection (PostgreSQL)", "reelmesh_kit.sql.postgresql.POOL_TIMEOUT_SECONDS", "{UNAVAILABLE}"),
    Bound("statement (PostgreSQL)", "reelmesh_kit.sql.postgresql.STATEMENT_TIMEOUT_MILLISECONDS", "{UNAVAILABLE}"),
    Bound("wait for a lock (PostgreSQL)", "reelmesh_kit.sql.postgresql.LOCK_TIMEOUT_MILLISECONDS", "{UNAVAILABLE}"),
    Bound(
        "runs of work that others overtook",
        "reelmesh_kit.sql.postgresql.ROLLBACK_RETRIES",
        "{UNAVAILABLE}; nothing was done",
    ),
    Bound(
        "runs of work whose commit nobody knows of",
        "reelmesh_orchestrator.adapters.sql.record.AMBIGUOUS_RETRIES",
        "{UNAVAILABLE}; it may have happened",
    ),
    Bound("history of an ended generation", "setting:orchestrator.events_days", "it is deleted; the generation stays"),
    Bound(
        "lease that is over, remembered", "reelmesh_orchestrator.usecases.sweeping.LEASE_RETENTION_SECONDS", "deleted"
    ),
    Bound("rows that a metric counts", "reelmesh_orchestrator.ports.counting.COUNTED_MOST", "it shows this many"),
)

_FILE_REFUSED = "the file is refused"

ATTEMPTS = (
    Bound("accounts of `accounts.yaml`", "reelmesh_kit.accounts.MOST_ACCOUNTS", _FILE_REFUSED),
    Bound("`accounts.yaml`", "reelmesh_kit.accounts.LARGEST_FILE_BYTES", _FILE_REFUSED),
    Bound("attempts in flight at a free account", "setting:orchestrator.free_account_slots", "the rest waits in SQL"),
    Bound("submits that one candidate refuses", f"{_POLICY}.submit_tries", "the next candidate"),
    Bound("attempts of one candidate in all", f"{_POLICY}.most_attempts", "the next candidate"),
    Bound("leave to submit", "setting:orchestrator.submit_within_seconds", "the worker does not submit"),
    Bound("submit", "setting:orchestrator.request_timeout_seconds", "in doubt: it is looked for, never repeated"),
    Bound("silence of a worker", "setting:orchestrator.lease_seconds", "its lease lapses; others take over"),
    Bound("dispatched and not begun", "setting:orchestrator.begin_seconds", "withdrawn, and dispatched anew"),
    Bound("media step that nobody begins", "setting:orchestrator.step_seconds", "it is sent again"),
    Bound("runs of a media step", "reelmesh_orchestrator.model.step.MOST_TRIES", "the generation fails, or falls back"),
    Bound(
        "times that a drawing is sent out which nobody takes",
        "reelmesh_orchestrator.model.floors.MOST_DRAWING_SENDS",
        "words are delivered, where they will do",
    ),
    Bound("cancel that a provider does not answer", "setting:orchestrator.cancel_grace_seconds", "it ends without"),
    Bound("attempts that one answer assigns", "reelmesh_orchestrator.usecases.pools.MOST_ASSIGNED", "the next renewal"),
    Bound(
        "jobs of others that a finder is told",
        "reelmesh_orchestrator.usecases.pools.MOST_CLAIMED_JOBS",
        "the newest",
    ),
    Bound("words of a vendor that are kept", "reelmesh_orchestrator.wire.workers.MESSAGE_LIMIT_CHARACTERS", "cut off"),
    Bound(
        "messages in hand, of each lane", "reelmesh_orchestrator.adapters.outbox.QUEUE_LIMIT", "the rest waits in SQL"
    ),
    Bound(
        "accounts that nobody looks through after a restore",
        "setting:orchestrator.census_patience_seconds",
        "they are parked: nothing is submitted there until an operator lets them go",
    ),
    Bound(
        "reason that an operator gives",
        "reelmesh_orchestrator.model.recovering.LONGEST_REASON_CHARACTERS",
        "{INVALID_ARGUMENT}",
    ),
    Bound(
        "id of a job that an operator names",
        "reelmesh_orchestrator.usecases.reconciling.LONGEST_JOB_ID_CHARACTERS",
        "{INVALID_ARGUMENT}",
    ),
    Bound(
        "page of attempts in doubt", "reelmesh_orchestrator.usecases.reconciling.LARGEST_PAGE", "a page, and a token"
    ),
    Bound(
        "submits, or jobs, that fail in a row",
        "setting:orchestrator.breaker_failures",
        "the circuit breaker of the model at the account opens: nothing new is submitted there",
    ),
    Bound(
        "wait between two trials of an open circuit breaker",
        "setting:orchestrator.breaker_longest_open_seconds",
        "the next attempt that is wanted is a trial",
    ),
    Bound(
        "trials of a circuit breaker under way",
        "setting:orchestrator.breaker_trials",
        "the rest goes to the next candidate, or waits",
    ),
    Bound(
        "wait for the next trial of who is paid",
        "setting:orchestrator.breaker_patience_seconds",
        "the shot goes to who costs nothing, where there is one",
    ),
    Bound(
        "pause for all, that a busy provider asks one for",
        "reelmesh_orchestrator.model.breaker.LONGEST_REST_SECONDS",
        "the next one tries; who was asked waits as long as it was told",
    ),
    Bound(
        "words of a vendor that a circuit breaker keeps",
        "reelmesh_orchestrator.model.breaker.LONGEST_MESSAGE_CHARACTERS",
        "cut off",
    ),
    Bound(
        "times that a shot is passed on to another candidate, of a run",
        "reelmesh_orchestrator.model.passing.MOST_PASSES",
        "it waits where it is",
    ),
    Bound("reason for a switch", "reelmesh_orchestrator.model.health.LONGEST_REASON_CHARACTERS", "{INVALID_ARGUMENT}"),
    Bound("things switched off", "reelmesh_orchestrator.usecases.switching.MOST_SWITCHES", "{INVALID_ARGUMENT}"),
    Bound(
        "page of what happened to breakers and switches",
        "reelmesh_orchestrator.usecases.switching.LARGEST_PAGE",
        "a page, and a token",
    ),
    Bound("page of lost jobs", "reelmesh_orchestrator.usecases.recovering.LARGEST_PAGE", "a page, and a token"),
)

BUS = (
    Bound("stream TASKS", f"{_STREAMS}.TASKS.size_limit_bytes", "it refuses: messages stay in the outbox, in SQL"),
    Bound("stream EVENTS", f"{_STREAMS}.EVENTS.size_limit_bytes", "the oldest go; SQL has them"),
    Bound("event in the stream", f"{_STREAMS}.EVENTS.age_limit_seconds", "it goes; SQL has it"),
    Bound("stream DEAD", f"{_STREAMS}.DEAD.size_limit_bytes", "the oldest go"),
    Bound("dead letter", f"{_STREAMS}.DEAD.age_limit_seconds", "it goes"),
    Bound("id of a message, remembered", f"{_STREAMS}.DUPLICATE_WINDOW_SECONDS", "a later copy is delivered again"),
    Bound("all streams of `reelmesh up`", f"{_SERVER}.STORE_LIMIT_BYTES", "as if the stream were full"),
    Bound("log of the server of `reelmesh up`", f"{_SERVER}.LOG_LIMIT_BYTES", "a new file"),
    Bound("files of that log", f"{_SERVER}.LOG_FILES_LIMIT", "the oldest goes"),
    Bound("messages of a consumer under way", "reelmesh_kit.bus.working.ACK_PENDING_LIMIT", "the next wait"),
    Bound(
        "workers of a consumer that wait", "reelmesh_kit.bus.working.PULLS_LIMIT", "those who waited longest ask anew"
    ),
    Bound(
        "deliveries of a message",
        "reelmesh_kit.bus.client.MAX_DELIVER",
        "it becomes a dead letter; what it was about is sent out anew",
        also=("reelmesh_provider.consumer.MAX_DELIVERIES",),
    ),
    Bound("wait until a message is delivered again", "reelmesh_kit.bus.handling.LONGEST_AGAIN_SECONDS", _AGAIN),
    Bound("reason of a dead letter", "reelmesh_kit.bus.letters.REASON_LIMIT_CHARACTERS", "the rest is cut off"),
    Bound("publishing", "reelmesh_kit.bus.publishing.PUBLISH_TIMEOUT_SECONDS", "sent again, under the same id"),
)
