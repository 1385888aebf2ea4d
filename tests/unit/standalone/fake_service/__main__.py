"""The front door of the fake service."""

import sys

from reelmesh_kit import process

from tests.unit.standalone.fake_service import app, settings

if __name__ == "__main__":
    sys.exit(process.main("fake", app.build, settings.FakeSettings))
