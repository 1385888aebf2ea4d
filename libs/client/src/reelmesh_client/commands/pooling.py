"""`reelmesh pools`: worker pools on Kubernetes, with what the mesh knows of their work beside them."""

import asyncio
import dataclasses
import datetime
import functools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

import click
import rich.console
import rich.text
from reelmesh.v1 import pool_pb2
from reelmesh_json import messages

from reelmesh_client import errors, kubeconfig, kubernetes
from reelmesh_client.commands import fitting, outcome, running, showing, standing

# Of what happened to a pool.
EVENTS_SHOWN = 10
_PAUSES = {"in": "ScaleIn", "out": "ScaleOut"}

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The Kubernetes that a command line asks for; "" where it says nothing."""

    file: str
    context: str
    namespace: str

    def again(self, verb: str) -> str:
        """Return the command line of another command about the same cluster."""
        named = (("--namespace", self.namespace), ("--context", self.context), ("--kubeconfig", self.file))
        return " ".join([f"reelmesh pools {verb}", *(f"{option} {value}" for option, value in named if value)])


@dataclasses.dataclass(frozen=True)
class Known:
    """What the mesh says of all pools, or why it says nothing."""

    pools: Sequence[pool_pb2.Pool] = ()
    trouble: str = ""
    hint: str = ""


@click.group(epilog=outcome.EXPLAINED)
def pools() -> None:
    """See the worker pools on Kubernetes, and pause them.

    A pool is a Deployment or StatefulSet of workers whose number follows the work that there is to do. Kubernetes is
    reached as kubectl does it, by your kubeconfig, or in a Pod by its account. What the mesh says of their work and
    their workers is shown beside it when the mesh can be reached with a key that has the scope "admin".
    """


def _of_cluster(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name a cluster and a namespace, and pass them on as the first argument."""

    @click.option("--kubeconfig", "file", default="", help="Kubeconfig. [KUBECONFIG; default: ~/.kube/config]")
    @click.option("--context", default="", help="Context in the kubeconfig. [default: the current one]")
    @click.option("-n", "--namespace", default="", help="Namespace. [default: that of the context]")
    @functools.wraps(function)
    def command(*rest: Any, file: str, context: str, namespace: str, **options: Any) -> None:
        function(Cluster(file, context, namespace), *rest, **options)

    return command


@pools.command(name="list", epilog=outcome.EXPLAINED)
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON array.")
@running.mesh_command
@_of_cluster
def list_(cluster: Cluster, where: running.Where, as_json: bool) -> None:
    """List the pools of a namespace, with their workers and work."""

    async def work(opened: kubernetes.Pools) -> tuple[list[kubernetes.Document], str]:
        return await opened.all(), opened.namespace

    (found, namespace), known = _look(cluster, where, work)
    if as_json:
        click.echo(showing.dumped([_json(one, known) for one in found]))
    elif found:
        showing.out().print(_table(found, known))
        _say_unknown(known)
        follow = cluster.again(f"describe {standing.name(found[0])}")
        showing.err().print(f"→ {follow}", markup=False, soft_wrap=True)
    else:
        words = f"None: the namespace {showing.plain(namespace)} has no worker pools; name another by --namespace."
        showing.err().print(words, markup=False, soft_wrap=True)


@pools.command(epilog=outcome.EXPLAINED)
@click.argument("name", metavar="POOL")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@running.mesh_command
@_of_cluster
def describe(cluster: Cluster, where: running.Where, name: str, as_json: bool) -> None:
    """Show POOL: its work, each worker, and why it has so many."""

    async def work(opened: kubernetes.Pools) -> tuple[kubernetes.Document, list[kubernetes.Document]]:
        return await opened.get(name), await opened.events(name)

    (found, events), known = _look(cluster, where, work)
    if as_json:
        click.echo(showing.dumped({**_json(found, known), "events": events}))
        return
    showing.out().print(_described(found, events, known, running.device().now()))
    _say_unknown(known)


