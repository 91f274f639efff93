"""A real chronyd that cannot touch the clock, and a stand-in for its refclock socket that shows what arrives."""

import os
import select
import shutil
import socket
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .daemons import Daemon, find_program
from .namespaces import in_namespaces
from .waiting import LabError, wait_until

#: Settings under which one sample counts at once and three seconds of samples are enough to be selected.
QUICK = "refid WEB poll 0 filter 1 precision 0.01 delay 0.02"


class ChronySource(NamedTuple):
    """One line of `chronyc -c sources`, as far as it concerns us."""

    state: str  # "*" selected, "?" not selectable, "x" falseticker, ...
    name: str
    reach: int
    offset: float


class Chronyd(Daemon):
    """chronyd with nothing but our SOCK refclock.

    It cannot set the clock: -x, and, unless user namespaces are forbidden, in one of its own, where no capability
    reaches the clock.
    It cannot use a network: it has an empty network namespace.
    """

    def __init__(self, directory: Path, refclock_options: str = QUICK) -> None:
        super().__init__("chronyd", directory)
        self.socket = directory / "web.sock"
        self.command_socket = directory / "command" / "chronyd.sock"
        self._refclock_options = refclock_options

    def command(self) -> Sequence[str]:
        # Debian's AppArmor profile confines /usr/sbin/chronyd by its path, away from temporary folders. A copy is free.
        program = self.directory / "chronyd"
        if not program.exists():
            shutil.copy2(find_program("chronyd", "chrony"), program)
        self.command_socket.parent.mkdir(exist_ok=True)
        self.command_socket.parent.chmod(0o750)  # chronyd insists
        configuration = self.directory / "chrony.conf"
        configuration.write_text(
            f"""refclock SOCK {self.socket} {self._refclock_options}
port 0
cmdport 0
bindcmdaddress {self.command_socket}
user root
pidfile {self.directory}/chronyd.pid
driftfile {self.directory}/drift
logdir {self.directory}
log refclocks
"""
        )
        return [*in_namespaces("net"), str(program), "-x", "-d", "-f", str(configuration)]

    def is_ready(self) -> bool:
        return self.socket.exists() and self.command_socket.exists()

    def chronyc(self, *arguments: str) -> str:
        """What chronyc prints, asked over this chronyd's own command socket."""
        command = [find_program("chronyc", "chrony"), "-h", str(self.command_socket), *arguments]
        asked = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        if asked.returncode != 0:
            raise LabError(f"{' '.join(command)}: {asked.stdout.strip()} {asked.stderr.strip()}")
        return asked.stdout

    def source(self) -> ChronySource:
        """What chronyd makes of our refclock."""
        fields = self.chronyc("-c", "sources").strip().split(",")
        return ChronySource(state=fields[1], name=fields[2], reach=int(fields[5], 8), offset=float(fields[7]))

    def is_selected(self) -> bool:
        return self.source().state == "*"

    def tracking(self) -> list[str]:
        return self.chronyc("-c", "tracking").strip().split(",")

    def raw_offsets(self) -> list[float]:
        """The offset of each sample as it arrived, from refclocks.log (date, time, name, number, L, P, raw, ...)."""
        log = self.directory / "refclocks.log"
        lines = log.read_text().splitlines() if log.exists() else []
        rows = [line.split() for line in lines if " WEB " in line]
        return [float(row[6]) for row in rows if row[3] != "-"]

    def has_network(self) -> bool:
        """Is there any way out of chronyd's network namespace?"""
        routes = [Path(f"/proc/{self.pid}/net/{table}").read_text() for table in ("route", "ipv6_route")]
        own_namespace = os.readlink(f"/proc/{self.pid}/ns/net") != os.readlink("/proc/self/ns/net")
        return not own_namespace or any(line.split()[-1] != "lo" for line in "".join(routes).splitlines()[1:])


class SockSample(NamedTuple):
    """The datagram of chrony's SOCK driver."""

    seconds: int
    microseconds: int
    offset: float
    pulse: int
    leap: int
    padding: int
    magic: int

    @property
    def taken(self) -> float:
        return self.seconds + self.microseconds / 1e6

    @property
    def reference(self) -> float:
        """The true time, according to this sample."""
        return self.taken + self.offset


SAMPLE_LAYOUT = struct.Struct("@qqdiiii")
SAMPLE_MAGIC = 0x534F434B


class SampleRecorder:
    """A refclock socket as chronyd makes it, which keeps the datagrams instead of using them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._datagrams: list[bytes] = []

    def start(self) -> None:
        self._socket.bind(str(self.path))

    def wait_ready(self) -> None:
        """A bound socket takes datagrams at once."""

    def ask_to_stop(self) -> None:
        """Nothing runs that would have to be asked."""

    def stop(self) -> None:
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def datagrams(self) -> list[bytes]:
        """All that have arrived so far."""
        while select.select([self._socket], [], [], 0)[0]:
            self._datagrams.append(self._socket.recv(4096))
        return list(self._datagrams)

    def samples(self) -> list[SockSample]:
        return [SockSample._make(SAMPLE_LAYOUT.unpack(datagram)) for datagram in self.datagrams()]

    def wait_for(self, count: int, timeout: float = 5.0) -> list[SockSample]:
        """Wait until `count` samples have arrived in all."""
        wait_until(lambda: len(self.datagrams()) >= count, timeout, f"{count} samples at {self.path.name}")
        return self.samples()


def abandoned_socket(path: Path) -> Path:
    """The file that a chronyd leaves behind when it is killed: a socket to which nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        left.bind(str(path))
    return path
