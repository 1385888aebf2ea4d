"""Gives generations the jobs that were found for them."""

from collections.abc import Sequence

from reelmesh_orchestrator import ports
from reelmesh_orchestrator.model import advancing, draft, recovering
from reelmesh_orchestrator.usecases import transitions


def lost_jobs(store: ports.Store, aggregate: draft.Aggregate) -> Sequence[recovering.Found]:
    """Return jobs that were found, belong to nobody, and may be a generation's."""
    known = recovering.places(aggregate)
    return store.found(known, recovering.seeds(aggregate, known))


def adopt(store: ports.Store, before: draft.Aggregate, policy: advancing.Policy) -> int:
    """Give a generation its lost jobs; return how many there were."""
    found = lost_jobs(store, before)
    if not found:
        return 0
    adopted, _ = transitions.on(store, before, policy, lambda decided: recovering.reconcile(decided, found))
    keep(store, adopted)
    return len(adopted)


def keep(store: ports.Store, adopted: Sequence[recovering.Adoption]) -> None:
    """Keep as facts whose the jobs are, and note that they are orphans no more."""
    for one in adopted:
        store.keep_job(one.job, store.claim(one.job.project, one.job.job_id))
    store.claim_found(adopted)
