"""The front door of the media service."""

import sys

from reelmesh_kit import process

from reelmesh_media import app, settings

if __name__ == "__main__":
    sys.exit(process.main("media", app.build, settings.MediaSettings))
