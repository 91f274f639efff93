"""The proof that chronyd is offline: the shipped configuration in a network that works, and not one packet.

`./dev test offline` watches for ten minutes; MINUTES may be given: 322_offline.py --minutes 60. What the drop-in does
in the kernel beyond this, that there is no network at all, is for the package's tests, which have a systemd.
"""

import argparse
import socket
import subprocess
import sys
import time
import unittest
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    AnswerSocket, LabTest, Network, PacketCounter, ServiceChronyd, enter_private_machine, run, wait_until,
)  # fmt: skip
from lab.chrony_service import CONFIGURATION, RESET, SAMPLES, install_configuration, let_sdwdated_in

OURS, THEIRS = "192.0.2.1", "192.0.2.2"
OURS6 = "2001:db8::1"

_seconds = 20.0


class Offline(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        """chronyd's network is one wire, and we sit at its other end."""
        install_configuration()
        cls.network = cls.world.run(Network(cls.world.folder("network")))
        cls.network.wire("peer0", "eth0", [(f"{OURS}/24", f"{THEIRS}/24"), (f"{OURS6}/64", "2001:db8::2/64")])
        Path("/etc/resolv.conf").write_text(f"nameserver {OURS}\n")  # a name that is looked up is a packet, too
        subprocess.run([*cls.network.prefix, "ip", "route", "add", "default", "via", OURS], check=True)
        with PacketCounter("peer0") as kernel:
            wait_until(lambda: cls.silent_since(kernel, 3.0), 20, "the kernel to have said all about its new wire")

    @staticmethod
    def silent_since(counter: PacketCounter, seconds: float) -> bool:
        before = len(counter.frames())
        time.sleep(seconds)
        return len(counter.frames()) == before

    def frames_during(self, what: Callable[[], object]) -> list[bytes]:
        with PacketCounter("peer0") as counter:
            what()
            time.sleep(0.2)
            return counter.frames()

    def in_the_network(self, *command: str) -> None:
        subprocess.run([*self.network.prefix, *command], check=False, capture_output=True, timeout=30)

    def test_the_counter_counts(self) -> None:
        """Otherwise zero would say nothing: one datagram from chronyd's network, over IPv4 and over IPv6."""
        for address in (OURS, OURS6):
            family = "AF_INET6" if ":" in address else "AF_INET"
            send = f"import socket as s; s.socket(s.{family}, s.SOCK_DGRAM).sendto(b'x', ('{address}', 123))"
            frames = self.frames_during(lambda: self.in_the_network(sys.executable, "-c", send))
            self.assertGreater(len(frames), 0, address)

    def test_a_chronyd_with_a_server_is_seen(self) -> None:
        other = CONFIGURATION.with_name("other.conf")
        other.write_text(f"server {OURS} iburst\nport 0\ncmdport 0\n")
        folder = self.world.folder("other")

        def ask_once() -> None:
            chronyd = self.world.run(ServiceChronyd(folder, self.network.prefix, other))
            time.sleep(3)
            chronyd.stop()

        ntp = socket.inet_aton(OURS) + socket.inet_aton(THEIRS)
        frames = self.frames_during(ask_once)
        self.assertTrue(any(ntp[4:] + ntp[:4] in frame for frame in frames), "a packet from them to us")

    def test_the_shipped_configuration_sends_nothing(self) -> None:
        """While it starts, is fed, is asked, is told to forget, and ends."""
        counts = {"samples": 0, "resets": 0}

        def live() -> None:
            chronyd = self.world.run(ServiceChronyd(self.world.folder("chrony"), self.network.prefix))
            let_sdwdated_in()
            report = self.world.run(AnswerSocket(self.world.folder("report"), "report"))
            reset = self.world.run(AnswerSocket(self.world.folder("reset"), "reset"))
            end = time.monotonic() + _seconds
            while time.monotonic() < end:
                self.feed()
                counts["samples"] += 1
                if counts["samples"] % 60 == 15:
                    self.assertEqual(self.ask(RESET), "200 OK\n")
                    counts["resets"] += 1
                self.assertTrue(self.ask(report.path).count("\n") >= 2)
                time.sleep(1)
            self.assertIn("#", self.ask(report.path))
            for service in (report, reset, chronyd):
                service.stop()

        frames = self.frames_during(live)
        print(f"{_seconds:g} s, {counts}: {len(frames)} packets", file=sys.stderr)
        self.assertEqual(frames, [])
        self.assertGreater(counts["samples"], _seconds / 3)
        self.assertGreater(counts["resets"], 0)

    def feed(self) -> None:
        result = run("unixtime-to-chrony-socket", "--socket", SAMPLES, f"{time.time() + 0.05:.6f}")
        self.assert_exit(result, 0)

    def ask(self, path: Path) -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.connect(str(path))
            with connection.makefile() as answer:
                return answer.read()


def _minutes(arguments: Sequence[str]) -> list[str]:
    """Takes our one option; unittest gets the rest."""
    global _seconds
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--minutes", type=float)
    given, rest = parser.parse_known_args(arguments)
    if given.minutes is not None:
        _seconds = given.minutes * 60
    return rest


if __name__ == "__main__":
    enter_private_machine()
    unittest.main(argv=_minutes(sys.argv))
