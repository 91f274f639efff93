"""A machine of its own for one test program: its own processes, network, /etc, /run and /var/lib.

    if __name__ == "__main__":
        enter_private_machine()
        unittest.main()

What the program then starts under the names and in the places of a real system is seen by itself alone. Beside its
network, which has nothing but loopback, there can be others, and wires between them.
"""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from .daemons import Daemon, find_program
from .namespaces import in_namespaces
from .waiting import LabError

_INSIDE = "SDWDATE_PRIVATE_MACHINE"
_KINDS = ("mount", "pid", "net", "fork", "mount-proc", "kill-child")
#: Of this machine's /etc, what programs cannot do without.
_KEPT = ("group", "hosts", "ld.so.cache", "nsswitch.conf", "passwd", "ssl/openssl.cnf")
#: No looking for routers, no address of the kernel's own choice, no asking whether an address is taken; and what is
#: said at once of multicast groups is said at once.
_QUIET_IPV6 = {
    "accept_ra": 0,
    "autoconf": 0,
    "router_solicitations": 0,
    "addr_gen_mode": 1,
    "accept_dad": 0,
    "mldv1_unsolicited_report_interval": 100,
    "mldv2_unsolicited_report_interval": 100,
}


def enter_private_machine() -> None:
    """Start this program again where it is alone, and furnish the place."""
    if os.environ.get(_INSIDE) is None:
        command = [*in_namespaces(*_KINDS), sys.executable, *sys.argv]
        os.execvpe(command[0], command, {**os.environ, _INSIDE: "1"})
    kept = {name: Path("/etc", name).read_bytes() for name in _KEPT if Path("/etc", name).exists()}
    for folder in ("/etc", "/run", "/var/lib"):
        _run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", folder)
    for name, content in kept.items():
        path = Path("/etc", name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    # The one group id that is sure to exist in a user namespace, by another name.
    _put_first(Path("/etc/group"), "sdwdate:x:0:")
    _append(Path("/etc/passwd"), "sdwdate:x:0:0::/nonexistent:/usr/sbin/nologin")
    _run("ip", "link", "set", "lo", "up")


def _put_first(path: Path, line: str) -> None:
    path.write_text(f"{line}\n{path.read_text()}")


def _append(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text()}{line}\n")


def _run(*command: str) -> str:
    program = find_program(command[0], "iproute2 util-linux procps mount")
    ended = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise LabError(f"{' '.join(command)}: {ended.stderr.strip()}")
    return ended.stdout


class Network(Daemon):
    """Another network on this machine. A wire connects it to ours; what runs behind `prefix` is in it."""

    def __init__(self, directory: Path) -> None:
        super().__init__("network namespace", directory)

    def command(self) -> Sequence[str]:
        return [find_program("unshare", "util-linux"), "--net", "sleep", "infinity"]

    def is_ready(self) -> bool:
        return os.readlink(f"/proc/{self.pid}/ns/net") != os.readlink("/proc/self/ns/net")

    @property
    def prefix(self) -> Sequence[str]:
        return [find_program("nsenter", "util-linux"), f"--net=/proc/{self.pid}/ns/net", "--"]

    def wire(self, ours: str, theirs: str, addresses: Iterable[tuple[str, str]]) -> None:
        """A wire from interface `ours` to their `theirs`; each pair of addresses (ADDRESS/PREFIX) is ours and theirs.

        A second after this the kernel has no more to say on it by itself: over IPv6 it is told not to, and for ARP and
        neighbour discovery there is no need, since either side knows the other.
        """
        hardware = ("02:00:00:00:00:01", "02:00:00:00:00:02")
        _run(
            "ip", "link", "add", ours, "address", hardware[0], "type", "veth",
            "peer", "name", theirs, "address", hardware[1], "netns", str(self.pid),
        )  # fmt: skip
        for prefix, interface, side in (((), ours, 0), (self.prefix, theirs, 1)):
            for setting, value in _QUIET_IPV6.items():
                _run(*prefix, "sh", "-c", f"echo {value} > /proc/sys/net/ipv6/conf/{interface}/{setting}")
            _run(*prefix, "ip", "link", "set", interface, "up")
            for pair in addresses:
                _run(*prefix, "ip", "address", "add", pair[side], "dev", interface)
                other = pair[1 - side].partition("/")[0]
                known = ("lladdr", hardware[1 - side], "nud", "permanent")
                _run(*prefix, "ip", "neighbour", "replace", other, "dev", interface, *known)


class PacketCounter:
    """Sees every frame that reaches an interface of ours, of whatever protocol."""

    _ALL_PROTOCOLS = 0x0003

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(self._ALL_PROTOCOLS))
        self._socket.bind((interface, 0))
        self._frames: list[bytes] = []

    def __enter__(self) -> "PacketCounter":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def frames(self) -> list[bytes]:
        """All that have come so far; not what left by this interface."""
        while select.select([self._socket], [], [], 0)[0]:
            frame, origin = self._socket.recvfrom(65536)
            if origin[2] != socket.PACKET_OUTGOING:
                self._frames.append(frame)
        return list(self._frames)
