"""The files of `[compat] state_files`, by the rules of their readers: sdwdate-gui, whonix-firewall, systemcheck."""

import ctypes
import json
import os
import struct
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import HONEST, HostileServer, LabTest, Pool, SampleRecorder, Sdwdated, Settings, Source, wait_until

# inotify(7)
MODIFY, CREATE, MOVED_FROM, MOVED_TO, DELETE, DELETE_SELF, MOVE_SELF = 0x2, 0x100, 0x40, 0x80, 0x200, 0x400, 0x800
EVENT = struct.Struct("iIII")


class Inotify:
    """Events of one path, as (mask, name)."""

    def __init__(self, path: Path, mask: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if libc.inotify_add_watch(self._descriptor, os.fsencode(path), mask) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch", str(path))

    def close(self) -> None:
        os.close(self._descriptor)

    def events(self) -> list[tuple[int, str]]:
        """What happened since the last time."""
        events = []
        while True:
            try:
                data = os.read(self._descriptor, 65536)
            except BlockingIOError:
                return events
            while data:
                _, mask, _, length = EVENT.unpack_from(data)
                name = data[EVENT.size : EVENT.size + length].rstrip(b"\0").decode()
                events.append((mask, name))
                data = data[EVENT.size + length :]


class StateFiles(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.servers = world.start(*(HostileServer(HONEST, world.certificate) for _ in range(3)))

    def setUp(self) -> None:
        self.runtime = self.world.folder("run")
        self.state = self.world.folder("state")
        # Its queue is short, so each test has its own.
        self.recorder = self.world.run(SampleRecorder(self.world.folder("chrony") / "web.sock"))
        # As systemd-tmpfiles makes it, for sdwdate-gui to have something to watch from the beginning.
        (self.runtime / "status").touch()

    def daemon(self, servers: list[HostileServer] | None = None, *, compat: bool = True) -> Sdwdated:
        configuration = Settings(
            pools=[Pool(server.url, [Source(server.url)]) for server in servers or self.servers],
            chrony_socket=self.recorder.path,
            ca_file=self.ca_file,
            state_directory=self.state,
            more={
                "request": {"per_source": 2},
                "state": {"runtime": str(self.runtime)},
                "compat": {"state_files": compat},
            },
        ).write(self.world.folder("configuration") / "sdwdate.toml")
        daemon = self.world.run(Sdwdated(self.world.folder("sdwdated"), configuration))
        self.addCleanup(daemon.stop)
        return daemon

    def watch(self, path: Path, mask: int) -> Inotify:
        watch = Inotify(path, mask)
        self.addCleanup(watch.close)
        return watch

    def as_gui(self) -> tuple[str, str] | None:
        """sdwdate-gui: an empty file is a race; two texts, a known icon; else it warns and shows nothing new."""
        text = (self.runtime / "status").read_text(encoding="utf-8")
        if not text.strip():
            return None
        status = json.loads(text)
        self.assertIsInstance(status["icon"], str)
        self.assertIsInstance(status["message"], str)
        self.assertIn(status["icon"], ("success", "busy", "error"))
        self.assertTrue(status["message"].isascii() and status["message"].isprintable(), status)
        self.assertLessEqual(len(status["message"]), 1000)
        return status["icon"], status["message"]

    def as_systemcheck(self) -> str:
        for name in ("success", "first_success", "fail"):
            if (self.runtime / name).exists():
                return name
        return "pending"

    def minimum_unixtime(self) -> int:
        """helper-scripts: ten characters, all digits, or the file does not count."""
        text = (self.state / "time-replay-protection-utc-unixtime").read_text()
        self.assertRegex(text, r"\A[0-9]{10}\Z")
        return int(text)

    def wait_for(self, name: str, daemon: Sdwdated) -> None:
        wait_until((self.runtime / name).exists, 30, f"{name}\n{daemon.log_tail()}")

    def test_from_the_start_to_the_end(self) -> None:
        inode = (self.runtime / "status").stat().st_ino
        gui = self.watch(self.runtime / "status", MODIFY | DELETE_SELF | MOVE_SELF)
        firewall = self.watch(self.runtime, CREATE)
        others = self.watch(self.runtime, MOVED_FROM | MOVED_TO | DELETE)
        daemon = self.daemon()

        wait_until(lambda: self.as_gui() is not None, 5, "the first status")
        if not (self.runtime / "first_success").exists():
            self.assertEqual(self.as_gui()[0], "busy")
        self.wait_for("first_success", daemon)
        self.assertEqual(self.as_gui()[0], "success")
        self.assertEqual(self.as_systemcheck(), "success")
        self.assertEqual((self.runtime / "msg").read_text(), self.as_gui()[1])
        created = [name for _, name in firewall.events()]
        self.assertEqual(created.count("first_success"), 1)
        self.assertGreater(created.index("first_success"), created.index("success"), "the last thing to happen")
        self.assertNotIn("first_success", [name for _, name in others.events()])
        self.check_replay_protection()

        mark = (self.runtime / "first_success").stat()
        daemon.wait_rounds(2, timeout=40)
        self.assertEqual((self.runtime / "first_success").stat(), mark, "made once, and left alone")

        self.assertEqual(daemon.stop(seconds=2), 0, daemon.log_tail())
        self.assertEqual(self.as_gui()[0], "error", "nobody looks after the clock")
        self.assertEqual(self.as_systemcheck(), "success", "it was set in this boot all the same")
        self.assertEqual((self.runtime / "status").stat().st_ino, inode, "sdwdate-gui watches this one")
        self.assertEqual({mask for mask, _ in gui.events()}, {MODIFY})

    def check_replay_protection(self) -> None:
        past = self.minimum_unixtime()
        self.assertLessEqual(past, time.time())
        self.assertGreater(past, time.time() - 60)
        human = (self.state / "time-replay-protection-utc-humanreadable").read_text()
        self.assertEqual(human, time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(past)))

    def test_failure_and_recovery(self) -> None:
        mortal = [HostileServer(HONEST, self.world.certificate) for _ in range(3)]
        daemon = self.daemon(mortal)  # not listening yet
        self.wait_for("fail", daemon)
        self.assertEqual(self.as_systemcheck(), "fail")
        self.assertFalse((self.runtime / "first_success").exists())
        wait_until(lambda: (self.as_gui() or ("", ""))[0] in ("error", "busy"), 5, "an icon")
        self.world.start(*mortal)
        self.wait_for("first_success", daemon)
        wait_until(lambda: not (self.runtime / "fail").exists(), 5, "the failure to be over")
        self.assertEqual(self.as_systemcheck(), "success")

    def test_only_where_it_is_wanted(self) -> None:
        daemon = self.daemon(compat=False)
        daemon.wait_rounds(1, timeout=30)
        self.assertEqual({path.name for path in self.runtime.iterdir()} - {"report.json"}, {"status"})
        self.assertEqual((self.runtime / "status").read_text(), "")
        self.assertEqual({path.name for path in self.state.iterdir()} - {"last-agreed"}, set())


if __name__ == "__main__":
    unittest.main()
