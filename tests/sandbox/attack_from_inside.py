#!/usr/bin/env python3
"""A probe that a server has taken over: what can it do? Tried by one with a deliberate hole, under the real query.

Each attack is made three times: by a probe that is confined as always; by one without seccomp, to see that the layers
beneath hold by themselves; and by a plain process, which is what the Python sdwdate's helper is.
"""

import re
import shutil
import socket
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import BIN, LabTest, copy_of_executables, in_parallel, query

HOLED_PROBE = BIN.parent / "tests" / "holed_probe"
#: What only seccomp sees: Landlock knows connect() of plain TCP; no right is needed for the others.
ONLY_SECCOMP = {
    "fork",  # root's processes are not counted
    "connect-by-mptcp",
    "connect-by-fast-open",
    "send-udp",
    "ask-kernel",
    "map-executable",
    "make-executable",
    "take-shared-memory",
    "new-namespace",
    "ask-clock",
}
#: The system call is one that a probe needs; a limit or Landlock refuses what it asks for.
REFUSED_ONLY = {"connect-elsewhere", "take-memory", "open-many"}
ATTACKS = {
    "open-file": "open /etc/passwd",
    "list-folder": "list a folder",
    "write-file": "write a file",
    "execute": "execute a program",
    "fork": "start a process",
    "connect-elsewhere": "connect to another port",
    "connect-by-mptcp": "the same by multipath TCP",
    "connect-by-fast-open": "the same by TCP fast open",
    "send-udp": "send a UDP datagram",
    "listen": "listen on a port",
    "connect-unix": "connect to a UNIX socket",
    "ask-kernel": "ask the kernel about the network (netlink)",
    "read-probe": "read another probe's memory",
    "trace-probe": "trace another probe",
    "read-parent": "read its parent's memory",
    "signal-parent": "send its parent a signal",
    "map-executable": "map memory to write and execute",
    "make-executable": "make written memory executable",
    "take-memory": "take 256 MiB of memory",
    "take-shared-memory": "the same as shared memory",
    "open-many": "open 200 sockets",
    "new-namespace": "make a network namespace",
    "ask-clock": "ask about the clock's frequency (adjtimex)",
}
KILLED = "killed for a system call that it may not make"
REFUSED = "refused"
GOT_THROUGH = "got through"


class AttackFromInside(LabTest):
    """Somebody listens at `port` by TCP and UDP, and at an abstract UNIX socket: an attack's aim elsewhere."""

    @classmethod
    def set_up_world(cls) -> None:
        cls.folder = copy_of_executables(cls.world.folder("executables"))
        shutil.copy2(HOLED_PROBE, cls.folder / "sdwdate-probe")
        cls.tcp = socket.create_server(("127.0.0.1", 0), backlog=200)
        cls.port = cls.tcp.getsockname()[1]
        cls.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cls.udp.bind(("127.0.0.1", cls.port))
        cls.unix = socket.socket(socket.AF_UNIX)
        cls.unix.bind(f"\0sdwdate-attack-{cls.port}")
        cls.unix.listen(200)
        for each in (cls.tcp, cls.udp, cls.unix):
            cls.addClassCleanup(each.close)

    def attack(self, name: str, how: str) -> str:
        """What the parent says of the probe."""
        hosts = [f"{name}.attack.test", *(["victim.attack.test"] if "probe" in name else [])]
        where = [word for host in hosts for word in ("--resolve", f"{host}:443:127.0.0.1")]
        urls = [f"https://{host}/{how}/{self.port}" for host in hosts]
        result = query(*where, *urls, ca_file=self.ca_file, folder=self.folder)
        error = result.json["sources"][0]["error"]
        return error["message"]

    def test_every_attack_is_the_end_of_the_probe_and_is_reported(self) -> None:
        def check(name: str) -> None:
            said = self.attack(name, "confined")
            self.assertIn(REFUSED if name in REFUSED_ONLY else KILLED, said, name)

        in_parallel(check, list(ATTACKS))

    def test_nearly_all_fail_without_seccomp_too(self) -> None:
        def check(name: str) -> None:
            if name not in ONLY_SECCOMP:
                self.assertIn(REFUSED, self.attack(name, "without-seccomp"), name)

        in_parallel(check, list(ATTACKS))

    def test_a_plain_process_can_do_all_of_it(self) -> None:
        """So the attacks are real ones."""

        def check(name: str) -> None:
            said = self.attack(name, "plain")
            # Having become another program, it ends without a word.
            self.assertIn("ended without a result" if name == "execute" else GOT_THROUGH, said, name)

        in_parallel(check, [name for name in ATTACKS if name != "connect-by-mptcp"])  # not in every kernel


def table() -> str:
    AttackFromInside.setUpClass()
    case = AttackFromInside()
    try:
        lines = ["| a probe that was taken over tries to | plain process | without seccomp | as always |"]
        lines.append("|---|---|---|---|")
        for name, words in ATTACKS.items():
            ends = [case.attack(name, how).removeprefix("our own helper process failed: ")
                    for how in ("plain", "without-seccomp", "confined")]  # fmt: skip
            lines.append(f"| {words} | {' | '.join(re.sub(' for a system.*', '', end) for end in ends)} |")
        return "\n".join(lines)
    finally:
        AttackFromInside.doClassCleanups()


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print(table())
    else:
        unittest.main()
