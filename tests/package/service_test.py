#!/usr/bin/python3
"""The installed service in a booted Debian 12: account, sandbox, sockets, rounds, chronyd offline, signals, reboot."""

import time
from pathlib import Path

from machine import Machine, MachineTest, main
from lab import wait_until

SERVICE = "sdwdated.service"
REPORT, RESET = "/run/sdwdate-chrony/report", "/run/sdwdate-chrony/reset"
SOCKETS = ("sdwdate-chrony-report.socket", "sdwdate-chrony-reset.socket")
CHRONYC = ("sdwdate-chrony-report@1.service", "sdwdate-chrony-reset@1.service")
REFCLOCK = "/run/chrony.sdwdate.sock"
# Perl: connects and goes away.
CONNECT = "IO::Socket::UNIX->new(Peer => $ARGV[0])"


class WithoutSources(MachineTest):
    """As the package comes: nobody has said yet whom to ask."""

    def test_the_service_says_what_is_missing_and_goes_on_once_it_is_there(self) -> None:
        machine = Machine(self.world)
        self.world.run(machine)
        machine.install()
        # The sources that come with the package are onion services, and there is no Tor here.
        wait_until(lambda: "127.0.0.1:9050" in machine.journal(SERVICE) or "port 9050" in machine.journal(SERVICE), 60,
                   "a word on the proxy that is missing")  # fmt: skip
        self.assert_active(machine, SERVICE)
        machine.add_sources()
        machine.run("systemctl", "restart", SERVICE)
        self.assert_active(machine, SERVICE)
        machine.remove()