@pools.command(epilog=outcome.EXPLAINED)
@click.argument("name", metavar="POOL")
@click.option("--only", type=click.Choice(sorted(_PAUSES)), help="in: it still grows. out: it still shrinks.")
@click.option("--json", "as_json", is_flag=True, help="Print the pool as JSON.")
@_of_cluster
def pause(cluster: Cluster, name: str, only: str | None, as_json: bool) -> None:
    """Have POOL keep the workers that it has, whatever there is to do.

    Work goes on: its workers take and end it as before.
    """
    _pause(cluster, name, _PAUSES.get(only or "", "All"), as_json)


@pools.command(epilog=outcome.EXPLAINED)
@click.argument("name", metavar="POOL")
@click.option("--json", "as_json", is_flag=True, help="Print the pool as JSON.")
@_of_cluster
def resume(cluster: Cluster, name: str, as_json: bool) -> None:
    """Have POOL follow its work again."""
    _pause(cluster, name, "None", as_json)


def _pause(cluster: Cluster, name: str, which: str, as_json: bool) -> None:
    async def work() -> kubernetes.Document:
        async with _opened(cluster) as opened:
            return await opened.pause(name, which)

    found = running.wait_for(work())
    if as_json:
        click.echo(showing.dumped(found))
        return
    told = next((one for one in standing.standings(found) if one.word == "paused"), None)
    # The operator has not seen it yet: what it will be is said by the spec.
    words = str(told) if told else _said(which)
    showing.err().print(f"{showing.plain(name)}: {words}", markup=False, soft_wrap=True)
    follow = f"describe {name}" if which == "None" else f"resume {name}"
    showing.err().print(f"→ {cluster.again(follow)}", markup=False, soft_wrap=True)


def _said(which: str) -> str:
    return {
        "None": "it follows its work",
        "ScaleIn": "paused: it grows, and does not shrink",
        "ScaleOut": "paused: it shrinks, and does not grow",
    }.get(which, "paused: it keeps the workers that it has")


def _look(
    cluster: Cluster, where: running.Where, work: Callable[[kubernetes.Pools], Awaitable[Result]]
) -> tuple[Result, Known]:
    async def within() -> tuple[Result, Known]:
        async with _opened(cluster) as opened:
            # Whoever is refused by Kubernetes does not wait for the mesh.
            asking = asyncio.ensure_future(_known(where))
            try:
                return await work(opened), await asking
            finally:
                asking.cancel()

    return running.wait_for(within())


def _opened(cluster: Cluster) -> Any:
    return kubernetes.connect(kubeconfig.find(cluster.file, cluster.context), cluster.namespace)


async def _known(where: running.Where) -> Known:
    """Return what the mesh says; that it says nothing is no reason to show nothing."""
    try:
        async with running.mesh(where) as opened:
            return Known(await opened.pools())
    except errors.ReelmeshError as error:
        return Known(trouble=error.message, hint=error.hint)


def _say_unknown(known: Known) -> None:
    if known.trouble:
        words = (
            f"The mesh was not asked for its own numbers, those of Kubernetes are shown: {showing.plain(known.trouble)}"
        )
        showing.err().print(words, markup=False, soft_wrap=True, style="dim")
        showing.err().print(f"  → {known.hint}", markup=False, soft_wrap=True, style="dim")


def _json(resource: kubernetes.Document, known: Known) -> dict[str, Any]:
    pool = standing.among(resource, known.pools)
    return {
        "name": standing.name(resource),
        "namespace": resource["metadata"].get("namespace", ""),
        "standing": [{"word": one.word, "why": one.why} for one in standing.standings(resource)],
        "spec": resource["spec"],
        "status": resource.get("status", {}),
        "mesh": messages.to_json(pool) if pool is not None else None,
        "mesh_trouble": known.trouble,
    }


def _table(found: Iterable[kubernetes.Document], known: Known) -> fitting.Rows:
    rows = [
        (
            rich.text.Text(showing.plain(standing.name(one)), style="bold"),
            showing.plain(standing.queue(one)),
            standing.numbers(one),
            standing.work(one, standing.among(one, known.pools)),
            _words(standing.standings(one)),
        )
        for one in found
    ]
    return fitting.Rows(("pool", "works for", "workers", "work", "how it is"), rows)


