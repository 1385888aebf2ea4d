"""The commands of a mesh on this machine: what each takes, without what it does.

That is loaded when it is asked for: `reelmesh --help` does not wait for it.
"""

import pathlib

import click
from reelmesh_client.commands import outcome, running

_PORT = click.IntRange(0, 65535)
_MOST_LETTERS = 1000


@click.command(epilog=outcome.EXPLAINED)
@running.data_option
@click.option("--http-port", type=_PORT, help="Port of the HTTP API; 0 picks one. [default: 8080]")
@click.option("--grpc-port", type=_PORT, help="Port of the gRPC API; 0 picks one. [default: 9090]")
@click.option("--processes", is_flag=True, help="Each service as its own process, started again when it dies.")
def up(data_folder: pathlib.Path | None, http_port: int | None, grpc_port: int | None, processes: bool) -> None:
    """Run the whole mesh until Ctrl-C.

    Everything it keeps lies in the data folder. A stopped or killed mesh goes on with all its work when it is started
    again.
    """
    from reelmesh_standalone.commands import starting

    starting.up(data_folder, http_port, grpc_port, processes=processes)


@click.command(epilog=outcome.EXPLAINED)
@click.option(
    "--data", "data_folder", type=click.Path(path_type=pathlib.Path), help="Data folder to use and keep. [a new one]"
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=pathlib.Path),
    default=pathlib.Path("demo-output"),
    show_default=True,
    help="Folder for the files.",
)
@click.option("--prompt", default="", help="What the video shows. [default: a lighthouse keeper in a storm]")
@click.option("--processes", is_flag=True, help="Each service as its own process.")
def demo(data_folder: pathlib.Path | None, output: pathlib.Path, prompt: str, processes: bool) -> None:
    """Make one real video, and show how.

    A mesh is started for it and stopped again. The last line of stdout is JSON: generation, video, renditions,
    thumbnail, seconds.
    """
    from reelmesh_standalone.commands import showcase

    showcase.demo(data_folder, output, prompt or showcase.PROMPT, processes=processes)


@click.command(epilog=outcome.EXPLAINED)
@running.data_option
def doctor(data_folder: pathlib.Path | None) -> None:
    """Check this machine and its mesh.

    Ends with exit code 1 if something is bad; each finding says what to do.
    """
    from reelmesh_standalone.commands import doctoring

    doctoring.doctor(data_folder)


@click.command(epilog=outcome.EXPLAINED)
@click.argument("generation_id", metavar="ID")
@running.mesh_command
def trace(where: running.Where, generation_id: str) -> None:
    """Show a generation's trace as a waterfall.

    ID is its id, or "last" for the newest, or a trace id (32 hex digits): then no mesh needs to run.
    """
    from reelmesh_standalone.commands import tracing

    tracing.trace(where, generation_id)


@click.command(name="dead-letters", epilog=outcome.EXPLAINED)
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, _MOST_LETTERS), help="Show so many.")
@click.option(
    "--nats", "nats_url", default="", help="URL of the bus. [default: the bus of the mesh on the data folder]"
)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@running.data_option
def dead_letters(data_folder: pathlib.Path | None, limit: int, nats_url: str, as_json: bool) -> None:
    """List messages that were given up, newest first.

    Nothing is lost with one: what it was about stands in SQL and is sent anew. It tells of a fault worth looking at.
    """
    from reelmesh_standalone.commands import burying

    burying.dead_letters(data_folder, limit, nats_url, as_json=as_json)


@click.command(epilog=outcome.EXPLAINED)
def migrate() -> None:
    """Bring the schemas of a mesh up to date, and end.

    Reads the variables of the services: REELMESH_DATABASE_URL. Services do it themselves when they start; this is for
    who wants it done before.
    """
    from reelmesh_standalone.commands import migrating

    migrating.migrate()


@click.command(epilog=outcome.EXPLAINED)
@click.option("--json", "as_json", is_flag=True, help="Print them as a JSON object by service.")
def settings(as_json: bool) -> None:
    """List every environment variable.

    Variables are read from the environment and from .env in the current folder; an empty one counts as unset. A service
    that gives a setting of every service another default is named with it.
    """
    from reelmesh_standalone.commands import variables

    variables.settings(as_json=as_json)
