"""Over a real Tor network, a private one: circuits apart, names left to Tor, onion services, and what Tor says of them."""

import base64
import hashlib
import re
import subprocess
import sys
import unittest
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    LabTest, Network, Nginx, PacketCounter, Pool, Result, Settings, Source, Validity, enter_private_machine,
    query, run,
)  # fmt: skip
from lab.caches import PlainNginx
from lab.tor import TorNetwork


def onion_address(key: bytes) -> str:
    """Of the service with this public key: rend-spec-v3, section 6."""
    version = b"\x03"
    checksum = hashlib.sha3_256(b".onion checksum" + key + version).digest()[:2]
    return base64.b32encode(key + checksum + version).decode().lower() + ".onion"


#: Nobody has ever published a service with the key of RFC 8032's first example.
UNKNOWN = onion_address(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))


#: Whonix' own.
GATEWAY = "10.152.152.10"


class OverTor(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        # The only way out of this machine: whatever leaves by it is seen.
        neighbour = world.run(Network(world.folder("neighbour")))
        neighbour.wire("out0", "peer0", [("192.0.2.1/24", "192.0.2.2/24")])
        cls.neighbour = neighbour
        Path("/etc/resolv.conf").write_text("nameserver 192.0.2.2\n")

        self_signed = world.ca.self_signed(["wrong.example"], Validity.days(-1, 1))
        cls.nginx, cls.own = world.start(
            Nginx(world.folder("nginx"), world.certificate),
            Nginx(world.folder("self-signed"), self_signed),
        )
        cls.plain = world.run(PlainNginx(world.folder("plain")))
        onions = {
            "first": {80: cls.plain.port},
            "second": {80: cls.plain.port, 443: cls.own.port},
            "third": {80: cls.plain.port},
        }
        cls.network = world.run(TorNetwork(world.folder("tor"), onions))
        cls.client = cls.network.client

    def onion(self, name: str, scheme: str = "http", port: str = "") -> str:
        return f"{scheme}://{self.network.onions[name]}{port}/"

    def ask(self, *urls: str, proxy: str = "", **options) -> Result:
        options.setdefault("seconds", 30)
        return query("--proxy", proxy or self.client.proxy_url, *urls, ca_file=self.ca_file, **options)

    def sync(self, sources: list[Source], **tor: object) -> Result:
        configuration = Settings(
            pools=[Pool(f"pool {number}", [source]) for number, source in enumerate(sources)],
            chrony_socket=self.world.directory / "none.sock",
            ca_file=self.ca_file,
            state_directory=self.world.folder("state"),
            transport="tor",
            more={"tor": {"socks": self.client.socks, **tor}, "request": {"timeout": "30s", "per_source": 3}},
        ).write(self.world.folder("configuration") / "tor.toml")
        return run("sdwdate", "sync", "--config", configuration, "--json")

    # --- isolation

    def test_each_source_has_a_circuit_of_its_own_and_another_in_the_next_round(self) -> None:
        names = ("first", "second", "third")
        sources = [Source(self.onion(name), operator=name) for name in names]
        before = {(c["SOCKS_USERNAME"], c["SOCKS_PASSWORD"]) for c in self.client.circuits()}
        for result in (self.sync(sources), self.sync(sources)):
            self.assertTrue(result.selection["agreed"], f"\n{result}")
        used = [c for c in self.client.circuits() if (c["SOCKS_USERNAME"], c["SOCKS_PASSWORD"]) not in before]
        credentials = {(c["SOCKS_USERNAME"], c["SOCKS_PASSWORD"]) for c in used}
        self.assertEqual(len(credentials), 2 * len(names), "one for each source in each round")
        for user, password in credentials:
            self.assertRegex(user + password, r"\A[0-9a-f]{64}\Z", "nothing but randomness")

    def test_a_circuit_serves_one_source_only(self) -> None:
        result = self.ask(self.onion("first"), self.onion("second"), self.onion("third"))
        self.assert_exit(result, 0)
        owners = {}
        for circuit in self.client.circuits():
            owner = (circuit["SOCKS_USERNAME"], circuit["SOCKS_PASSWORD"])
            self.assertEqual(owners.setdefault(circuit["id"], owner), owner)

    # --- names

    def test_names_are_left_to_tor(self) -> None:
        """What an exit cannot resolve, we do not either; and nothing leaves this machine meanwhile."""
        with PacketCounter("out0") as incoming:
            _, left = self.packets_out(lambda: self.ask("https://time.example/", seconds=5))
            self.assertEqual(left, 0, "nothing leaves")
            self.assertEqual(incoming.frames(), [])

    def packets_out(self, action: Callable[[], Result]) -> tuple[Result, int]:
        """What leaves while `action` lasts."""
        before = self.sent()
        result = action()
        return result, self.sent() - before

    @staticmethod
    def sent() -> int:
        """Packets that have left by the one interface that leads out."""
        line = re.search(r"^ *out0:(.*)$", Path("/proc/net/dev").read_text(), re.M)
        return int(line[1].split()[9])

    def test_the_counter_sees_what_leaves(self) -> None:
        """Asked directly, the same name is looked for: so the test above proves what it says."""
        _, left = self.packets_out(lambda: query("--direct", "https://time.example/", ca_file=self.ca_file, seconds=2))
        self.assertGreater(left, 0)

    # --- servers

    def test_a_server_through_an_exit(self) -> None:
        self.assert_measured(self.ask(self.nginx.url))

    def test_an_onion_service_by_http(self) -> None:
        self.assert_measured(self.ask(self.onion("first")))

    def test_an_onion_service_with_its_own_certificate(self) -> None:
        """Not trusted, unless it is configured for this source."""
        url = self.onion("second", "https")
        self.assert_failed(self.ask(url), "tls_certificate", url)
        result = self.sync([Source(url), Source(self.onion("first")), Source(self.onion("third"))])
        self.assertEqual(result.sources[0]["error"]["code"] if result.sources[0]["error"] else None, "tls_certificate")
        result = self.sync([Source(url, self_signed=True), Source(self.onion("first")), Source(self.onion("third"))])
        self.assertTrue(result.selection["agreed"], f"\n{result}")
        self.assertEqual([source["outcome"] for source in result.sources], ["truechimer"] * 3)

    def test_self_signed_is_for_onion_services_only(self) -> None:
        result = self.sync([Source(self.nginx.url, self_signed=True)])
        self.assert_exit(result, 2)
        self.assert_message(result, "self_signed", "onion")

    # --- the ways to Tor

    def test_socks_by_a_unix_socket(self) -> None:
        self.assert_measured(self.ask(self.onion("first"), proxy=f"unix:{self.client.socks_path}"))
        sources = [Source(self.onion(name)) for name in ("first", "second", "third")]
        result = self.sync(sources, socks=f"unix:{self.client.socks_path}")
        self.assertTrue(result.selection["agreed"], f"\n{result}")

    def test_no_unix_socket_there(self) -> None:
        url = self.onion("first")
        result = self.ask(url, proxy="unix:/run/tor/nowhere")
        self.assert_failed(result, "proxy", url)
        self.assertIn("/run/tor/nowhere", result.sources[0]["error"]["message"])

    def test_several_ports_are_taken_in_turn(self) -> None:
        sources = [Source(self.onion(name)) for name in ("first", "second", "third")]
        ports = [self.client.socks, f"127.0.0.1:{self.client.plain_socks_port}", f"unix:{self.client.socks_path}"]
        result = self.sync(sources, socks=ports)
        self.assertTrue(result.selection["agreed"], f"\n{result}")
        result = self.sync(sources, socks=[self.client.socks, "unix:/run/tor/nowhere", self.client.socks])
        failed = [source for source in result.sources if source["error"]]
        self.assertEqual([source["error"]["code"] for source in failed], ["proxy"], f"\n{result}")

    def test_a_tor_on_another_machine_behind_a_bridge(self) -> None:
        """As from a Whonix workstation, whose gateway has users' bridges."""
        subprocess.run(["ip", "address", "add", f"{GATEWAY}/18", "dev", "lo"], check=True)
        address, fingerprint = self.network.bridge()
        lines = ["UseBridges 1", f"Bridge {address} {fingerprint}", f"SocksPort {GATEWAY}:9108 IsolateSOCKSAuth"]
        client = self.network.add_client(lines=lines)
        client.wait_ready()
        sources = [Source(self.onion(name)) for name in ("first", "second", "third")]
        result = self.sync(sources, socks=f"{GATEWAY}:9108")
        self.assertTrue(result.selection["agreed"], f"\n{result}")
        ways_in = {circuit["path"].split("~")[0] for circuit in client.all_circuits()}
        self.assertEqual(ways_in, {f"${fingerprint}"}, "the bridge is the only way in")

    # --- what is wrong with an onion service

    def test_an_unknown_onion_service_is_said_to_be_so(self) -> None:
        url = f"http://{UNKNOWN}/"
        result = self.ask(url)
        self.assert_failed(result, "proxy", url)
        self.assertIn("not known", result.sources[0]["error"]["message"])

    def test_an_onion_service_that_is_down_is_said_to_be_so(self) -> None:
        """Its descriptor is still there, and nobody behind it."""
        with self.client.control() as control:
            control.ask("SETEVENTS HS_DESC")
            answer = control.ask(f"ADD_ONION NEW:ED25519-V3 Flags=DiscardPK Port=80,127.0.0.1:{self.plain.port}")
            address = re.search(r"ServiceID=(\S+)", answer)[1]
            while not control.event(30).startswith(f"650 HS_DESC UPLOADED {address}"):
                pass
        # With the connection that made it, the service ends.
        url = f"http://{address}.onion/"
        result = self.ask(url)
        self.assert_failed(result, "proxy", url)
        self.assertIn("down", result.sources[0]["error"]["message"])

    def test_a_mistyped_address_is_said_to_be_so(self) -> None:
        host = self.network.onions["first"]
        mistyped = f"http://{'a' if host[0] != 'a' else 'b'}{host[1:]}/"
        result = self.ask(mistyped)
        self.assert_failed(result, "proxy", mistyped)
        self.assertIn("mistyped", result.sources[0]["error"]["message"])

    def test_a_closed_port_is_refused(self) -> None:
        url = self.onion("first", "http", ":81")
        result = self.ask(url)
        self.assert_failed(result, "proxy", url)
        self.assertRegex(result.sources[0]["error"]["message"], re.compile("refused", re.I))

    def test_without_tor_an_onion_service_is_out_of_reach(self) -> None:
        url = self.onion("first")
        result = query("--direct", url, ca_file=self.ca_file)
        self.assert_failed(result, "dns", url)
        self.assertIn("Tor", result.sources[0]["error"]["message"])


if __name__ == "__main__":
    enter_private_machine()
    unittest.main()
