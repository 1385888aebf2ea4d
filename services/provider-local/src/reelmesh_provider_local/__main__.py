"""The front door: `python -m reelmesh_provider_local`."""

import sys

from reelmesh_kit import process

from reelmesh_provider_local import app, settings

if __name__ == "__main__":
    sys.exit(process.main(app.SERVICE, app.build, settings.LocalSettings, starts_processes=True))
