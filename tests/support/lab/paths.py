"""Paths with a length, which loopback lacks: a relay that carries everything so much later."""

from collections.abc import Sequence
from pathlib import Path

from .commands import BIN, executable
from .daemons import Daemon
from .ports import accepts, free_port


class DelayedPath(Daemon):
    """The way to a server's port: milliseconds there and back; `jitter` is a standard deviation in percent of each."""

    def __init__(
        self, directory: Path, to: int, there: float, back: float, *, jitter: float = 0.0, seed: int = 1
    ) -> None:
        super().__init__("delay_relay", directory)
        self.port = free_port()
        self._arguments = (self.port, to, there, back, jitter, seed)

    def command(self) -> Sequence[str]:
        program = executable("delay_relay", BIN.parent / "tests")
        return [program, *map(str, self._arguments)]

    def is_ready(self) -> bool:
        return accepts(self.port)

    def carried(self) -> list[int]:
        """How many bytes each connection that has ended carried, there and back together."""
        return [sum(map(int, line.split())) for line in self.log_file.read_text().splitlines()]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/"
