"""How fast the machine is at the moment: a virtual one may take twice as long at another hour for the same work."""

import os
import statistics
import subprocess
import sys
from concurrent import futures

RUNS = 5
# What a service does all day: it reads and writes JSON, looks things up, makes objects and lets them go. Prints the
# processor time that it took, milliseconds. All cores at once, as in a benchmark: siblings share what a core has.
WORK = """
import json, time
rows = [{"id": f"{n:032x}", "state": "QUEUED", "price": n / 7, "tags": [str(n)] * 4} for n in range(400)]
began = time.process_time()
for _ in range(20):
    known = {row["id"]: row for row in json.loads(json.dumps(rows))}
    assert sum(len(known[row["id"]]["tags"]) for row in rows) == 1600
print((time.process_time() - began) * 1000)
"""


def reference_milliseconds() -> float:
    """Return the processor time of a fixed piece of work on every core at once, milliseconds: the median of a few."""
    cores = os.cpu_count() or 1
    with futures.ThreadPoolExecutor(cores) as beside:
        return round(statistics.median(beside.map(_once, range(RUNS * cores))), 1)


def _once(_: int) -> float:
    done = subprocess.run([sys.executable, "-c", WORK], check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)
