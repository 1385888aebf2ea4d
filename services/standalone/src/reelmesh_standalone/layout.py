"""What lies where in the data folder of a standalone mesh."""

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class Layout:
    """The data folder: everything that a mesh on a laptop keeps."""

    folder: pathlib.Path

    @property
    def lock_file(self) -> pathlib.Path:
        """Held by the process that runs the mesh."""
        return self.folder / "lock"

    @property
    def spans_folder(self) -> pathlib.Path:
        """Span files, one per service, for `reelmesh trace`."""
        return self.folder / "spans"

    @property
    def logs_folder(self) -> pathlib.Path:
        """Log files, one per service."""
        return self.folder / "logs"

    @property
    def nats_folder(self) -> pathlib.Path:
        """What nats-server keeps."""
        return self.folder / "nats"

    def service_folder(self, service: str) -> pathlib.Path:
        """Files of one service."""
        return self.folder / service

    def database_url(self, service: str) -> str:
        """SQLite file of one service, as a URL."""
        return f"sqlite:///{self.service_folder(service).absolute() / service}.sqlite"

    @property
    def key_file(self) -> pathlib.Path:
        """API key that the gateway makes on its first start."""
        return self.service_folder("gateway") / "development.key"
