"""Runs storage as a process of its own."""

import sys

from reelmesh_kit import process

from reelmesh_storage import app, settings

if __name__ == "__main__":
    sys.exit(process.main(app.SERVICE, app.build, settings.StorageSettings))
