"""The `reelmesh` command line: its own commands, and those that other packages add by entry point."""

import importlib.metadata
from typing import Any

import click

from reelmesh_client.commands import accounting, doubting, making, outcome, pooling, reading, recovering, taking

# Each entry point of this group is one command: its name, and where its click.Command is.
GROUP = "reelmesh.commands"


class Commands(click.Group):
    """A group that also knows the commands of other packages, and loads each only when it is asked for."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C, at whichever moment, ends it without a word more."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise outcome.Ended(outcome.Exit.INTERRUPTED) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands: our own first."""
        own = list(self.commands)
        return own + sorted(each.name for each in _entry_points() if each.name not in own)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command: our own, or one of another package."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        return next((_loaded(each) for each in _entry_points() if each.name == cmd_name), None)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=outcome.EXPLAINED,
)
@click.version_option(package_name="reelmesh-client", prog_name="reelmesh")
def main() -> None:
    """Make videos with a mesh of providers: you pay for each at most once, and lose none."""


for _command in (
    making.generate,
    making.quote,
    making.retry,
    reading.get,
    reading.list_,
    reading.watch,
    reading.cancel,
    reading.events,
    reading.download,
    taking.takes,
    taking.promote,
    recovering.recover,
    doubting.doubts,
    accounting.accounts,
    accounting.switch,
    pooling.pools,
):
    main.add_command(_command)


def _entry_points() -> importlib.metadata.EntryPoints:
    return importlib.metadata.entry_points(group=GROUP)


def _loaded(entry: importlib.metadata.EntryPoint) -> click.Command:
    try:
        found: Any = entry.load()
    except (ImportError, AttributeError) as error:
        return _broken(entry, f"{type(error).__name__}: {error}")
    if not isinstance(found, click.Command):
        return _broken(entry, f"{entry.value} is no click.Command")
    return found


def _broken(entry: importlib.metadata.EntryPoint, why: str) -> click.Command:
    """Return a command that says why it cannot run; the others go on working."""
    package = entry.dist.name if entry.dist else entry.value

    def explain() -> None:
        raise click.ClickException(f"{entry.name} cannot be loaded from {package}: {why}. Install it again.")

    return click.Command(entry.name, callback=explain, short_help=f"(cannot be loaded: {why})")
