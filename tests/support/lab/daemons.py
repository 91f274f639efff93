"""Foreground processes of other programs, started in a folder of their own and ended by their process id."""

import os
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from .waiting import LabError, wait_until

FAKETIME_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))

# Debian keeps servers in sbin, which an ordinary user's PATH lacks.
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])

_STOP_SECONDS = 4.0


def find_program(name: str, package: str) -> str:
    """Where `name` is installed; if it is not, say which Debian package brings it."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise LabError(f"{name} is not installed: sudo apt-get install {package}")
    return found


def faketime_environment(offset: float) -> dict[str, str]:
    """Variables under which a program sees its wall clock `offset` seconds off.

    The monotonic clocks stay true: only the time of day is what a wrong clock gets wrong.
    """
    if not FAKETIME_LIBRARIES:
        raise LabError("libfaketime is not installed: sudo apt-get install faketime")
    return {
        "LD_PRELOAD": str(FAKETIME_LIBRARIES[0]),
        "FAKETIME": f"{offset:+.6f}",
        # It reads FAKETIME again when this many seconds are over; by then nginx has cleared its environment.
        "FAKETIME_CACHE_DURATION": "1000000000",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        # A sanitized build wants its own library first; with this one in front, all it uses still works.
        "ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"])),
    }


class Daemon(ABC):
    """One program that runs until it is stopped.

    Start it from the main thread: should Python itself be killed, the kernel ends the program as soon as the
    thread that started it is gone.
    """

    ready_seconds = 10.0

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory
        self.log_file = directory / "output.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The program and its arguments; it must stay in the foreground."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Does it do its work yet?"""

    def environment(self) -> Mapping[str, str]:
        """Variables beside those of this process."""
        return {}

    def start(self) -> None:
        """Start the program; `wait_ready` tells when it can be used."""
        guarded = [find_program("setpriv", "util-linux"), "--pdeathsig", "TERM", "--", *self.command()]
        with self._open_stdout() as stdout, self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                guarded,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=log,
                cwd=self.directory,
                env={**os.environ, **self.environment()},
                start_new_session=True,
            )

    def _open_stdout(self):  # noqa: ANN202 - typing.BinaryIO and BufferedWriter differ between versions
        return self.log_file.open("ab")

    def wait_ready(self) -> None:
        """Return when the program does its work; raise with its own words when it ended or took too long."""
        try:
            wait_until(self._ready_or_dead, self.ready_seconds, f"{self.name} to be ready")
        except LabError as error:
            raise LabError(f"{error}\n{self.log_tail()}") from None

    def _ready_or_dead(self) -> bool:
        if not self.running:
            raise LabError(f"{self.name} ended with status {self.exit_code} instead of starting")
        return self.is_ready()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise LabError(f"{self.name} was not started")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def log_tail(self, lines: int = 15) -> str:
        """The last things the program said, for messages."""
        said = self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
        shown = "\n".join(f"    {line}" for line in said[-lines:])
        return f"Last words of {self.name}:\n{shown or '    (none)'}"

    def ask_to_stop(self) -> None:
        """Ask politely; `stop` then has less to wait for."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, seconds: float = _STOP_SECONDS) -> int | None:
        """End the program and everything it started. Returns its exit status."""
        if self._process is None:
            return None
        self.ask_to_stop()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        return self._process.returncode
