"""chronyd as the engine that hands our time on: what `sdwdate chrony enable --serve` writes, served by a real chronyd
to another real chronyd in a network of its own, over NTP and over NTS; and nothing to those outside."""

import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    SAMPLE_LAYOUT, SAMPLE_MAGIC, Daemon, LabTest, Network, Result, ServiceChronyd, Validity, enter_private_machine,
    find_program, run, wait_until,
)  # fmt: skip
from lab.chrony_service import (
    CONFIGURATION, DROP_IN, OFFLINE_DROP_IN, SAMPLES, SERVE_CONFIGURATION, SHIPPED, install_configuration, let_sdwdated_in,
)  # fmt: skip

#: How wrong the common system clock is, according to the samples. Less than what the configuration has stepped: a
#: chronyd with -x can pretend to have slewed, not to have stepped.
OFFSET = 0.060
NAME = "time.lan.example"
SERVER, CLIENT = "192.0.2.1", "192.0.2.2"
SERVER6, CLIENT6 = "2001:db8::1", "2001:db8::2"
OUTSIDE_SERVER, OUTSIDE_CLIENT = "203.0.113.1", "203.0.113.2"


class Feeder:
    """Tells the server that its clock is slow by OFFSET, exactly, however busy this machine is."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._feed)

    def start(self) -> None:
        self._thread.start()

    def wait_ready(self) -> None:
        """It is ready when it runs."""

    def _feed(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            while not self._ended.wait(0.5):
                seconds, nanoseconds = divmod(time.time_ns(), 10**9)
                sample = SAMPLE_LAYOUT.pack(seconds, nanoseconds // 1000, OFFSET, 0, 0, 0, SAMPLE_MAGIC)
                sending.sendto(sample, str(SAMPLES))

    def ask_to_stop(self) -> None:
        self._ended.set()

    def stop(self) -> None:
        self._thread.join()


class Client(Daemon):
    """A real chronyd that asks our server, in its own network."""

    def __init__(self, directory: Path, network: Network, server: str, more: str = "") -> None:
        super().__init__("client", directory)
        self._network = network
        self._server = server
        self._more = more
        self._commands = directory / "command" / "chronyd.sock"

    def command(self) -> Sequence[str]:
        program = self.directory / "chronyd"
        shutil.copy2(find_program("chronyd", "chrony"), program)
        self._commands.parent.mkdir(mode=0o750)
        configuration = self.directory / "chrony.conf"
        configuration.write_text(
            f"server {self._server} iburst minpoll 0 maxpoll 0 {self._more}\nport 0\ncmdport 0\n"
            f"bindcmdaddress {self._commands}\npidfile {self.directory}/pid\nlogdir {self.directory}\n"
            f"log measurements\nntstrustedcerts {self.directory.parent}/ca/authority.pem\n"
        )
        return [*self._network.prefix, str(program), "-x", "-d", "-u", "root", "-f", str(configuration)]

    def is_ready(self) -> bool:
        return self._commands.exists()

    def chronyc(self, *arguments: str) -> str:
        command = [find_program("chronyc", "chrony"), "-n", "-c", "-h", str(self._commands), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout

    def follows(self) -> bool:
        return self.chronyc("sources").startswith("^,*,")

    def first_measurement(self) -> tuple[float, float]:
        """Offset and delay, before this chronyd thought anything about its clock: the first of its log."""
        rows = [line.split() for line in (self.directory / "measurements.log").read_text().splitlines()]
        measured = [row for row in rows if len(row) > 12 and re.match(r"\d{4}-", row[0])]
        return float(measured[0][11]), float(measured[0][12])


class Serving(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        install_configuration(quick=True)
        cls.network = world.run(Network(world.folder("lan")))
        cls.network.wire("lan0", "eth0", [
            (f"{SERVER}/24", f"{CLIENT}/24"), (f"{SERVER6}/64", f"{CLIENT6}/64"),
            (f"{OUTSIDE_SERVER}/24", f"{OUTSIDE_CLIENT}/24"),
        ])  # fmt: skip
        with Path("/etc/hosts").open("a") as hosts:
            hosts.write(f"\n{SERVER} {NAME}\n")
        nts = world.ca.issue([NAME], Validity.days(-30, 30))
        for source, name in ((nts.chain, "nts.pem"), (nts.key, "nts.key")):
            shutil.copy(source, CONFIGURATION.with_name(name))
        cls.enable("--nts-certificate", "/etc/chrony/nts.pem", "--nts-key", "/etc/chrony/nts.key")
        cls.server = world.run(ServiceChronyd(world.folder("server"), ()))
        let_sdwdated_in()
        world.start(Feeder())
        wait_until(lambda: cls.status()["chrony-follows"] == "ok", 20, "the server to follow its samples")

    @classmethod
    def enable(cls, *nts: str) -> None:
        """As on any machine, but in a folder, because what the package installs is not there; then put in place."""
        root = cls.world.folder("root")
        for source, place in (
            (SHIPPED / "sdwdate.conf", CONFIGURATION),
            *((SHIPPED / name, OFFLINE_DROP_IN.with_name(name)) for name in ("offline.conf", "serve.conf")),
            (Path("/dev/null"), "/lib/systemd/system/chrony.service"),
            *((CONFIGURATION.with_name(name), f"/etc/chrony/{name}") for name in ("nts.pem", "nts.key")),
        ):  # fmt: skip
            target = root / str(place).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
        key = root / "etc/chrony/nts.key"
        key.chmod(0o644)
        networks = ("--serve", "192.0.2.0/24", "--serve", "2001:db8::/64")
        enabled = run("sdwdate", "chrony", "enable", *networks, *nts, "--root", root)
        assert enabled.exit_code == 0, enabled
        for file in (SERVE_CONFIGURATION, DROP_IN):
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / str(file).lstrip("/"), file)

    @staticmethod
    def chrony_status() -> Result:
        return run("sdwdate", "chrony", "status", "--json")

    @classmethod
    def status(cls) -> dict[str, str]:
        return {each["check"]: each["verdict"] for each in cls.chrony_status().json["checks"]}

    def check_client(self, server: str, more: str = "") -> Client:
        """A chronyd of the LAN selects ours, and finds the offset that ours was told."""
        client = self.world.run(Client(self.world.folder("client"), self.network, server, more))
        self.addCleanup(client.stop)
        wait_until(client.follows, 20, f"the client to follow {server}\n{client.log_tail()}")
        offset, delay = client.first_measurement()
        self.assertLess(delay, OFFSET / 2, "a machine too busy to tell anything")
        self.assertAlmostEqual(offset, OFFSET, delta=delay / 2 + 0.002)
        tracking = client.chronyc("tracking").split(",")
        self.assertEqual(tracking[13].strip(), "Normal")
        return client

    def ask_once(self, server: str) -> subprocess.CompletedProcess[str]:
        """A chronyd that asks once, says how wrong the clock is, and ends."""
        folder = self.world.folder("once")
        program = folder / "chronyd"
        shutil.copy2(find_program("chronyd", "chrony"), program)
        directives = [f"server {server} iburst", "port 0", "cmdport 0", f"pidfile {folder}/pid", "bindcmdaddress /"]
        options = ["-Q", "-x", "-t", "6", "-u", "root", "-f", "/dev/null"]
        command = [*self.network.prefix, str(program), *options, *directives]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    def test_a_client_follows(self) -> None:
        self.check_client(SERVER)

    def test_a_client_follows_over_ipv6(self) -> None:
        self.check_client(SERVER6)

    def test_a_client_follows_over_nts(self) -> None:
        client = self.check_client(NAME, "nts")
        self.assertEqual(client.chronyc("authdata").split(",")[1], "NTS")

    def test_nobody_outside_is_served(self) -> None:
        inside, outside = self.ask_once(SERVER), self.ask_once(OUTSIDE_SERVER)
        said = inside.stdout + inside.stderr
        wrong = re.search(r"System clock wrong by (-?[\d.]+) seconds", said)
        self.assertIsNotNone(wrong, said)
        self.assertAlmostEqual(float(wrong[1]), OFFSET, delta=0.02)
        said = outside.stdout + outside.stderr
        self.assertNotEqual(outside.returncode, 0, said)
        self.assertNotIn("System clock wrong", said)

    def test_the_server_has_the_servers_sockets_only(self) -> None:
        result = self.chrony_status()
        checks = {each["check"]: each for each in result.json["checks"]}
        self.assertEqual(checks["chrony-sockets"]["verdict"], "ok", result)
        for listening in ("UDP 0.0.0.0:123", "UDP [::]:123", "TCP 0.0.0.0:4460", "TCP [::]:4460"):
            self.assertIn(listening, checks["chrony-sockets"]["text"])
        self.assertEqual(checks["chrony-sources"]["verdict"], "ok", result)
        self.assertIn("serves 192.0.2.0/24, 2001:db8::/64, with NTS", checks["chronyd"]["text"])


if __name__ == "__main__":
    enter_private_machine()
    unittest.main()
