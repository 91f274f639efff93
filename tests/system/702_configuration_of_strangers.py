"""A configuration that strangers can change is refused with status 2, and what the message says to do helps."""

import os
import re
import shlex
import signal
import subprocess
import sys
import unittest
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    HONEST, HostileServer, LabTest, Pool, Result, SampleRecorder, Sdwdated, Settings, Source, as_nobody,
    copy_of_executables, dead_port, in_namespaces, run, wait_until,
)  # fmt: skip

STRANGER = 12345

OLD = 'SDWDATE_POOL_ZERO=(\n    "http://zero-a.onion # https://a.example/"\n)\n'

needs_root = unittest.skipUnless(os.geteuid() == 0, "only root can give files away")


def on_a_machine_with(etc: Path, usr_share: Path) -> list[str]:
    """A prefix that runs a command where /etc and /usr/share are these folders."""
    script = 'mount --bind "$1" /etc && mount --bind "$2" /usr/share && shift 2 && exec "$@"'
    return [*in_namespaces("mount"), "sh", "-c", script, "sh", str(etc), str(usr_share)]


class ConfigurationOfStrangers(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        cls.text = Settings(
            pools=[Pool("one", [Source(f"https://127.0.0.1:{dead_port()}/")])],
            chrony_socket=cls.world.directory / "no socket",
            ca_file=cls.world.ca.file,
            state_directory=cls.world.directory / "no state",
            more={"request": {"timeout": "1s"}, "selection": {"failure_budget": 0}},
        ).text()

    def setUp(self) -> None:
        self.folder = self.world.folder("configuration")
        self.file = self.folder / "sdwdate.toml"
        self.file.write_text(self.text)

    def sync(self, file: Path | None = None) -> Result:
        return run("sdwdate", "sync", "--config", file or self.file)

    def assert_refused(self, result: Result, *parts: str | Path) -> None:
        self.assert_exit(result, 2)
        self.assert_message(result, *map(str, parts))
        self.assertEqual(result.stdout, "", f"nothing was measured\n{result}")

    def assert_read(self, result: Result) -> None:
        """The configuration is in force: its only source cannot be reached."""
        self.assert_exit(result, 1)

    def check(self, *parts: str | Path, file: Path | None = None) -> None:
        """Refused; and the command line at the end of the message is the remedy."""
        path = file or self.file
        for command in (("sdwdate", "sync"), ("sdwdated",), ("sdwdated", "--once")):
            refused = run(*command, "--config", path)
            self.assert_refused(refused, "not reading", path, *parts)
        told = re.search(r"then: (.*)$", refused.stderr.strip())
        self.assertIsNotNone(told, f"\n{refused}")
        subprocess.run(shlex.split(told.group(1)), check=True, timeout=5)
        self.assert_read(self.sync(path))

    def test_as_it_should_be(self) -> None:
        self.assert_read(self.sync())

    def test_everybody_may_write_to_the_file(self) -> None:
        self.file.chmod(0o646)
        self.check("everybody may write", "mode 0646", f"chmod go-w {self.file}")

    def test_everybody_may_write_to_the_folder(self) -> None:
        self.folder.chmod(0o777)
        self.check("replaced", "everybody may write", "mode 0777", f"chmod go-w {self.folder}")

    def test_sticky_folder(self) -> None:
        """As /tmp: what is there can be changed by its owner only, and that one is looked at."""
        self.folder.chmod(0o1777)
        self.assert_read(self.sync())
        self.file.chmod(0o666)
        self.check("everybody may write", f"chmod go-w {self.file}")

    @needs_root
    def test_a_group_may_write(self) -> None:
        os.chown(self.file, 0, STRANGER)
        self.file.chmod(0o664)
        self.check(f"group {STRANGER} may write", "mode 0664", f"chmod go-w {self.file}")
        os.chown(self.folder, 0, STRANGER)
        self.folder.chmod(0o770)
        self.check(f"group {STRANGER} may write", "mode 0770", f"chmod go-w {self.folder}")
        os.chown(self.file, 0, 0)
        self.file.chmod(0o664)
        self.assert_read(self.sync())

    @needs_root
    def test_somebody_else_owns_the_file(self) -> None:
        os.chown(self.file, STRANGER, 0)
        self.check(f"belongs to user {STRANGER}", f"chown root {self.file}")

    @needs_root
    def test_somebody_else_owns_the_folder(self) -> None:
        for mode in (0o755, 0o1777):
            os.chown(self.folder, STRANGER, 0)
            self.folder.chmod(mode)
            self.check("replaced", f"belongs to user {STRANGER}", f"chown root {self.folder}")

    @needs_root
    def test_an_account_has_a_name(self) -> None:
        os.chown(self.file, 1, 0)
        self.assert_refused(self.sync(), "belongs to user daemon")

    def test_links(self) -> None:
        """A link is as good as its folder, and so on to the file."""
        link = self.world.folder("links") / "sdwdate.toml"
        link.symlink_to(self.file)
        self.assert_read(self.sync(link))
        self.file.chmod(0o666)
        self.check(f"chmod go-w {self.file}", file=link)
        self.folder.chmod(0o777)
        self.check(f"chmod go-w {self.folder}", file=link)
        link.parent.chmod(0o777)
        self.check(f"chmod go-w {link.parent}", file=link)

    @needs_root
    def test_a_strangers_link(self) -> None:
        """In a sticky folder anybody can make one, to an old configuration of root's, say."""
        folder = self.world.folder("links")
        folder.chmod(0o1777)
        link = folder / "sdwdate.toml"
        link.symlink_to(self.file)
        os.lchown(link, STRANGER, 0)
        self.check(f"belongs to user {STRANGER}", f"chown -h root {link}", file=link)

    @needs_root
    def test_an_ordinary_user_reads_what_is_roots(self) -> None:
        executables = copy_of_executables(self.world.folder("bin"))
        command = ("sdwdate", "sync", "--config", self.file)
        self.assert_read(run(*command, prefix=as_nobody(), folder=executables))
        os.chown(self.file, 65534, 0)
        self.assert_read(run(*command, prefix=as_nobody(), folder=executables))
        self.assert_refused(self.sync(), "belongs to user nobody")

    def test_what_the_program_was_started_with(self) -> None:
        """A shell's process substitution, and standard input, are the choice of whoever starts it."""
        self.assert_read(run("sdwdate", "sync", "--config", "/dev/stdin", stdin=self.text))
        piped = ["bash", "-c", 'exec "$@" --config <(printf "%s" "$TEXT")', "bash"]
        self.assert_read(run("sdwdate", "sync", prefix=piped, environment={"TEXT": self.text}))

    def test_ca_file(self) -> None:
        """Who can change it decides whom to trust."""
        ca = self.folder / "ca.pem"
        ca.write_bytes(self.ca_file.read_bytes())
        self.file.write_text(self.text.replace(str(self.ca_file), str(ca)))
        self.assert_read(self.sync())
        ca.chmod(0o666)
        asked = run("sdwdate", "query", "--ca-file", ca, f"https://127.0.0.1:{dead_port()}/")
        self.assert_refused(asked, ca, f"chmod go-w {ca}")
        for command in (("sdwdate", "sync"), ("sdwdated",), ("sdwdated", "--once")):
            refused = run(*command, "--config", self.file)
            self.assert_refused(refused, "certificate authorities", ca, f"chmod go-w {ca}")

    def test_import(self) -> None:
        """What comes out is meant to be our configuration."""
        old = self.folder / "30_default.conf"
        old.write_text(OLD)
        self.assert_exit(run("sdwdate", "import", self.folder), 0)
        old.chmod(0o666)
        self.assert_refused(run("sdwdate", "import", self.folder), old, f"chmod go-w {old}")

    def test_the_systems_files(self) -> None:
        """Each of them: the vendor's, the administrator's, the drop-ins."""
        etc, usr_share = self.world.folder("etc"), self.world.folder("share")
        files = [
            usr_share / "sdwdate" / "defaults.toml",
            etc / "sdwdate" / "sdwdate.toml",
            etc / "sdwdate" / "sdwdate.toml.d" / "10-more.toml",
        ]
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.text)
        prefix = on_a_machine_with(etc, usr_share)

        def sync() -> Result:
            return run("sdwdate", "sync", prefix=prefix)

        self.assert_read(sync())
        exposed: dict[str, tuple[Callable[[Path], None], Callable[[Path], None]]] = {
            "file": (lambda file: file.chmod(0o666), lambda file: file.chmod(0o644)),
            "folder": (lambda file: file.parent.chmod(0o777), lambda file: file.parent.chmod(0o755)),
        }
        if os.geteuid() == 0:
            exposed["owner"] = (lambda file: os.chown(file, STRANGER, 0), lambda file: os.chown(file, 0, 0))
        for file in files:
            for name, (expose, close) in exposed.items():
                with self.subTest(name, file=file.name):
                    expose(file)
                    self.assert_refused(sync(), file.name)
                    close(file)
        self.assert_read(sync())

    def test_the_daemon_keeps_what_it_has(self) -> None:
        servers = self.world.start(*(HostileServer(HONEST, self.world.certificate) for _ in range(3)))
        recorder = self.world.run(SampleRecorder(self.world.folder("chrony") / "web.sock"))
        Settings(
            pools=[Pool(server.url, [Source(server.url)]) for server in servers],
            chrony_socket=recorder.path,
            ca_file=self.ca_file,
            state_directory=self.world.folder("state"),
            more={"request": {"per_source": 2}, "state": {"runtime": str(self.world.folder("run"))}},
        ).write(self.file)
        daemon = self.world.run(Sdwdated(self.world.folder("sdwdated"), self.file))
        self.addCleanup(daemon.stop)
        daemon.wait_rounds(1, 20)
        self.file.chmod(0o666)
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda: "the old one stays in force" in daemon.log_file.read_text(), 10, "the refusal")
        self.assertIn(f"chmod go-w {self.file}", daemon.log_file.read_text())
        rounds = len(daemon.rounds())
        self.assertTrue(daemon.wait_rounds(rounds + 1, 20)[-1]["fed"])


if __name__ == "__main__":
    unittest.main()
