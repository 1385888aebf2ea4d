"""The front door of the provider whose jobs never end."""

import sys

from reelmesh_kit import process

from bench.endless import app, settings

if __name__ == "__main__":
    sys.exit(process.main("endless", app.build, settings.EndlessSettings))
