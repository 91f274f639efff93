"""Tor's control port: rounds wait for a Tor that does not work yet, wake one that sleeps, and heed its consensus."""

import json
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    LabTest, Nginx, Pool, Result, SampleRecorder, Sdwdated, Settings, Source, find_program, run, wait_until,
)  # fmt: skip
from lab.caches import PlainNginx
from lab.tor import TorClient, TorNetwork

PASSWORD = 'not "easy" to guess'


class TorState(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.plain = world.run(PlainNginx(world.folder("plain")))
        names = ("first", "second", "third")
        cls.network = world.run(TorNetwork(world.folder("tor"), {name: {80: cls.plain.port} for name in names}))
        cls.client = cls.network.client
        cls.sources = [Source(f"http://{cls.network.onions[name]}/", operator=name) for name in names]

    def configuration(
        self,
        client: TorClient | None = None,
        *,
        sources: list[Source] | None = None,
        chrony_socket: Path | None = None,
        **tor: str,
    ) -> Path:
        client = client or self.client
        settings = {"socks": client.socks, "control": f"unix:{client.control_path}", "cookie": str(client.cookie)}
        return Settings(
            pools=[Pool(f"pool {number}", [source]) for number, source in enumerate(sources or self.sources)],
            chrony_socket=chrony_socket or self.world.directory / "none.sock",
            ca_file=self.ca_file,
            state_directory=self.world.folder("state"),
            transport="tor",
            more={
                "tor": {**settings, **tor},
                "request": {"timeout": "60s", "per_source": 3},
                "state": {"runtime": str(self.world.folder("run"))},
            },
        ).write(self.world.folder("configuration") / "tor.toml")

    def sync(self, client: TorClient | None = None, **options) -> Result:
        return run("sdwdate", "sync", "--verbose", "--json", "--config", self.configuration(client, **options),
                   timeout=100)  # fmt: skip

    def assert_agreed_and_asked(self, result: Result) -> None:
        """chronyd is not there, so it is not fed; but the round agreed, and Tor's control port was asked."""
        self.assertTrue(result.selection["agreed"], f"\n{result}")
        self.assertEqual(result.json["tor"]["unavailable"], None, f"\n{result}")
        self.assertEqual(result.json["tor"]["progress"], 100, f"\n{result}")

    # --- logging in

    def test_by_unix_socket_and_cookie(self) -> None:
        self.assert_agreed_and_asked(self.sync())

    def test_by_tcp(self) -> None:
        for host in ("127.0.0.1", "localhost"):
            with self.subTest(host):
                self.assert_agreed_and_asked(self.sync(control=f"{host}:{self.client.control_port}"))

    def test_by_password(self) -> None:
        tor = find_program("tor", "tor")
        hashed = subprocess.run([tor, "--hash-password", PASSWORD], check=True, capture_output=True, text=True).stdout
        lines = [f"HashedControlPassword {hashed.split()[-1]}"]
        client = self.network.add_client(lines=lines, cookies=False)
        client.wait_ready()
        self.assert_agreed_and_asked(self.sync(client, control_password=PASSWORD))
        refused = self.sync(client, control_password="wrong")
        self.assertTrue(refused.selection["agreed"], f"without the control port, all goes on\n{refused}")
        self.assertIn("refused", refused.json["tor"]["unavailable"])
        self.assertIn("a password", self.sync(client).json["tor"]["unavailable"])

    def test_a_cookie_that_is_not_tors(self) -> None:
        """Who listens there does not know what we know: it is not told either."""
        wrong = self.world.folder("wrong") / "cookie"
        wrong.write_bytes(bytes(32))
        result = self.sync(cookie=str(wrong))
        self.assertTrue(result.selection["agreed"], f"\n{result}")
        self.assertIn("does not know Tor's cookie", result.json["tor"]["unavailable"])
        missing = self.sync(cookie="/nowhere")
        self.assertIn("cookie", missing.json["tor"]["unavailable"])

    def test_without_a_control_port_rounds_go_on(self) -> None:
        result = self.sync(control="unix:/run/tor/nowhere")
        self.assertTrue(result.selection["agreed"], f"\n{result}")
        self.assertIn("/run/tor/nowhere", result.json["tor"]["unavailable"])
        self.assertIsNone(self.sync(control="").json["tor"])

    # --- waiting

    def test_a_round_waits_for_tor(self) -> None:
        client = self.network.add_client(lines=["DisableNetwork 1"])
        wait_until(lambda: client.cookie.exists() and "Opened Control" in client.said(), 20, "the control port")
        connect = threading.Timer(6, lambda: client.ask("SETCONF DisableNetwork=0"))
        connect.start()
        began = time.monotonic()
        result = self.sync(client)
        self.assertGreater(time.monotonic() - began, 6)
        connect.join()
        self.assert_agreed_and_asked(result)
        self.assertEqual([source["error"] for source in result.sources], [None] * 3, "nothing was burnt")

    def test_a_tor_that_does_not_start_is_named(self) -> None:
        client = self.network.add_client(lines=["DisableNetwork 1"])
        wait_until(lambda: client.cookie.exists() and "Opened Control" in client.said(), 20, "the control port")
        result = self.sync(client)
        self.assert_exit(result, 1)
        self.assertEqual(result.sources, [])
        self.assert_message(result, "No source was asked", "Tor is at 0 %")

    def test_the_daemon_says_that_it_waits(self) -> None:
        client = self.network.add_client(lines=["DisableNetwork 1"])
        wait_until(lambda: client.cookie.exists() and "Opened Control" in client.said(), 20, "the control port")
        configuration = self.configuration(client)
        daemon = self.world.run(Sdwdated(self.world.folder("daemon"), configuration))

        def message() -> str:
            status = run("sdwdate", "status", "--json", "--config", configuration)
            daemon = json.loads(status.stdout)["daemon"]
            return daemon["message"] if daemon else ""

        wait_until(lambda: "Waiting for Tor" in message(), 10, "a word on Tor")
        client.ask("SETCONF DisableNetwork=0")
        (first,) = daemon.wait_rounds(1, 60)[:1]
        self.assertTrue(first["selection"]["agreed"], first)
        doctor = run("sdwdate", "doctor", "--json", "--config", configuration)
        (finding,) = (each for each in doctor.json["checks"] if each["check"] == "tor")
        self.assertEqual((finding["verdict"], finding["text"]), ("ok", "sdwdated asks it; Tor works"))
        daemon.stop()

    def test_a_dormant_tor_is_woken(self) -> None:
        client = self.network.add_client()
        client.wait_ready()
        client.ask("SIGNAL DORMANT")
        wait_until(lambda: "Going dormant" in client.said(), 10, "Tor to fall asleep")
        self.assert_agreed_and_asked(self.sync(client))
        self.assertIn("Tor is no longer dormant", client.said())

    # --- the consensus

    def servers(self, clock_offset: float) -> list[Source]:
        world = self.world
        return [
            Source(world.run(Nginx(world.folder("off"), world.certificate, clock_offset=clock_offset)).url)
            for _ in range(3)
        ]

    def test_a_time_before_the_consensus_is_refused(self) -> None:
        result = self.sync(sources=self.servers(-40 * 60))  # the first consensus is but minutes old
        self.assert_exit(result, 4)
        self.assertTrue(result.selection["agreed"], "they do agree")
        self.assertEqual(result.json["refused_by"], "consensus")
        self.assert_message(result, "Tor's consensus", self.network.consensus_interval()[0])

    def test_a_consensus_that_is_over_refuses_nothing(self) -> None:
        """This machine's clock stood still for three days, Tor with it, which takes its old consensus for valid."""
        recorder = self.world.run(SampleRecorder(self.world.folder("recorder") / "socket"))
        result = self.sync(sources=self.servers(72 * 3600), chrony_socket=recorder.path)
        self.assert_exit(result, 0)
        self.assertEqual([round(sample.offset / 3600) for sample in recorder.samples()], [72])
        self.assert_message(result, "warning: ", "Tor's consensus ended at", self.network.consensus_interval()[1])


if __name__ == "__main__":
    unittest.main()
