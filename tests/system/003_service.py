"""sdwdated as a service manager sees it: ready, alive, quiet, small, told to read again, told to end."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    HONEST, HostileServer, LabTest, Pool, SampleRecorder, Sdwdated, Settings, Source, find_program, in_namespaces, run,
    wait_until,
)  # fmt: skip

#: While idle, after a round has been reported, fed and asked about.
MOST_RESIDENT = 4 * 1024 * 1024


class Manager:
    """Listens as systemd does for a service of Type=notify."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._heard: list[str] = []

    def heard(self) -> list[str]:
        """Every line so far."""
        while True:
            try:
                self._heard += self._socket.recv(65536).decode().splitlines()
            except BlockingIOError:
                return self._heard

    def close(self) -> None:
        self._socket.close()

    def status(self) -> str:
        return [line for line in self.heard() if line.startswith("STATUS=")][-1].removeprefix("STATUS=")


class ServiceProcess(Sdwdated):
    """The daemon, started with other variables or in other namespaces."""

    def __init__(self, directory: Path, configuration: Path, prefix: Sequence[str]) -> None:
        super().__init__(directory, configuration)
        self._prefix = prefix

    def command(self) -> Sequence[str]:
        return [*self._prefix, *super().command()]

    def logged(self, text: str) -> bool:
        return text in self.log_file.read_text()


def field(pid: int, name: str) -> int:
    """A number of /proc/PID/status."""
    found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found, name
    return int(found[1])


