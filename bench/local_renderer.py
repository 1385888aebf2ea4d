"""How fast the provider that needs no key renders: films of some seconds with sound, in several sizes.

    python -m bench.local_renderer [--runs 3] [--seconds 8] [--json PATH]

Told are medians, and how many seconds of film a second makes: above 1 is faster than it plays.
"""

import io
import pathlib
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from PIL import Image
from reelmesh_provider_local import rendering
from reelmesh_provider_local.rendering import film

from bench import command, reports

# Width, height, pictures.
FILMS = ((1280, 720, 0), (1280, 720, 4), (1920, 1080, 0), (1920, 1080, 4), (1080, 1920, 0))
PICTURE_SIZE = (1600, 1200)
PROMPT = "A red kite over a green hill, wind in the grass, then the sea"


def main() -> int:
    """Run the benchmark; it raises when something breaks."""
    parser = command.parser(__doc__)
    parser.add_argument("--runs", type=int, default=3, help="films of each kind (default 3)")
    parser.add_argument("--seconds", type=float, default=8.0, help="their length (default 8)")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="local-renderer-") as name:
        path = pathlib.Path(name) / "film.mp4"
        pictures = [picture(number) for number in range(4)]
        rows = [
            measure(path, width, height, pictures[:count], told.seconds, told.runs) for width, height, count in FILMS
        ]
    print(f"\nthe local renderer, films of {told.seconds:g} s at 24 frames a second with sound; seconds")
    print(reports.table(rows))
    command.keep("local_renderer", told, rows)
    return 0


def measure(
    path: pathlib.Path, width: int, height: int, pictures: Sequence[bytes], seconds: float, runs: int
) -> dict[str, Any]:
    """Render the same film a few times; return medians."""
    spec = rendering.RenderSpec(
        prompt=PROMPT, images=tuple(pictures), duration_seconds=seconds, width=width, height=height, seed=7
    )
    taken = [_rendered(spec, path) for _ in range(runs)]
    wall = statistics.median(wall for wall, _ in taken)
    return {
        "size": f"{width}x{height}",
        "pictures": len(pictures),
        "wall": round(wall, 2),
        "CPU": round(statistics.median(cpu for _, cpu in taken), 2),
        "film s a s": round(seconds / wall, 2),
    }


def picture(number: int) -> bytes:
    """Return a JPEG with something to see in it."""
    gradient = Image.linear_gradient("L").rotate(90 * number).resize(PICTURE_SIZE)
    rings = Image.radial_gradient("L").resize(PICTURE_SIZE)
    image = Image.merge("RGB", (gradient, rings, Image.blend(gradient, rings, number / 4)))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=90)
    return written.getvalue()


def _rendered(spec: rendering.RenderSpec, path: pathlib.Path) -> tuple[float, float]:
    """Return wall and processor seconds of one film."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    film.render(spec, path, lambda _: None, lambda: False)
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())
