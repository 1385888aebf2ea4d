"""Writes the page of the limits from the constants and settings that are obeyed, so that no number is typed twice."""

import sys
from collections.abc import Mapping, Sequence

from scripts.limits import asking, bound, carrying, doors, keeping, making, scaling

INTRODUCTION = """\
# Limits

Printed from the code's constants and the defaults of its settings by `make pages`; a test fails when this page is
older, and when a constant that is named like a limit is not on it. What a reason means, and what to do about it, is on
[the page of errors](errors.md); what a setting is for, on [the page of settings](settings.md).

## Who pushes back

Work is accepted only where there is room for it, and what was accepted is never thrown away: it waits in SQL. Whoever
is too fast is told so, by somebody who says when to come back, before anything was done. From the caller inwards:

1. **Connections and requests.** A gateway takes so many of each; further ones are answered 503 with a `Retry-After`,
   the ones after those are hung up on. Followers and downloads stay, so they are counted apart, and cannot take the
   room of creates. Bodies are bounded while they come in, and by time.
2. **Creates.** Each key has a rate (429). A tenant, and all tenants together, have so many unfinished generations
   (503, QUEUE_FULL). Both answers say when to come back; for the whole mesh it is the time in which a hundredth of the
   limit becomes free at the pace at which generations ended lately. A repeat of a create that was admitted is answered
   all the same. The client waits for as long as it is asked to; the command line says that it does. Counting costs a
   create nothing: the unfinished are counted once a second, for at most a fiftieth of the time, and what is admitted in
   between is added.
3. **The record.** Work waits for SQLite's one writer, or for a connection of PostgreSQL's pool, in a queue or for a
   time that is bounded; then the call is UNAVAILABLE.
4. **The queue.** What waits for a provider is rows. The dispatcher sends out what fits into the slots of an account
   and no more: tasks for providers on the bus are bounded by slots, those for media by unfinished generations.
5. **The bus.** A full stream of tasks refuses; the message stays in the outbox, which is SQL, and is sent when there
   is room. A stream of events forgets the oldest instead: SQL has them. While the bus is away nothing is made, the
   unfinished come to their bound, and the outbox grows by no more than 2 lets in; its depth and age are metrics.
6. **Workers.** A worker takes a task when it has a slot for the submit, and watches so many attempts. Media takes as
   many steps as it has processes. What nobody has begun in time is withdrawn and sent out anew.
7. **Storage and bucket.** So many assets are written at once, so many writes wait, further ones are UNAVAILABLE. A
   worker that cannot store a clip keeps its slot and fetches again: the account's slots stay taken, the dispatcher
   sends nothing, the queue grows, and 2 answers. A full disk is STORAGE_FULL, and no attempt fails of it.

1, 2 and 5 are shown by tests/corpus/test_slow_clients.py and tests/e2e/test_full_queue.py.

What has no limit, and who bounds it: rows of ended generations, attempts and ledger entries stay (their history goes);
renditions stay until they are deleted, and take what the disk or the bucket has; uploads and reads have no rate of
their own per key, but all share the room of 1; a generation without a `deadline_time` waits for as long as it takes.
"""
HEAD = "| what | bound | when it is met | set by | in the code |\n|---|---|---|---|---|\n"
CHAPTERS: Mapping[str, Sequence[bound.Bound]] = {
    "Asking for a generation": asking.GENERATIONS,
    "Reference images": asking.IMAGES,
    "The gateway, by HTTP": doors.HTTP,
    "Every service, by gRPC": doors.GRPC,
    "The client and the command line": doors.CLIENT,
    "The databases": carrying.RECORD,
    "The orchestrator: attempts and steps": carrying.ATTEMPTS,
    "The bus": carrying.BUS,
    "Workers of providers": making.WORKERS,
    "The local provider": making.LOCAL,
    "Media": making.MEDIA,
    "Worker pools": scaling.POOLS,
    "Storage": keeping.STORAGE,
    "Logs, spans and health": keeping.TRACES,
    "Processes": keeping.PROCESSES,
}


def rows() -> list[bound.Bound]:
    """Return every row."""
    return [row for chapter in CHAPTERS.values() for row in chapter]


def page() -> str:
    """Return the page as Markdown, a table for each part of the mesh."""
    return INTRODUCTION + "".join(_chapter(title, told) for title, told in CHAPTERS.items())


def _chapter(title: str, told: Sequence[bound.Bound]) -> str:
    return f"\n## {title}\n\n{HEAD}{''.join(_line(row) for row in told)}"


def _line(row: bound.Bound) -> str:
    setting, where = (f"`{each}`" if each else "-" for each in (row.changed_by, row.where))
    return f"| {row.what} | {row.shown} | {row.then} | {setting} | {where} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