class Service(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.servers = world.start(*(HostileServer(HONEST, world.certificate) for _ in range(3)))

    def configuration(self, urls: Sequence[str], **request: str | int) -> Path:
        folder = self.world.folder("service")
        self.runtime = self.world.folder("run")
        self.recorder = self.world.run(SampleRecorder(self.world.folder("chrony") / "web.sock"))
        return Settings(
            pools=[Pool(f"pool {n}", [Source(url, f"operator {n}")]) for n, url in enumerate(urls)],
            chrony_socket=self.recorder.path,
            ca_file=self.world.ca.file,
            state_directory=self.world.folder("state"),
            more={
                "schedule": {"minimum": "1h", "maximum": "1h"},
                "state": {"runtime": str(self.runtime)},
                "request": {"per_source": 2, **request},
            },
        ).write(folder / "sdwdate.toml")

    def start(self, configuration: Path, *prefix: str) -> ServiceProcess:
        daemon = self.world.run(ServiceProcess(self.world.folder("sdwdated"), configuration, prefix))
        self.addCleanup(daemon.stop)
        return daemon

    def test_a_quiet_life(self) -> None:
        manager = Manager(self.world.folder("manager") / "notify")
        self.addCleanup(manager.close)
        configuration = self.configuration([server.url for server in self.servers])
        watched = ("env", f"NOTIFY_SOCKET={manager.path}", "WATCHDOG_USEC=60000000")
        daemon = self.start(configuration, *watched)
        wait_until(lambda: "READY=1" in manager.heard(), 3, "the daemon to be ready")
        self.assertEqual(manager.status(), "Asking web servers for the time.")

        (round_,) = daemon.wait_rounds(1, timeout=15)
        self.assertTrue(round_["fed"], round_)
        self.assertRegex(manager.status(), r"^3 of 3 asked agree: this machine's clock is .* Next round in about 30")
        self.check_report(daemon)
        self.check_quick_feed()
        self.check_quiet(daemon)
        self.check_reload(daemon, configuration)
        self.check_end(daemon, manager)

    def check_report(self, daemon: ServiceProcess) -> None:
        status = run("sdwdate", "status", "--json", "--config", self.configuration_file(daemon))
        self.assertEqual(status.exit_code, 1, "chronyd cannot be asked here")
        self.assertEqual(status.json["daemon"]["pid"], daemon.pid)
        self.assertEqual(status.json["daemon"]["state"], "waiting")
        self.assertEqual(status.json["daemon"]["failures_in_a_row"], 0)
        self.assertTrue(status.json["daemon"]["last_round"]["fed"])

    @staticmethod
    def configuration_file(daemon: ServiceProcess) -> str:
        arguments = Path(f"/proc/{daemon.pid}/cmdline").read_text().split("\0")
        return arguments[arguments.index("--config") + 1]

    def check_quick_feed(self) -> None:
        """Three samples, so far apart that each is the newest of one of chronyd's polls (4 s)."""
        wait_until(lambda: len(self.recorder.samples()) == 3, 15, "three samples of the first round")
        times = [sample.seconds + sample.microseconds / 1e6 for sample in self.recorder.samples()]
        for earlier, later in zip(times, times[1:]):
            self.assertGreater(later - earlier, 4.5)

    def check_quiet(self, daemon: ServiceProcess) -> None:
        """Having asked chronyd about the sample, it sleeps: not one switch to it in five seconds; and it is small."""
        wait_until(lambda: daemon.logged("sdwdate-chrony-report"), 20, "the daemon to ask about its sample")
        time.sleep(0.5)
        before = field(daemon.pid, "voluntary_ctxt_switches")
        time.sleep(5)
        self.assertEqual(field(daemon.pid, "voluntary_ctxt_switches"), before)
        if "asan" not in Path(f"/proc/{daemon.pid}/maps").read_text():  # a sanitizer's shadow is large
            self.assertLess(field(daemon.pid, "VmRSS") * 1024, MOST_RESIDENT)

    def check_reload(self, daemon: ServiceProcess, configuration: Path) -> None:
        good = configuration.read_text()
        configuration.write_text(good + "\n[selektion]\n")
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda: daemon.logged("the old one stays in force"), 3, "the refusal")
        self.assertTrue(daemon.logged("did you mean 'selection'?"))
        wait_until(lambda: len(daemon.rounds()) >= 2, 10, "a round with the old configuration")

        configuration.write_text(good.replace("per_source = 2", "per_source = 4"))
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda: daemon.logged("The configuration was read again."), 3, "the new configuration")
        last = daemon.wait_rounds(3, timeout=15)[-1]
        self.assertEqual({source["requests"] for source in last["sources"]}, {4}, last)

        elsewhere = self.world.folder("elsewhere")
        configuration.write_text(re.sub(r'(?m)^directory = .*', f'directory = "{elsewhere}"', good))
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda: daemon.logged("restart it"), 3, "the refusal of another folder")

    def check_end(self, daemon: ServiceProcess, manager: Manager) -> None:
        begun = time.monotonic()
        self.assertEqual(daemon.stop(seconds=2), 0, daemon.log_tail())
        self.assertLess(time.monotonic() - begun, 1)
        self.assertIn("STOPPING=1", manager.heard())

    def test_told_to_end_while_it_measures(self) -> None:
        """As systemd does it: the daemon and its helpers are told at the same time."""
        daemon = self.start(self.configuration([server.url for server in self.servers]))
        children = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children")
        wait_until(lambda: children.read_text().split(), 5, "sdwdate-launch")
        launcher = int(children.read_text())
        helpers = Path(f"/proc/{launcher}/task/{launcher}/children")
        wait_until(lambda: helpers.read_text().split(), 5, "a probe")
        for process in (launcher, *map(int, helpers.read_text().split()), daemon.pid):
            os.kill(process, signal.SIGTERM)
        wait_until(lambda: not daemon.running, 2, "the daemon to end")
        self.assertEqual(daemon.exit_code, 0, daemon.log_tail())

    def test_without_the_process_that_starts_helpers_it_ends(self) -> None:
        daemon = self.start(self.configuration([server.url for server in self.servers]))
        daemon.wait_rounds(1, timeout=15)
        (launcher,) = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()
        os.kill(int(launcher), signal.SIGKILL)
        os.kill(daemon.pid, signal.SIGHUP)  # now, not in half a minute
        wait_until(lambda: not daemon.running, 10, "the daemon to end")
        self.assertEqual(daemon.exit_code, 1)
        self.assertTrue(daemon.logged("sdwdate-launch has ended"))

    def test_the_watchdog_hears_from_it(self) -> None:
        manager = Manager(self.world.folder("manager") / "notify")
        self.addCleanup(manager.close)
        configuration = self.configuration([server.url for server in self.servers])
        self.start(configuration, "env", f"NOTIFY_SOCKET={manager.path}", "WATCHDOG_USEC=1000000")
        wait_until(lambda: manager.heard().count("WATCHDOG=1") >= 3, 5, "three signs of life")

    def test_a_link_that_comes_up_ends_the_wait(self) -> None:
        configuration = self.configuration([f"https://192.0.2.{n}/" for n in range(1, 4)])
        daemon = self.start(configuration, *in_namespaces("net"))
        # By then it would wait for seconds.
        seen = len(daemon.wait_rounds(3, timeout=40))
        enter = [find_program("nsenter", "util-linux"), "--target", str(daemon.pid), "--net"]
        if os.readlink(f"/proc/{daemon.pid}/ns/user") != os.readlink("/proc/self/ns/user"):
            enter += ["--user", "--preserve-credentials"]
        subprocess.run([*enter, "ip", "link", "set", "lo", "up"], check=True)
        wait_until(lambda: daemon.logged("The network has changed: trying again."), 3, "the daemon to notice")
        daemon.wait_rounds(seen + 1, timeout=2)


if __name__ == "__main__":
    unittest.main()
