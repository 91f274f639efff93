"""SOCKS5 by microsocks: names go to the proxy unresolved, passwords work, and every trouble with it is `proxy`."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    HONEST, Behaviour, BlackHole, HostileServer, LabTest, Microsocks, Pool, Settings, Source, copy_of_executables,
    dead_port, free_port, in_parallel, query, run,
)  # fmt: skip
from lab.hostile import Close, Hang, Send

# Only the proxy can resolve it; on this machine it has no address.
HIDDEN = "hidden.sdwdate-lab.test"


class Socks5(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        names = (HIDDEN, "localhost", "127.0.0.1")
        cls.server = world.run(HostileServer(HONEST, world.ca.issue(names)))
        hosts = {HIDDEN: "127.0.0.1"}
        cls.open, cls.locked = world.start(
            Microsocks(world.folder("open"), hosts=hosts),
            Microsocks(world.folder("locked"), user="alice", password="secret-1", hosts=hosts),
        )

    def ask(self, proxy_url: str, url: str | None = None, **options):
        return query("--proxy", proxy_url, url or self.server.url_at(HIDDEN), ca_file=self.ca_file, **options)

    def test_names_go_to_the_proxy(self) -> None:
        self.assert_measured(self.ask(self.open.url()))
        self.assertIn(f"{HIDDEN}:{self.server.port}", self.open.destinations())

    def test_the_name_means_nothing_here(self) -> None:
        """Without the proxy the same name is a `dns` failure: so the test above proves what it says."""
        url = self.server.url_at(HIDDEN)
        self.assert_failed(query("--direct", url, ca_file=self.ca_file), "dns", url)

    def test_local_names_are_not_resolved_either(self) -> None:
        self.assert_measured(self.ask(self.open.url(), self.server.url_at("localhost")))
        self.assertIn(f"localhost:{self.server.port}", self.open.destinations())

    def test_the_resolver_is_never_started(self) -> None:
        """It works without sdwdate-resolve on the machine."""
        folder = copy_of_executables(self.world.folder("without resolver"))
        (folder / "sdwdate-resolve").unlink(missing_ok=True)
        self.assert_measured(self.ask(self.open.url(), folder=folder))

    def test_addresses_work_too(self) -> None:
        self.assert_measured(self.ask(self.open.url(), self.server.url_at("127.0.0.1")))

    def test_user_and_password(self) -> None:
        self.assert_measured(self.ask(self.locked.url("alice", "secret-1")))

    def test_wrong_or_missing_password(self) -> None:
        url = self.server.url_at(HIDDEN)
        for proxy in (self.locked.url("alice", "wrong"), self.locked.url("bob", "secret-1"), self.locked.url()):
            with self.subTest(proxy):
                self.assert_failed(self.ask(proxy), "proxy", url)

    def test_destination_that_the_proxy_cannot_reach(self) -> None:
        """Refused beyond the proxy, or unknown to it: the proxy says so, and that is what we know."""
        for url in (f"https://{HIDDEN}:{dead_port()}/", "https://nowhere.sdwdate-lab.test/"):
            with self.subTest(url):
                self.assert_failed(self.ask(self.open.url(), url, seconds=15), "proxy", url)

    def test_no_proxy_there(self) -> None:
        url = self.server.url_at(HIDDEN)
        self.assert_failed(self.ask(f"socks5h://127.0.0.1:{dead_port()}"), "proxy", url)

    def test_something_else_there(self) -> None:
        """Servers that are no SOCKS5 proxies, each in its own way."""
        url = self.server.url_at(HIDDEN)
        others = {
            "a web server": (Send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Close()),
            "SOCKS4": (Send(b"\x00\x5a\x00\x00\x00\x00\x00\x00"), Hang()),
            "no method acceptable": (Send(b"\x05\xff"), Hang()),
            "a method not offered": (Send(b"\x05\x01"), Hang()),
            "hangs up at once": (Close(),),
            "refuses by the rules": (Send(b"\x05\x00\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00"), Hang()),
            "a reply of unknown kind": (Send(b"\x05\x00\x05\x00\x00\x09\x00\x00\x00\x00\x00\x00"), Hang()),
        }
        servers = {
            name: self.world.run(HostileServer(Behaviour((), on_connect=steps), self.world.certificate))
            for name, steps in others.items()
        }
        results = in_parallel(lambda server: self.ask(f"socks5h://127.0.0.1:{server.port}"), servers.values())
        for name, result in zip(servers, results, strict=True):
            with self.subTest(name):
                self.assert_failed(result, "proxy", url)

    def test_a_proxy_that_says_nothing(self) -> None:
        url = self.server.url_at(HIDDEN)
        silent = self.world.run(HostileServer(Behaviour((), on_connect=(Hang(),)), self.world.certificate))
        hole_port = free_port()
        self.world.run(BlackHole("127.0.0.1", hole_port))
        for port in (silent.port, hole_port):
            with self.subTest(port=port):
                result = self.ask(f"socks5h://127.0.0.1:{port}", seconds=2)
                self.assert_exit(result, 1)
                self.assertIn(result.sources[0]["error"]["code"], ("proxy", "timeout"), result)
                self.assertEqual(result.sources[0]["url"], url)
                self.assertLess(result.seconds, 4)

    def test_onion_over_plain_http(self) -> None:
        """Plain http is for onion services, whose names authenticate them: the proxy gets the name."""
        onion = "a" * 56 + ".onion"
        plain = self.world.run(HostileServer(Behaviour(HONEST.on_request, on_connect=()), self.world.certificate))
        tor = self.world.run(Microsocks(self.world.folder("tor"), hosts={onion: "127.0.0.1"}))
        self.assert_measured(query("--proxy", tor.url(), f"http://{onion}:{plain.port}/", ca_file=self.ca_file))
        self.assertEqual(tor.destinations()[0], f"{onion}:{plain.port}")

    def test_a_round_over_the_proxy(self) -> None:
        """transport = "tor" sends each source's own user and password, which keeps Tor's circuits apart."""
        configuration = Settings(
            pools=[Pool("only", [Source(self.server.url_at(HIDDEN))])],
            chrony_socket=self.world.directory / "none.sock",
            ca_file=self.ca_file,
            state_directory=self.world.folder("state"),
            transport="tor",
            more={"tor": {"socks": self.open.address}},
        ).write(self.world.directory / "tor.toml")
        result = run("sdwdate", "sync", "--config", configuration, "--json")
        self.assert_exit(result, 1)  # one operator is no agreement
        self.assertIsNone(result.sources[0]["error"], result)
        self.assert_within(result.sources[0], 0.0)


if __name__ == "__main__":
    unittest.main()