class InstalledService(MachineTest):
    """One machine, one installation; each test leaves it as it found it."""

    machine: Machine

    @classmethod
    def set_up_machine(cls) -> None:
        cls.machine = Machine(cls.world)
        cls.machine.add_sources()
        cls.world.run(cls.machine)
        cls.machine.install()

    # --- account and files ---

    def test_account_can_do_nothing(self) -> None:
        account = self.machine.run("getent", "passwd", "sdwdate").text.split(":")
        self.assertEqual(account[5:], ["/nonexistent", "/usr/sbin/nologin"])
        self.assertEqual(self.machine.run("id", "--name", "--groups", "sdwdate").text, "sdwdate")
        status = (self.machine.process(SERVICE) / "status").read_text()
        wanted = ("Cap", "NoNewPrivs", "Seccomp:")
        rights = dict(line.split(":\t") for line in status.splitlines() if line.startswith(wanted))
        none = f"{0:016x}"
        self.assertEqual(rights, {
            "CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
            "NoNewPrivs": "1", "Seccomp": "2",
        })  # fmt: skip

    def test_directories(self) -> None:
        for path, expected in {
            "/var/lib/sdwdate": "sdwdate:sdwdate 755",
            "/run/sdwdate": "sdwdate:sdwdate 755",
            "/run/sdwdate/report.json": "sdwdate:sdwdate 644",
            "/run/sdwdate-chrony": "root:root 755",
            REPORT: "root:root 666",
            RESET: "root:sdwdate 660",
            REFCLOCK: "root:sdwdate 660",
        }.items():
            with self.subTest(path):
                self.assertEqual(self.machine.run("stat", "--format=%U:%G %a", path).text, expected)

    def test_debian_files_are_as_debian_shipped_them(self) -> None:
        for package in ("chrony", "sdwdated"):
            self.assertEqual(self.machine.run("dpkg", "--verify", package).text, "")

    # --- units ---

    def test_units_run_and_are_enabled(self) -> None:
        self.assert_active(self.machine, SERVICE, "chrony.service", *SOCKETS)
        for unit in (SERVICE, *SOCKETS):
            self.assertEqual(self.machine.run("systemctl", "is-enabled", unit).text, "enabled")

    def test_systemd_understands_every_line(self) -> None:
        units = [SERVICE, "chrony.service", *SOCKETS, *CHRONYC]
        said = self.machine.run("systemd-analyze", "verify", "--man=no", *units)
        self.assertEqual(said.stderr + said.stdout, "")

    def test_sandbox_scores(self) -> None:
        most = {SERVICE: 1.0, **dict.fromkeys(CHRONYC, 0.2)}
        for unit, limit in most.items():
            with self.subTest(unit):
                judged = self.machine.run("systemd-analyze", "security", unit, "--no-pager").stdout
                self.assertLessEqual(float(judged.rpartition(": ")[2].split()[0]), limit, judged)

    def test_systemd_knows_what_it_does(self) -> None:
        known = self.machine.properties(SERVICE, "Type", "NotifyAccess", "WatchdogUSec", "StatusText")
        self.assertEqual((known["Type"], known["NotifyAccess"], known["WatchdogUSec"]), ("notify", "main", "3min"))
        self.assertGreaterEqual(len(known["StatusText"].split()), 3, known)

    def test_watchdog(self) -> None:
        quick = "[Service]\nWatchdogSec=4s\nRestartSec=100ms\nTimeoutAbortSec=1s\n"
        self.machine.write(f"etc/systemd/system/{SERVICE}.d/lab.conf", quick)
        self.addCleanup(self.machine.drop_drop_in, SERVICE)
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "restart", SERVICE)
        before = self.machine.main_pid(SERVICE)
        time.sleep(10)
        self.assertEqual(self.machine.main_pid(SERVICE), before, "it lives as long as it answers")
        self.machine.run("systemctl", "kill", "--kill-who=main", "--signal=STOP", SERVICE)
        wait_until(lambda: self.machine.property(SERVICE, "NRestarts") == "1", 15, "systemd to restart what hangs")
        self.assertIn("Watchdog timeout", self.machine.journal(SERVICE))
        self.machine.wait_for_property(SERVICE, "ActiveState", "active")

    def test_ends_within_a_second(self) -> None:
        self.addCleanup(self.machine.run, "systemctl", "start", SERVICE)
        started = time.monotonic()
        self.machine.run("systemctl", "stop", SERVICE)
        self.assertLess(time.monotonic() - started, 1.0)
        self.assertEqual(self.machine.property(SERVICE, "Result"), "success", self.machine.journal(SERVICE))

    def test_reload_keeps_the_process_and_a_working_configuration(self) -> None:
        pid = self.machine.main_pid(SERVICE)
        self.machine.run("systemctl", "reload", SERVICE)
        wrong = self.machine.write("etc/sdwdate/sdwdate.toml.d/90-wrong.toml", "transport = 7\n")
        self.addCleanup(self.machine.run, "systemctl", "reload", SERVICE)
        self.addCleanup(wrong.unlink)
        self.machine.run("systemctl", "reload", SERVICE)
        wait_until(lambda: "90-wrong.toml" in self.machine.journal(SERVICE), 30, "a word on the wrong file")
        self.assert_active(self.machine, SERVICE)
        self.assertEqual(self.machine.main_pid(SERVICE), pid)

    def test_wrong_configuration_is_not_tried_again(self) -> None:
        wrong = self.machine.write("etc/sdwdate/sdwdate.toml.d/90-wrong.toml", "transport = 7\n")
        self.addCleanup(self.machine.run, "systemctl", "restart", SERVICE)
        self.addCleanup(wrong.unlink)
        self.machine.run("systemctl", "restart", SERVICE, check=False)
        self.machine.wait_for_property(SERVICE, "ActiveState", "failed")
        known = self.machine.properties(SERVICE, "ExecMainStatus", "NRestarts")
        self.assertEqual(known, {"ExecMainStatus": "2", "NRestarts": "0"}, self.machine.journal(SERVICE))

    # --- chronyd ---

    def test_a_round_agrees_and_chronyd_selects(self) -> None:
        self.machine.wait_selected()
        self.assertEqual([line[2] for line in self.machine.chrony_sources()], ["WEB"], "our source, and no other")
        # As the daemon's own user, within its sandbox, the helpers resolved names, checked a chain against the system's
        # authorities and spoke TLS: nginx saw requests of each of the machine's names.
        seen = (self.machine.tree / "var/log/nginx/lab.log").read_text()
        self.assertGreater(seen.count("HEAD / HTTP/1.1"), 10, seen)
        self.assertTrue((self.machine.tree / "var/lib/sdwdate/last-agreed").exists())

    def test_the_daemon_confines_itself(self) -> None:
        """Beyond what its unit does: the unit's filter lets helpers use the network and start."""
        self.machine.wait_selected()
        pid = self.machine.main_pid(SERVICE)
        status = (self.machine.root / "proc" / str(pid) / "status").read_text()
        for line in ("NoNewPrivs:\t1", "Seccomp:\t2", "CapBnd:\t0000000000000000"):
            self.assertIn(line, status)
        self.assertLessEqual(len(self.inet_sockets(pid)), 1, "netlink's, which tells of links")
        said = self.machine.run("journalctl", f"--unit={SERVICE}", "SDWDATE_EVENT=confinement", "--output=cat").text
        # The unit forbids namespaces; Landlock depends on the kernel.
        self.assertIn("own namespaces", said)
        self.assertNotIn("cannot restrict", said)

    def test_the_doctor_finds_nothing_wrong(self) -> None:
        self.machine.wait_selected()
        said = self.machine.run("sdwdate", "doctor", check=False)
        self.assertEqual(said.exit_code, 0, str(said))

    def test_chronyd_has_no_network(self) -> None:
        pid = self.machine.main_pid("chrony.service")
        links = self.machine.run("nsenter", f"--target={pid}", "--net", "ip", "-oneline", "link").text
        self.assertRegex(links, r"\A1: lo: [^\n]*\Z", "a loopback of its own, and nothing else")
        self.assertEqual(self.inet_sockets(pid), [])

    def inet_sockets(self, pid: int) -> list[str]:
        """Of the sockets that this process has open, those that are not of the UNIX kind."""
        process = self.machine.root / "proc" / str(pid)
        unix = {line.split()[6] for line in (process / "net/unix").read_text().splitlines()[1:]}
        links = [str(link.readlink()) for link in (process / "fd").iterdir()]
        sockets = [link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:")]
        self.assertTrue(sockets, links)
        return [inode for inode in sockets if inode not in unix]

    def test_socket_survives_a_restart_of_chronyd(self) -> None:
        self.machine.run("systemctl", "restart", "chrony")
        self.assertEqual(self.machine.run("stat", "--format=%U:%G %a", REFCLOCK).text, "root:sdwdate 660")
        self.machine.wait_selected()

    def test_report_answers_everybody(self) -> None:
        answer = self.machine.ask(REPORT, user="nobody")
        self.assertRegex(answer.stdout, r"(?m)^[0-9A-F]{8},.*\n#,.,WEB,.*\nWEB,", str(answer))

    def test_report_answers_after_a_flood(self) -> None:
        """Whoever asks without pause does not switch it off for others."""
        flood = f"for i in $(seq 60); do perl -MIO::Socket::UNIX -e '{CONNECT}' {REPORT} & done; wait"
        for _ in range(5):
            self.machine.run("bash", "-c", flood, user="nobody", timeout=60)
        wait_until(lambda: ",WEB," in self.machine.ask(REPORT, user="nobody").stdout, 10, "an answer after the flood")
        self.assertEqual(self.machine.run("systemctl", "--failed", "--plain", "--no-legend").text, "")

    def test_reset_answers_the_daemon_only(self) -> None:
        refused = self.machine.ask(RESET, user="nobody")
        self.assertIn("Permission denied", refused.stderr)
        self.assertEqual(self.machine.ask(RESET, user="sdwdate", groups="sdwdate").text, "200 OK")

    def test_without_chronyd_they_say_so(self) -> None:
        self.addCleanup(self.machine.wait_selected)
        self.addCleanup(self.machine.run, "systemctl", "start", "chrony")
        self.machine.run("systemctl", "stop", "chrony")
        for path in (REPORT, RESET):
            self.assertIn("Could not open connection to daemon", self.machine.ask(path).stdout)
        self.assertEqual(self.machine.run("systemctl", "--failed", "--plain", "--no-legend").text, "")

    # --- boot ---

    def test_reboot(self) -> None:
        self.machine.reboot()
        self.assert_active(self.machine, SERVICE, "chrony.service", *SOCKETS)
        self.machine.wait_selected()

    def test_qubes_template_and_switched_off(self) -> None:
        self.addCleanup(self.machine.run, "systemctl", "start", SERVICE)
        for marker in ("run/qubes/this-is-templatevm", "run/qubes-service/no-sdwdate"):
            with self.subTest(marker):
                self.machine.run("systemctl", "stop", SERVICE)
                path: Path = self.machine.root / marker
                path.parent.mkdir(exist_ok=True)
                path.touch()
                self.addCleanup(path.unlink)
                self.machine.run("systemctl", "start", SERVICE)
                self.assertEqual(self.machine.property(SERVICE, "ActiveState"), "inactive")


if __name__ == "__main__":
    main()
