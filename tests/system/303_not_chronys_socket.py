"""Something else where chrony's socket should be: nothing is written to it, status 3, and words that name it."""

import os
import socket
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import HONEST, HostileServer, LabTest, Pool, Result, SampleRecorder, Settings, Source, in_parallel, run

TOOL = "unixtime-to-chrony-socket"
NOW = "1700000000"
STRANGER = 12345

needs_root = unittest.skipUnless(os.geteuid() == 0, "only root can give files away")


class NotChronysSocket(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.servers = world.start(*(HostileServer(HONEST, world.certificate) for _ in range(3)))

    def setUp(self) -> None:
        self.folder = self.world.folder("run")
        self.path = self.folder / "chrony.sdwdate.sock"

    def feed(self) -> list[Result]:
        """All that feed chrony: the tool, and rounds."""
        configuration = Settings(
            pools=[Pool(server.url, [Source(server.url)]) for server in self.servers],
            chrony_socket=self.path,
            ca_file=self.ca_file,
            state_directory=self.world.directory / "no state",
            more={"request": {"per_source": 1}},
        ).write(self.world.folder("configuration") / "sdwdate.toml")
        commands = [
            (TOOL, "--socket", self.path, NOW),
            ("sdwdate", "sync", "--config", configuration, "--json"),
            ("sdwdated", "--once", "--config", configuration, "--json"),
        ]
        return in_parallel(lambda command: run(*command), commands)

    def check(self, *parts: str | Path) -> None:
        """Not fed, with these words."""
        told, *rounds = self.feed()
        for result in (told, *rounds):
            self.assert_exit(result, 3)
            self.assert_message(result, str(self.path), *map(str, parts))
        for synced in rounds:
            self.assertFalse(synced.json["fed"], f"\n{synced}")
            self.assertTrue(synced.selection["agreed"], f"only the feeding failed\n{synced}")

    def check_fed(self, recorder: SampleRecorder) -> None:
        for result in self.feed():
            self.assert_exit(result, 0)
        self.assertEqual(len(recorder.datagrams()), 3)

    def recorder(self, path: Path) -> SampleRecorder:
        return self.world.run(SampleRecorder(path))

    def test_file(self) -> None:
        self.path.write_text("precious")
        self.path.chmod(0o666)
        self.check("is a file, not chronyd's socket", "remove it and restart chronyd", f"refclock SOCK {self.path}")
        self.assertEqual(self.path.read_text(), "precious")

    def test_folder(self) -> None:
        self.path.mkdir()
        self.check("is a folder, not chronyd's socket")
        self.assertEqual(list(self.path.iterdir()), [])

    def test_fifo(self) -> None:
        os.mkfifo(self.path, 0o666)
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.check("is a FIFO, not chronyd's socket")
        self.assertEqual(os.read(reader, 100), b"")

    def test_device(self) -> None:
        self.path = Path("/dev/null")
        self.check("is a device, not chronyd's socket")

    def test_stream_socket(self) -> None:
        for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            with socket.socket(socket.AF_UNIX, kind) as other:
                self.path.unlink(missing_ok=True)
                other.bind(str(self.path))
                other.listen()
                other.setblocking(False)
                self.check("of another kind", "Remove it and restart chronyd")
                with self.assertRaises(BlockingIOError):
                    other.accept()

    def test_link_to_nothing(self) -> None:
        self.path.symlink_to(self.folder / "nothing")
        self.check("is a symbolic link to", self.folder / "nothing", "there is nothing")
        self.assertFalse((self.folder / "nothing").exists())

    def test_link_in_a_circle(self) -> None:
        self.path.symlink_to(self.path)
        self.check("symbolic links")

    def test_link_to_a_file(self) -> None:
        precious = self.folder / "precious"
        precious.write_text("precious")
        self.path.symlink_to(precious)
        told, *_ = self.feed()
        self.assert_exit(told, 3)
        self.assert_message(told, f"{precious} is a file, not chronyd's socket")
        self.assertEqual(precious.read_text(), "precious")

    def test_link_of_ours(self) -> None:
        """An administrator may have reasons; nobody else could have made it."""
        recorder = self.recorder(self.world.folder("elsewhere") / "web.sock")
        self.path.symlink_to(recorder.path)
        self.check_fed(recorder)

    def test_link_that_strangers_can_exchange(self) -> None:
        recorder = self.recorder(self.world.folder("elsewhere") / "web.sock")
        self.path.symlink_to(recorder.path)
        for mode in (0o777, 0o1777):
            self.folder.chmod(mode)
            self.check(f"is a symbolic link in the folder {self.folder}, which everybody may write to", "Remove it")
        self.assertEqual(recorder.datagrams(), [])

    @needs_root
    def test_a_strangers_link_to_a_strangers_socket(self) -> None:
        """As anybody could leave them in /tmp."""
        self.folder.chmod(0o1777)
        theirs = self.world.folder("theirs")
        recorder = self.recorder(theirs / "web.sock")
        for path in (theirs, recorder.path):
            os.chown(path, STRANGER, STRANGER)
        self.path.symlink_to(recorder.path)
        os.lchown(self.path, STRANGER, STRANGER)
        self.check(f"is a symbolic link, which belongs to user {STRANGER}: it is not followed")
        # And one of root's own making, by mistake: what it leads to is looked at, too.
        os.lchown(self.path, 0, 0)
        self.folder.chmod(0o755)
        told, *_ = self.feed()
        self.assert_exit(told, 3)
        self.assert_message(told, str(recorder.path), "need not be chronyd's")
        self.assertEqual(recorder.datagrams(), [])

    @needs_root
    def test_a_strangers_socket(self) -> None:
        recorder = self.recorder(self.path)
        os.chown(self.path, STRANGER, STRANGER)
        for mode in (0o777, 0o1777):
            self.folder.chmod(mode)
            self.check(f"belongs to user {STRANGER}", "need not be chronyd's", f"mode {mode & 0o777:04o}")
        self.folder.chmod(0o755)
        os.chown(self.folder, STRANGER, STRANGER)
        self.check(f"belongs to user {STRANGER}", "need not be chronyd's")
        self.assertEqual(recorder.datagrams(), [])

    @needs_root
    def test_a_strangers_socket_by_roots_leave(self) -> None:
        """In a folder of root's nobody else can have put it there."""
        recorder = self.recorder(self.path)
        os.chown(self.path, STRANGER, STRANGER)
        self.path.chmod(0o666)
        self.check_fed(recorder)

    def test_roots_socket_in_an_open_folder(self) -> None:
        recorder = self.recorder(self.path)
        self.folder.chmod(0o1777)
        self.check_fed(recorder)


if __name__ == "__main__":
    unittest.main()
