"""`sdwdate doctor` on a machine of its own: a real chronyd with the shipped configuration and no network, a real
sdwdated that feeds it; then one thing after the other is made wrong."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    HONEST, AnswerSocket, Chronyd, Daemon, HostileServer, LabTest, Network, Pool, Result, Sdwdated, ServiceChronyd,
    Settings, Source, enter_private_machine, in_namespaces, run, wait_until,
)  # fmt: skip
from lab.chrony_service import CONFIGURATION, DROP_IN, SAMPLES, enable_offline, install_configuration, let_sdwdated_in

#: What cannot be known on a machine that this test may not furnish: a clock in its hardware.
MAY_BE_UNCHECKED = {"rtc"}


REPORT = Path("/run/sdwdate/report.json")


class Sleeper(Daemon):
    """A program of some name that does nothing."""

    def __init__(self, directory: Path, *command: str) -> None:
        super().__init__(command[0], directory)
        program = directory / command[0]
        shutil.copy2(shutil.which("sleep"), program)
        self._command = [str(program), "1000"]

    def command(self) -> Sequence[str]:
        return self._command

    def is_ready(self) -> bool:
        return Path(f"/proc/{self.pid}/comm").read_text().strip() == self.name[:15]


class Doctor(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        install_configuration(quick=True)
        enable_offline()
        cls.neighbour = world.run(Network(world.folder("neighbour")))
        cls.neighbour.wire("eth0", "eth0", [("192.0.2.10/24", "192.0.2.1/24")])

        cls.alone = [*in_namespaces("net")]
        cls.chronyd = world.run(ServiceChronyd(world.folder("chrony"), cls.alone))
        let_sdwdated_in()
        world.start(*(AnswerSocket(world.folder(name), name) for name in ("report", "reset")))

        servers = world.start(*(HostileServer(HONEST, world.certificate) for _ in range(3)))
        cls.configuration = Settings(
            pools=[Pool(server.url, [Source(server.url, f"operator {server.url}")]) for server in servers],
            chrony_socket=SAMPLES,
            ca_file=world.ca.file,
            state_directory=world.folder("state"),
            more={"request": {"per_source": 2}, "state": {"runtime": "/run/sdwdate"}},
        ).write(world.folder("configuration") / "sdwdate.toml")
        Path("/run/sdwdate").mkdir()
        cls.daemon = world.run(Sdwdated(world.folder("sdwdated"), cls.configuration))
        cls.daemon.wait_rounds(1, 20)
        cls.wait_followed()

    @classmethod
    def wait_followed(cls) -> None:
        """Until chronyd follows; it gets more samples than sdwdated sends, so that this does not take long."""

        def fed_and_followed() -> bool:
            run("unixtime-to-chrony-socket", "--socket", SAMPLES, f"{time.time():.6f}")
            time.sleep(0.3)
            return cls.findings()["chrony-follows"]["verdict"] == "ok"

        wait_until(fed_and_followed, 30, "chronyd to follow us")

    @classmethod
    def doctor(cls, *arguments: str | Path) -> Result:
        return run("sdwdate", "doctor", "--config", cls.configuration, *arguments)

    @classmethod
    def findings(cls, result: Result | None = None) -> dict[str, dict]:
        return {finding["check"]: finding for finding in (result or cls.doctor("--json")).json["checks"]}

    def assert_well(self) -> None:
        result = self.doctor("--json")
        bad = {name: each for name, each in self.findings(result).items() if each["verdict"] != "ok"}
        self.assertLessEqual(set(bad), MAY_BE_UNCHECKED, bad)
        self.assert_exit(result, 0)

    def assert_problems(self, **texts: str) -> None:
        """These and no others, each with a text that has this in it and with a remedy."""
        result = self.doctor("--json")
        self.assert_exit(result, 1)
        found = {name: each for name, each in self.findings(result).items() if each["verdict"] == "problem"}
        self.assertEqual(set(found), {name.replace("_", "-") for name in texts}, found)
        for name, text in texts.items():
            finding = found[name.replace("_", "-")]
            self.assertIn(text, finding["text"])
            self.assert_sentence(finding["remedy"])

    @contextlib.contextmanager
    def chronyd_instead(self, prefix: Sequence[str], more: str = "", path: Path = CONFIGURATION) -> Iterator[None]:
        """For a while another chronyd, whose configuration says more."""
        shipped = CONFIGURATION.read_text()
        self.chronyd.stop()
        try:
            path.write_text(shipped + more)
            other = self.world.run(ServiceChronyd(self.world.folder("other-chrony"), prefix, path))
            let_sdwdated_in()
            yield
            other.stop()
        finally:
            CONFIGURATION.write_text(shipped)
            self.chronyd.start()
            self.chronyd.wait_ready()
            let_sdwdated_in()
            self.wait_followed()

    def test_a_healthy_machine(self) -> None:
        self.assert_well()
        result = self.doctor()
        self.assert_exit(result, 0)
        self.assertNotIn("PROBLEM", result.stdout)
        self.assertNotIn("\x1b", result.stdout, "colours are for terminals")
        self.assertIn("a namespace of its own, with no interface but loopback", result.stdout)
        self.assertIn("UNIX sockets only", result.stdout)

    def test_chrony_status_is_its_part_about_chronyd(self) -> None:
        result = run("sdwdate", "chrony", "status", "--config", self.configuration)
        self.assert_exit(result, 0)
        self.assertTrue(result.stdout.startswith("offline: chronyd has no network"), result.stdout)

    def test_a_terminal_gets_colours(self) -> None:
        command = ["script", "-qec", f"{self.doctor().command[0]} doctor --config {self.configuration}", "/dev/null"]
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        self.assertIn("\x1b[32mok", shown)

    def test_chronyd_as_debian_has_it(self) -> None:
        """Its own configuration, this machine's network, a server of the network."""
        debian = CONFIGURATION.with_name("chrony.conf")
        more = "port 123\ncmdport 323\nserver 192.0.2.1 iburst\n"
        with self.chronyd_instead((), more, debian):
            # Whether it follows us all the same depends on how the other source does.
            found = {name: each for name, each in self.findings().items() if each["verdict"] == "problem"}
            found.pop("chrony-follows", None)
            self.assertEqual(set(found), {"chronyd", "chrony-network", "chrony-sockets", "chrony-sources"})
            self.assertIn(f"runs with {debian}", found["chronyd"]["text"])
            self.assertIn("eth0", found["chrony-network"]["text"])
            self.assertIn("UDP 127.0.0.1:323", found["chrony-sockets"]["text"])
            self.assertIn("192.0.2.1", found["chrony-sources"]["text"])

    def test_a_socket_of_the_network_without_a_network(self) -> None:
        with self.chronyd_instead(self.alone, "port 123\nallow 192.0.2.0/24\n"):
            self.wait_followed()
            self.assert_problems(chrony_sockets="UDP 0.0.0.0:123")

    def test_a_network_without_a_socket(self) -> None:
        with self.chronyd_instead(()):
            self.wait_followed()
            self.assert_problems(chrony_network="eth0")

    def test_two_chronyds(self) -> None:
        other = self.world.run(Chronyd(self.world.folder("second")))
        self.addCleanup(other.stop)
        self.assert_problems(chronyd=f"2 chronyds run, with PIDs {self.chronyd.pid}, {other.pid}")

    def test_not_enabled(self) -> None:
        self.addCleanup(enable_offline)
        DROP_IN.unlink()
        self.assert_problems(chronyd="50-sdwdate.conf is not ours")

    def test_who_may_send_samples(self) -> None:
        self.addCleanup(let_sdwdated_in)
        SAMPLES.chmod(0o755)  # as chronyd makes it
        self.assert_problems(sample_socket="sdwdated may not write to it")
        SAMPLES.chmod(0o666)
        self.assert_problems(sample_socket="everybody may write to it")

    def test_a_missing_socket(self) -> None:
        hidden = SAMPLES.with_suffix(".hidden")
        SAMPLES.rename(hidden)
        self.addCleanup(hidden.rename, SAMPLES)
        self.assert_problems(sample_socket=f"there is no {SAMPLES}")

    def test_root_asks_chronyd_itself_if_it_must(self) -> None:
        report = Path("/run/sdwdate-chrony/report")
        hidden = report.with_suffix(".hidden")
        report.rename(hidden)
        self.addCleanup(hidden.rename, report)
        self.assert_problems(report_socket=f"there is no {report}")

    def test_other_time_daemons(self) -> None:
        for name in ("ntpd", "systemd-timesyncd", "htpdate"):
            with self.subTest(name):
                other = self.world.run(Sleeper(self.world.folder(name), name))
                self.assert_problems(competitors=f"{name} runs (PID {other.pid})")
                other.stop()

    def test_the_python_sdwdate(self) -> None:
        script = self.world.folder("python") / "sdwdate"
        script.write_text("import time\ntime.sleep(1000)\n")
        with subprocess.Popen(["/usr/bin/python3", "-u", str(script)]) as process:
            self.assert_problems(competitors=f"the Python sdwdate runs (PID {process.pid})")
            process.kill()

    def test_sdwdated(self) -> None:
        """What it says of itself, while it is stopped and cannot say more."""
        os.kill(self.daemon.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.daemon.pid, signal.SIGCONT)
        said = REPORT.read_text()
        self.addCleanup(REPORT.write_text, said)

        def say(**other: object) -> None:
            REPORT.write_text(json.dumps({**json.loads(said), "failures_in_a_row": 0, **other}))

        say()
        self.assert_well()
        say(failures_in_a_row=2, message="No agreement: nobody answered")
        self.assert_problems(daemon="2 rounds failed; No agreement: nobody answered")
        say(pid=1)
        self.assert_problems(daemon="by process 1")
        say(next_round=int(time.time()) - 3600)
        self.assert_problems(daemon="was due at")
        REPORT.write_text("{")
        self.assert_problems(daemon="cannot be understood")
        REPORT.unlink()
        self.assert_problems(daemon="no report")

    def test_a_configuration_with_a_mistake(self) -> None:
        wrong = self.world.folder("wrong") / "sdwdate.toml"
        wrong.write_text(self.configuration.read_text().replace("[chrony]", "[crony]"))
        self.assertIn("crony", self.findings(self.wrong(wrong))["configuration"]["text"])
        wrong.write_text(self.configuration.read_text().split("[[pool]]")[0])
        self.assertIn("0 operators", self.findings(self.wrong(wrong))["configuration"]["text"])

    def wrong(self, configuration: Path) -> Result:
        result = run("sdwdate", "doctor", "--json", "--config", configuration)
        self.assert_exit(result, 1)
        return result


if __name__ == "__main__":
    enter_private_machine()
    unittest.main()
