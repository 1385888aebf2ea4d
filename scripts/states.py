"""Writes the page of the state machines from their tables, so that the page cannot be wrong."""

import sys

from reelmesh_orchestrator.model import attempt, breaker, eras, generation, shot, step

INTRODUCTION = """\
# States

Printed from the tables in `services/orchestrator/src/reelmesh_orchestrator/model/` by `make states`; a test fails when
this page is older than they are. An arrow is an event that a state accepts; what has no arrow is refused. Each move is
one guarded update in SQL, in the transaction that also writes its event and its messages.

A generation is the aggregate: it has one revision, and its shots, attempts and steps move under it.
"""
PAGES = (
    ("Generation", "one request and its one deliverable", generation.MACHINE),
    ("Shot", "one continuous clip of a generation", shot.MACHINE),
    (
        "Attempt",
        "one try of one shot at one provider account; it enters SUBMITTING once, ever; INDETERMINATE is not repeated",
        attempt.MACHINE,
    ),
    ("Step", "one piece of work of media: frames, stitching, renditions", step.MACHINE),
    (
        "Era",
        "a stretch of the record's life in which it did not go back; each but the first looks for lost jobs",
        eras.MACHINE,
    ),
    (
        "Breaker",
        "whether anything new is submitted to a model at an account; what is in flight is not its business",
        breaker.MACHINE,
    ),
)


def page() -> str:
    """Return the page as Markdown with Mermaid diagrams."""
    chapters = [
        f"\n## {name}\n\n{meaning[0].upper()}{meaning[1:]}.\n\n```mermaid\n{machine.diagram()}```\n"
        for name, meaning, machine in PAGES
    ]
    return INTRODUCTION + "".join(chapters)


if __name__ == "__main__":
    sys.stdout.write(page())
