"""The front door: `python -m reelmesh_provider_veo`."""

import sys

from reelmesh_kit import process

from reelmesh_provider_veo import app, settings

if __name__ == "__main__":
    sys.exit(process.main(app.SERVICE, app.build, settings.VeoSettings))
