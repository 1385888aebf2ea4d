"""The front door of the workers."""

import sys

from reelmesh_kit import process

from bench.worker import app, settings

if __name__ == "__main__":
    sys.exit(process.main("worker", app.build, settings.WorkerSettings))
