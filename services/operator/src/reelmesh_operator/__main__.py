"""The front door of the operator."""

import sys

from reelmesh_kit import process

from reelmesh_operator import app, settings

if __name__ == "__main__":
    sys.exit(process.main("operator", app.build, settings.OperatorSettings))
