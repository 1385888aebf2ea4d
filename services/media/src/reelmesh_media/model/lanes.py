"""The lanes of media work: how many processes each has, what a process may use, and how long it may be silent."""

import dataclasses

MEBIBYTE = 1024 * 1024
CORES_PER_LADDER = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Lane:
    """One kind of work.

    Args:
        name: for people.
        workers: how many processes at once.
        waiting: how many more calls may wait; others are refused at once.
        memory_bytes: address space of one process.
        file_bytes: the largest file that it may write.
        cpu_seconds: CPU time of one job, all threads together.
        stall_seconds: how long a job may go on without reporting progress (or ending).
        niceness: how far its priority stands behind the services', 0 to 19.
        jobs_per_process: after so many jobs a process is replaced, so that nothing leaks for long.
        reports: its functions take a `progress` argument.
    """

    name: str
    workers: int
    waiting: int
    memory_bytes: int
    file_bytes: int
    cpu_seconds: int
    stall_seconds: float
    niceness: int
    jobs_per_process: int
    reports: bool


def ladder_lane(cores: int) -> Lane:
    """Ladders: one per two cores, as each uses both; more at once would cost memory and win no time."""
    return Lane(
        name="ladder",
        workers=max(1, cores // CORES_PER_LADDER),
        waiting=64,
        memory_bytes=4096 * MEBIBYTE,
        file_bytes=4096 * MEBIBYTE,
        cpu_seconds=7200,
        stall_seconds=60.0,
        niceness=5,
        jobs_per_process=8,
        reports=True,
    )


def quick_lane(cores: int) -> Lane:
    """Probes, frames, images: done in well under a second, and never behind a ladder."""
    return Lane(
        name="quick",
        workers=max(1, cores // CORES_PER_LADDER),
        waiting=256,
        memory_bytes=2048 * MEBIBYTE,
        file_bytes=256 * MEBIBYTE,
        cpu_seconds=120,
        stall_seconds=60.0,
        niceness=0,
        jobs_per_process=200,
        reports=False,
    )
