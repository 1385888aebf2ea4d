"""The front door of the command line: Ctrl-C ends it quietly while its commands are still being loaded, too."""

import sys

# As in commands.outcome, which is not loaded yet.
_INTERRUPTED = 130


def main() -> None:
    """Run the command that the command line names."""
    try:
        from reelmesh_client import commands

        commands.main(prog_name="reelmesh")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
