"""The child that renders: one request a line from stdin, progress and the end to stdout; it dies with its parent.

Lines are JSON. In: what to render and where to. Out: {"progress": 0..1}, then {"report": …}, {"refused": why} or
{"failed": why, "detail": for the log}. Whatever libraries print goes to stderr.
"""

import dataclasses
import json
import os
import pathlib
import queue
import sys
import threading
from typing import IO, Any

from reelmesh_provider_local import rendering
from reelmesh_provider_local.rendering import film

# Below the services that share the machine: a render is never urgent.
NICENESS = 5
TELL_EVERY = 0.02


def main() -> None:
    """Serve requests until stdin ends."""
    os.nice(NICENESS)
    # The protocol keeps the real stdout; anything else that writes there writes to stderr instead.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    requests: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    while True:
        _tell(out, _rendered(requests.get(), out))


def _read(requests: "queue.Queue[dict[str, Any]]") -> None:
    """Queue what comes in; without a parent there is nobody to render for."""
    for line in sys.stdin:
        requests.put(json.loads(line))
    os._exit(0)


def _rendered(request: dict[str, Any], out: IO[str]) -> dict[str, Any]:
    told = 0.0

    def on_progress(part: float) -> None:
        nonlocal told
        if part - told >= TELL_EVERY:
            told = part
            _tell(out, {"progress": part})

    try:
        report = film.render(_spec(request), pathlib.Path(request["path"]), on_progress, lambda: False)
    except (rendering.InvalidSpec, rendering.UnreadableImage) as error:
        return {"refused": str(error)}
    except Exception as error:  # noqa: BLE001 - the outermost loop of this process; the parent logs it
        return {"failed": _told(error), "detail": f"{type(error).__name__}: {error}"}
    return {"report": dataclasses.asdict(report)}


def _told(error: Exception) -> str:
    """Return what callers learn of a failure: no path of this machine."""
    if isinstance(error, OSError) and error.strerror:
        return f"the renderer's machine has trouble with its files: {error.strerror}"
    return f"the renderer failed: {type(error).__name__}"


def _spec(request: dict[str, Any]) -> rendering.RenderSpec:
    # Jobs of an older release do not say how they end.
    first_frame, last_frame = request["first_frame"], request.get("last_frame")
    return rendering.RenderSpec(
        prompt=request["prompt"],
        images=tuple(pathlib.Path(each).read_bytes() for each in request["images"]),
        duration_seconds=request["duration_seconds"],
        width=request["width"],
        height=request["height"],
        seed=request["seed"],
        fps=request["fps"],
        audio=request["audio"],
        first_frame=pathlib.Path(first_frame).read_bytes() if first_frame else None,
        continued=request.get("continued", False),
        last_frame=pathlib.Path(last_frame).read_bytes() if last_frame else None,
    )


def _tell(out: IO[str], message: dict[str, Any]) -> None:
    out.write(json.dumps(message) + "\n")


if __name__ == "__main__":
    main()
