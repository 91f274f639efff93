"""The guest's serial ports as this side sees them: sockets on which it answers questions."""

import base64
import itertools
import math
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from lab import LabError, wait_until

NANO = 1e-9


class GuestSilent(LabError):
    """An answer did not come in time."""


class Port:
    """One connection to qemu, of whole lines."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        wait_until(lambda: self._connects(path), 10, f"qemu to make {path.name}")
        self._received = b""

    def _connects(self, path: Path) -> bool:
        try:
            self._socket.connect(str(path))
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.settimeout(None)
        self._socket.sendall(data)

    def line(self, timeout: float) -> bytes:
        """The next line, without its end."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._received:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                raise GuestSilent(f"nothing came from {self._name} for {timeout:g} s") from None
            if not data:
                raise LabError(f"qemu closed {self._name}")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line.rstrip(b"\r")


@dataclass(frozen=True)
class Output:
    """How a command in the guest ended; `text` is what it said on both standard output and standard error."""

    command: str
    exit_code: int
    text: str

    def __str__(self) -> str:
        return f"guest$ {self.command}\n{self.text}\nexit status {self.exit_code}"


class Shell:
    """Runs commands as the guest's root: the other end of files/usr/local/lib/lab/shell."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._numbers = itertools.count(1)

    def wait_ready(self, timeout: float) -> None:
        """Return when the guest, having booted, takes commands."""
        deadline = time.monotonic() + timeout
        while self._port.line(max(deadline - time.monotonic(), 0.001)).split()[:1] != [b"0"]:
            pass

    def run(self, command: str, timeout: float) -> Output:
        number = next(self._numbers)
        self._port.send(b"%d %s\n" % (number, base64.b64encode(command.encode())))
        deadline = time.monotonic() + timeout
        while True:
            fields = self._port.line(max(deadline - time.monotonic(), 0.001)).split()
            # Answers to questions whose patience ran out come late.
            if fields and int(fields[0]) == number:
                said = base64.b64decode(fields[2]) if len(fields) > 2 else b""
                return Output(command, int(fields[1]), said.decode(errors="replace").strip())


@dataclass(frozen=True)
class Reading:
    """One look at the guest's clock. All in seconds."""

    #: The guest's clock minus this machine's: positive if the guest's is ahead.
    error: float
    #: The truth is within this of `error`.
    uncertainty: float
    #: When, by this machine's CLOCK_MONOTONIC.
    at: float
    #: What the guest's CLOCK_MONOTONIC and CLOCK_BOOTTIME said.
    monotonic: float
    boottime: float

    def __str__(self) -> str:
        return f"{duration(self.error)} (+-{self.uncertainty * 1e3:.1f} ms)"


class ClockEcho:
    """Reads the guest's clocks: the other end of clock_echo.cc."""

    def __init__(self, port: Port) -> None:
        self._port = port

    def read(self, tries: int, timeout: float) -> Reading:
        """The reading with the shortest round trip."""
        return min((self._ask(timeout) for _ in range(tries)), key=lambda reading: reading.uncertainty)

    def _ask(self, timeout: float) -> Reading:
        # Nanoseconds as integers: a float cannot hold them since 1970.
        asked = time.time_ns()
        self._port.send(b"?")
        real, monotonic, boottime = map(int, self._port.line(timeout).split())
        answered, now = time.time_ns(), time.monotonic()
        half = (answered - asked) / 2 * NANO
        error = (real - (asked + answered) // 2) * NANO
        return Reading(error, half, now - half, monotonic * NANO, boottime * NANO)


def duration(seconds: float) -> str:
    """With sign, in a unit that suits its size."""
    for limit, unit, name in ((1.0, 1e-3, "ms"), (3600.0, 1.0, "s"), (86400.0, 3600.0, "h"), (math.inf, 86400.0, "d")):
        if abs(seconds) < limit:
            break
    return f"{seconds / unit:+.1f} {name}"
