"""Picks from requirements.lock what runs: an image needs neither the tools nor the tests that the lock pins as well.

Uses nothing but the standard library, as it also runs where the image is built.
"""

import pathlib
import re
import sys

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ENTRY = re.compile(r"\n(?=[^\s#])")


def picked(lock: str, needed: str) -> str:
    """Return the entries of `lock`, hashes and all, for the packages that `needed` lists.

    Args:
        lock: requirements.lock.
        needed: lines of `name==version`; comments and options are skipped.

    Raises:
        LookupError: a package is not in the lock, or in another version.
    """
    entries = {_pin(entry): entry.strip() for entry in _ENTRY.split("\n" + lock) if _NAME.match(entry)}
    wanted = [_pin(line) for line in needed.splitlines() if _NAME.match(line)]
    if lacking := [f"{name}=={version}" for name, version in wanted if (name, version) not in entries]:
        raise LookupError(f"requirements.lock has no {', '.join(lacking)}: run make lock")
    return "".join(f"{entries[pin]}\n" for pin in sorted(wanted))


def _pin(entry: str) -> tuple[str, str]:
    requirement = re.split(r"[\s;\\]", entry.strip(), maxsplit=1)[0]
    name, _, version = requirement.partition("==")
    return re.sub(r"[-_.]+", "-", name.partition("[")[0]).lower(), version


if __name__ == "__main__":
    lock_file, needed_file = map(pathlib.Path, sys.argv[1:])
    try:
        sys.stdout.write(picked(lock_file.read_text(), needed_file.read_text()))
    except LookupError as error:
        sys.exit(str(error))
