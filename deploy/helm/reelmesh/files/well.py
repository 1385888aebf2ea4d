"""Asks the gateway how the mesh is until all that is needed is well; for `helm test`."""

import json
import ssl
import sys
import time
import urllib.error
import urllib.request

WAIT_SECONDS = 120
PAUSE_SECONDS = 2

url = sys.argv[1] + "/health/detailed"
# The certificate is for the names by which callers come, not for this one; no key is shown.
anybody = ssl.create_default_context()
anybody.check_hostname = False
anybody.verify_mode = ssl.CERT_NONE
until = time.monotonic() + WAIT_SECONDS  # noqa: TID251 - runs by itself, without the kit
while True:
    try:
        with urllib.request.urlopen(url, timeout=10, context=anybody) as answer:  # noqa: S310 - the chart's own address
            told = json.load(answer)
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        break
    except urllib.error.HTTPError as error:
        problem = f"{error.code}: {error.read().decode(errors='replace')}"
    except (OSError, ValueError) as error:
        problem = str(error)
    if time.monotonic() > until:  # noqa: TID251
        sys.exit(f"{url} does not say that the mesh is well: {problem}")
    time.sleep(PAUSE_SECONDS)  # noqa: TID251
