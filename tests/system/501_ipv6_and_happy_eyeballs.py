"""IPv6, addresses in certificates, and names of which only some addresses work."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    HONEST, BlackHole, Caddy, HostileServer, LabTest, Lighttpd, Nginx, dead_port, free_port, in_parallel,
    query,
)  # fmt: skip

NAME = "both.sdwdate-lab.test"
BOTH = ("127.0.0.1", "::1")


class Ipv6(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        cls.certificate = cls.world.ca.issue([NAME, *BOTH])

    def serve(self, addresses=BOTH, certificate=None) -> HostileServer:
        return self.world.run(HostileServer(HONEST, certificate or self.certificate, addresses=addresses))

    def ask_by_name(self, port: int, *addresses: str, seconds: float = 6.0):
        """Ask for NAME, of which --resolve says that it has these addresses, in this order."""
        listed = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
        resolve = ("--resolve", f"{NAME}:{port}:{listed}")
        return query(f"https://{NAME}:{port}/", *resolve, ca_file=self.ca_file, seconds=seconds, requests=2)

    def test_real_servers_over_ipv6(self) -> None:
        servers = self.world.start(
            *(
                kind(self.world.folder("v6"), self.certificate, addresses=("::1",))
                for kind in (Nginx, Caddy, Lighttpd)
            )
        )
        results = in_parallel(lambda server: query(server.url, ca_file=self.ca_file), servers)
        for server, result in zip(servers, results, strict=True):
            with self.subTest(server.name):
                self.assert_exit(result, 0)
                if server.implementation != "lighttpd":  # whose Date may be late
                    self.assert_measured(result)

    def test_the_address_must_be_in_the_certificate(self) -> None:
        """As an address, not as a name, and in whatever way it is written."""
        only_v4 = self.world.ca.issue(["127.0.0.1", "localhost"])
        server = self.serve(certificate=only_v4)
        self.assert_failed(query(server.url_at("::1"), ca_file=self.ca_file), "tls_certificate", server.url_at("::1"))
        self.assert_measured(query(server.url_at("127.0.0.1"), ca_file=self.ca_file))
        long_form = self.serve().url_at("0:0:0:0:0:0:0:1")
        self.assert_measured(query(long_form, ca_file=self.ca_file))

    def test_resolve_with_one_address(self) -> None:
        server = self.serve()
        for address in BOTH:
            with self.subTest(address):
                self.assert_measured(self.ask_by_name(server.port, address))

    def test_refused_ipv6_and_live_ipv4(self) -> None:
        server = self.serve(addresses=("127.0.0.1",))
        self.assert_measured(self.ask_by_name(server.port, "::1", "127.0.0.1"))

    def test_refused_ipv4_and_live_ipv6(self) -> None:
        server = self.serve(addresses=("::1",))
        self.assert_measured(self.ask_by_name(server.port, "127.0.0.1", "::1"))

    def test_silent_ipv6_and_live_ipv4(self) -> None:
        """Without a refusal there is nothing to react to but the clock: RFC 8305's 250 ms, or not much more."""
        server = self.serve(addresses=("127.0.0.1",))
        self.world.run(BlackHole("::1", server.port))
        quick = self.ask_by_name(server.port, "127.0.0.1")
        slow = self.ask_by_name(server.port, "::1", "127.0.0.1")
        self.assert_measured(quick)
        self.assert_measured(slow)
        self.assertLess(slow.seconds, quick.seconds + 2.5, f"\n{slow}")

    def test_silent_ipv4_and_live_ipv6(self) -> None:
        server = self.serve(addresses=("::1",))
        self.world.run(BlackHole("127.0.0.1", server.port))
        self.assert_measured(self.ask_by_name(server.port, "127.0.0.1", "::1"))

    def test_nothing_works(self) -> None:
        """All refused: at once, as `connect`. All silent: when patience ends, as `connect` or `timeout`."""
        port = dead_port()
        refused = self.ask_by_name(port, *BOTH)
        self.assert_failed(refused, "connect", f"https://{NAME}:{port}/")
        self.assertLess(refused.seconds, 2, f"\n{refused}")
        port = free_port()
        self.world.start(*(BlackHole(address, port) for address in BOTH))
        silent = self.ask_by_name(port, *BOTH, seconds=2)
        self.assert_exit(silent, 1)
        self.assertIn(silent.sources[0]["error"]["code"], ("connect", "timeout"), f"\n{silent}")
        self.assertLess(silent.seconds, 4, f"\n{silent}")

    def test_names_in_the_hosts_file(self) -> None:
        """localhost has both addresses on most machines; the server has one."""
        server = self.serve(addresses=("127.0.0.1",), certificate=self.world.certificate)
        self.assert_measured(query(server.url_at("localhost"), ca_file=self.ca_file))

    def test_malformed_resolve(self) -> None:
        for value in (NAME, f"{NAME}:443", f"{NAME}:443:elsewhere.test", f"{NAME}:0:127.0.0.1", f":443:{BOTH[0]}"):
            with self.subTest(value):
                result = query("--resolve", value, f"https://{NAME}/", ca_file=self.ca_file)
                self.assert_exit(result, 2)
                self.assert_message(result, "--resolve")


if __name__ == "__main__":
    unittest.main()
