"""Runs a test cluster until its input ends or Ctrl-C, for looking around and for trying charts; see CONTRIBUTING.md."""

import argparse
import os
import pathlib
import signal
import sys
from collections.abc import Sequence

from tests.cluster import cluster, kubectl, machine
from tests.support import requirements

EXIT_OK, EXIT_ABSENT = 0, 2


def main(words: Sequence[str]) -> int:
    """Do what the words ask for; return 2 when this machine cannot run a cluster."""
    asked = _arguments().parse_args(words)
    if asked.allowed:
        return _told(machine.refusal())
    if reason := machine.refusal() or machine.lack():
        return _told(reason)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with cluster.given_or_own() as running:
            for archive in asked.image:
                running.import_image(archive)
            print(f"export KUBECONFIG={running.kubeconfig}", flush=True)
            print(f"kubectl is {kubectl.executable('kubectl')}, helm is {kubectl.executable('helm')}", flush=True)
            sys.stdin.read()
    except KeyboardInterrupt:
        print("ended")
    return EXIT_OK


def _told(reason: str) -> int:
    if reason:
        print(f"cluster: {reason}")
    return EXIT_ABSENT if reason else EXIT_OK


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--image", type=pathlib.Path, action="append", default=[], help="an OCI archive to import")
    parser.add_argument("--allowed", action="store_true", help="only say whether this machine allows a node at all")
    return parser


if __name__ == "__main__":
    requirements.keep_settings(os.environ)  # noqa: TID251 - a command reads the environment it was started in
    sys.exit(main(sys.argv[1:]))
