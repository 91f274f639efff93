"""A name with many IPv6 addresses, all of them dead, in front of its IPv4 address is reached without much delay.

On a machine of its own: the name is in its /etc/hosts, and what is sent to the IPv6 addresses goes down a wire, at
whose other end nobody answers and nobody refuses.
"""

import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import HONEST, HostileServer, LabTest, Network, enter_private_machine, find_program, query

NAME = "many.sdwdate-lab.test"
OURS = "2001:db8:0:1::1"
THEIRS = "2001:db8:0:1::2"
DEAD_NETWORK = "2001:db8:dead::/48"
DEAD = [f"2001:db8:dead::{number}" for number in range(1, 21)]
#: From starting the command to a connection over IPv4: RFC 8305's 250 ms, and the rest is for a loaded machine.
MOST_SECONDS = 1.5


class ManyDeadAddresses(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        network = cls.world.run(Network(cls.world.folder("silence")))
        network.wire("toward", "silence", [(f"{OURS}/64", f"{THEIRS}/64")])
        add_route = [find_program("ip", "iproute2"), "-6", "route", "add"]
        subprocess.run([*network.prefix, *add_route, "blackhole", DEAD_NETWORK], check=True)
        subprocess.run([*add_route, DEAD_NETWORK, "via", THEIRS], check=True)
        Path("/etc/host.conf").write_text("multi on\n")  # as Debian has it: else a name in /etc/hosts has one address
        certificate = cls.world.ca.issue([NAME])
        cls.server = cls.world.run(HostileServer(HONEST, certificate))

    def ask(self, *addresses: str, seconds: float = 10):
        lines = [f"{address} {NAME}\n" for address in addresses]
        Path("/etc/hosts").write_text("127.0.0.1 localhost\n" + "".join(lines))
        return query(self.server.url_at(NAME), ca_file=self.ca_file, requests=2, seconds=seconds)

    def test_the_addresses_are_dead_and_silent(self) -> None:
        """And come first when the name is looked up: so the other tests prove what they say."""
        result = self.ask(*DEAD, seconds=4)
        self.assert_exit(result, 1)
        self.assertIn(result.sources[0]["error"]["code"], ("connect", "timeout"), f"\n{result}")
        self.assertGreater(result.seconds, 3, f"\n{result}")
        self.ask(*DEAD, "127.0.0.1")
        looked_up = subprocess.run(
            [find_program("getent", "libc-bin"), "ahosts", NAME], capture_output=True, text=True, check=True
        )
        self.assertTrue(looked_up.stdout.startswith("2001:db8:dead::"), looked_up.stdout)

    def test_ipv4_is_reached_behind_eight_and_more(self) -> None:
        for count in (0, 1, 7, 8, 20):
            with self.subTest(dead=count):
                known = len(self.server.connections)
                started = time.monotonic()
                self.assert_measured(self.ask(*DEAD[:count], "127.0.0.1"))
                self.assertLess(self.server.connections[known].accepted - started, MOST_SECONDS)


if __name__ == "__main__":
    enter_private_machine()
    unittest.main()
