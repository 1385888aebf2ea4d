"""What the fake service is told."""

import pathlib

from reelmesh_kit import settings


class FakeSettings(settings.ServiceSettings):
    """It fails at start while its folder has a file named "broken", and asks for what it lacks."""

    data_folder: pathlib.Path
    http_port: int = 0
    first_address: str = ""