def _words(said: Sequence[standing.Standing]) -> rich.text.Text:
    return rich.text.Text("\n" if len(said) > 1 else "").join(
        rich.text.Text(showing.plain(str(one)), style=one.style) for one in said
    )


def _described(
    resource: kubernetes.Document, events: Sequence[kubernetes.Document], known: Known, now: datetime.datetime
) -> rich.console.Group:
    pool = standing.among(resource, known.pools)
    facts = [(rich.text.Text(name, style="dim"), value) for name, value in _facts(resource, pool, now)]
    parts: list[rich.console.RenderableType] = [fitting.Rows((), facts)]
    if pool is not None and pool.workers:
        parts += [rich.text.Text(), _workers(resource, pool)]
    if standing.conditions(resource):
        parts += [rich.text.Text(), _conditions(resource, now)]
    if events:
        parts += [rich.text.Text(), _events(events[:EVENTS_SHOWN], now)]
    return rich.console.Group(*parts)


def _facts(
    resource: kubernetes.Document, pool: pool_pb2.Pool | None, now: datetime.datetime
) -> Iterable[tuple[str, rich.text.Text]]:
    metadata, spec, status = resource["metadata"], resource["spec"], resource.get("status", {})
    where = f", namespace {metadata['namespace']}" if "namespace" in metadata else ""
    yield "pool", rich.text.Text(showing.plain(f"{standing.name(resource)}{where}"), style="bold")
    yield "how it is", _words(standing.standings(resource))
    yield "works for", rich.text.Text(showing.plain(standing.queue(resource)))
    yield "workload", rich.text.Text(showing.plain(standing.workload(resource)))
    leased = "" if pool is None else f"; {len(pool.workers)} known to the mesh"
    yield "workers", rich.text.Text(standing.numbers(resource) + leased)
    yield "limits", rich.text.Text(showing.plain(standing.limits(resource)))
    if last := standing.moment(status.get("lastScaleTime", "")):
        yield "scaled", rich.text.Text(f"{_ago(last, now)} ago")
    told = standing.work_in_full(resource, pool) if pool is not None else [standing.work(resource, pool)]
    for place, line in enumerate(told):
        yield "" if place else "work", rich.text.Text(line)
    per = f"{spec.get('workPerWorker', 4)} begun"
    yield (
        "a worker",
        rich.text.Text(
            f"{per} at once"
            if "lanes" in spec.get("queue", {})
            else f"{per} or {spec.get('watchedPerWorker', 200)} watched at once"
        ),
    )


def _workers(resource: kubernetes.Document, pool: pool_pb2.Pool) -> fitting.Rows:
    draining = resource.get("status", {}).get("draining", ())
    rows = [
        (showing.plain(one.name or one.worker_id), _words([standing.worker(one, draining)])) for one in pool.workers
    ]
    return fitting.Rows(("worker", "what it does"), rows)


def _conditions(resource: kubernetes.Document, now: datetime.datetime) -> fitting.Rows:
    rows = [
        (
            kind,
            str(one.get("status", "")),
            str(one.get("reason", "")),
            _ago(standing.moment(one.get("lastTransitionTime", "")), now),
            showing.plain(str(one.get("message", ""))),
        )
        for kind, one in standing.conditions(resource).items()
    ]
    return fitting.Rows(("condition", "is", "reason", "since", "why"), rows, right=(3,))


def _events(events: Iterable[kubernetes.Document], now: datetime.datetime) -> fitting.Rows:
    rows = [
        (
            _ago(standing.moment(kubernetes.seen_at(one)), now),
            str(one.get("reason", "")),
            showing.plain(standing.event(one)),
        )
        for one in events
    ]
    return fitting.Rows(("ago", "what happened", "in words"), rows, right=(0,))


def _ago(then: datetime.datetime | None, now: datetime.datetime) -> str:
    return showing.passed((now - then).total_seconds()) if then is not None else "?"
