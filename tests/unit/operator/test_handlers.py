"""kopf in a container, where the user has a number and no name."""

import shutil
import subprocess
import sys

from tests.support import requirements

# To be a user whom nobody has named: by a namespace, which needs no rights where the kernel allows it.
NAMELESS = ("unshare", "--user", "--map-user=10001", "--map-group=10001")


def test_the_watch_asks_for_no_users_name() -> None:
    if shutil.which(NAMELESS[0]) is None or subprocess.run([*NAMELESS, "true"], check=False).returncode:
        requirements.missing("namespaces", "this machine allows no user namespaces")
    command = [*NAMELESS, "env", "-u", "USER", "-u", "LOGNAME", sys.executable, "-m", "tests.unit.operator.nameless"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    assert ended.returncode == 0, ended.stderr
