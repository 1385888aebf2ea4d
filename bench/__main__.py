"""All benchmarks, one after the other, each as a process of its own: `python -m bench`, or `make bench`.

What they can be told by hand is left out here: each runs as it does by itself. The first that breaks ends it.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence

PARTS = ("calls", "jobs", "pacing", "fanout", "memory", "media_ladder", "local_renderer")


def run_all(commands: Sequence[Sequence[str]]) -> int:
    """Run commands in turn; return the exit code of the first that breaks, else 0."""
    for command in commands:
        print("\n===", *command[1:], flush=True)
        code = subprocess.run(command, check=False).returncode
        if code != 0:
            print("broke with exit code", code, file=sys.stderr)
            return code
    return 0


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m bench", description=__doc__).parse_args()
    sys.exit(run_all([[sys.executable, "-m", f"bench.{part}"] for part in PARTS]))
