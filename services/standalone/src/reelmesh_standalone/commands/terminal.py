"""What a mesh says on the terminal while it starts and runs."""

import pathlib

import rich.console
import rich.text
from reelmesh_client import discovery
from reelmesh_client.commands import showing

_STYLES = {"warning": "yellow", "error": "red", "critical": "bold red"}


class Terminal:
    """Prints one line at a time, safe for text from anywhere."""

    def __init__(self, console: rich.console.Console) -> None:
        self._console = console

    def show(self, line: str) -> None:
        """Print a line; its first word colours it if it is a level."""
        text = rich.text.Text(showing.plain(line))
        style = _STYLES.get(line.partition(" ")[0])
        if style:
            text.stylize(style)
        self._console.print(text, soft_wrap=True)

    def banner(self, mesh: discovery.Mesh, data_folder: pathlib.Path, extra: str) -> None:
        """Print where the mesh answers and what to do with it; `extra` names the folder if it is not the default."""
        facts = (
            ("http", mesh.http),
            ("docs", f"{mesh.http}/docs"),
            ("grpc", mesh.grpc),
            ("api key", mesh.key_file),
            ("data", str(data_folder)),
        )
        self._console.print()
        self._console.print(rich.text.Text("reelmesh is up", style="bold green"))
        for name, value in facts:
            line = rich.text.Text().append(f"  {name:<9}", style="dim").append(value)
            self._console.print(line, soft_wrap=True)
        self._console.print()
        self._console.print(rich.text.Text("In another terminal:", style="dim"))
        self._console.print(
            rich.text.Text(f'  reelmesh generate "a lighthouse in a storm" -o lighthouse.mp4{extra}'), soft_wrap=True
        )
        self._console.print(rich.text.Text("Ctrl-C stops it; started again, it goes on with all work.", style="dim"))
        self._console.print()
