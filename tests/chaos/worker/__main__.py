"""The front door of the worker."""

import sys

from reelmesh_kit import process

from tests.chaos.worker import app, settings

if __name__ == "__main__":
    sys.exit(process.main(app.SERVICE, app.build, settings.ChaosSettings))
