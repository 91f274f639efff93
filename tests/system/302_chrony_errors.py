"""When chrony cannot be fed: exit status 3, and words that say what is wrong and what to do."""

import grp
import os
import pwd
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    HONEST, HostileServer, LabTest, Pool, Result, SampleRecorder, Settings, Source, abandoned_socket, as_nobody,
    copy_of_executables, run,
)  # fmt: skip

TOOL = "unixtime-to-chrony-socket"
NOW = "1700000000"


class ChronyErrors(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.servers = world.start(*(HostileServer(HONEST, world.certificate) for _ in range(3)))
        cls.executables = copy_of_executables(world.folder("bin"))

    def feed(self, socket: Path) -> Result:
        """As an ordinary user, like the service will."""
        return run(TOOL, "--socket", socket, NOW, prefix=as_nobody(), folder=self.executables)

    def sync(self, socket: Path) -> Result:
        configuration = Settings(
            pools=[Pool(server.url, [Source(server.url)]) for server in self.servers],
            chrony_socket=socket,
            ca_file=self.ca_file,
            state_directory=self.world.directory / "no state",
            more={"request": {"per_source": 2}},
        ).write(self.world.folder("configuration") / "sdwdate.toml")
        prefix, folder = as_nobody(), self.executables
        return run("sdwdate", "sync", "--config", configuration, "--json", prefix=prefix, folder=folder)

    def check(self, socket: Path, *parts: str) -> None:
        """Both ways to feed chrony must fail with status 3 and say these things."""
        told = self.feed(socket)
        self.assert_exit(told, 3)
        self.assert_message(told, str(socket), *parts)
        synced = self.sync(socket)
        self.assert_exit(synced, 3)
        self.assert_message(synced, str(socket), *parts)
        self.assertFalse(synced.json["fed"])
        self.assertTrue(synced.selection["agreed"], "only the feeding failed")

    def test_missing_socket(self) -> None:
        path = self.world.directory / "missing.sock"
        self.check(path, f"refclock SOCK {path}")

    def test_missing_folder(self) -> None:
        path = self.world.directory / "no" / "such" / "folder" / "missing.sock"
        self.check(path, "refclock SOCK")

    def test_abandoned_socket(self) -> None:
        path = abandoned_socket(self.world.directory / "abandoned.sock")
        path.chmod(0o777)
        self.check(path, "nobody listens", "chronyd")

    def test_not_permitted(self) -> None:
        """chronyd makes its socket for root alone; who owns it and which group it has is what one needs to know."""
        recorder = self.world.run(SampleRecorder(self.world.directory / "closed.sock"))
        recorder.path.chmod(0o000)
        owner = pwd.getpwuid(os.geteuid()).pw_name
        group = grp.getgrgid(os.getegid()).gr_name
        self.check(recorder.path, "permitted", owner, group)
        self.assertEqual(recorder.datagrams(), [])

    def test_folder_not_permitted(self) -> None:
        """As /run/chrony is, which is 0700: then the socket's own mode does not help."""
        folder = self.world.folder("closed")
        recorder = self.world.run(SampleRecorder(folder / "web.sock"))
        recorder.path.chmod(0o777)
        folder.chmod(0o000)
        self.addCleanup(folder.chmod, 0o755)
        self.check(recorder.path, "permitted")

    def test_not_a_socket(self) -> None:
        path = self.world.directory / "plain file"
        path.write_text("")
        path.chmod(0o777)
        self.check(path)

    def test_path_too_long_for_a_socket(self) -> None:
        self.check(Path("/run/" + "x" * 120))


if __name__ == "__main__":
    unittest.main()
