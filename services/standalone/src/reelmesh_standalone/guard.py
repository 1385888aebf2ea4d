"""Runs a service's module as this process, and stops it when the process that started it is gone.

Started as `python -m reelmesh_standalone.guard <module>` with a pipe as standard input whose other end the parent
holds: when the parent ends in whatever way, the pipe closes. No service outlives its mesh and keeps its files open.
"""

import os
import runpy
import signal
import sys
import threading

# A service that has not stopped by then is ended.
STOP_WITHIN_SECONDS = 20.0
_STANDARD_INPUT = 0
_EXIT_ORPHANED = 3


def main() -> None:
    """Watch the parent from a thread and run the module that the command line names."""
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _stop_with_parent() -> None:
    # Not sys.stdin: its lock must not be held by a daemon thread when the interpreter ends.
    while os.read(_STANDARD_INPUT, 1):
        pass
    threading.Timer(STOP_WITHIN_SECONDS, os._exit, [_EXIT_ORPHANED]).start()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
