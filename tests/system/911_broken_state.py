"""The file with the last agreed time is broken, hostile or somebody else's: said so, and the round goes on."""

import os
import socket
import sys
import time
import unittest
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import Result, RoundTest, in_namespaces, in_parallel, run

DAY = 86400
STRANGER = 12345
NOBODY = 65534

NAME = "last-agreed"

#: What stands in for a floor that cannot be had.
INSTEAD = "going on with this build's day as the floor"

CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "an empty line": b"\n",
    "garbage": os.urandom(40),
    "cut short": b"17",
    "text after the number": b"1900000000 and more\n",
    "zeros, as a file system leaves after a crash": bytes(11),
    "too long": b"1" * 100,
    "after the ceiling": b"4000000000\n",
    "centuries ahead": b"99999999999\n",
}

Prepare = Callable[[Path], object]


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def make_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"1900000000\n")
        file.truncate(1 << 40)


def last_round(file: Path) -> int:
    """What the last round has left: "round TIME ...", which is no floor until another round says so, too."""
    (line,) = (each for each in file.read_text().splitlines() if each.startswith("round "))
    return int(line.split()[1])


#: Things that are not what they should be. All but a folder are replaced by the next agreed time.
THINGS: dict[str, tuple[Prepare, str]] = {
    "huge": (make_huge, "does not hold a UNIX time"),
    "FIFO": (os.mkfifo, "is a FIFO"),
    "socket": (make_socket, "is a socket"),
    "link to nothing": (lambda path: path.symlink_to(path.parent / "nothing"), "is a symbolic link"),
    "link to a file": (lambda path: path.symlink_to(path.parent / "precious"), "is a symbolic link"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), "is a symbolic link"),
}


class BrokenState(RoundTest):
    @classmethod
    def set_up_world(cls) -> None:
        cls.honest = [cls.serve() for _ in range(3)]

    def folder(self) -> Path:
        folder = self.world.folder("state")
        (folder / "precious").write_text("precious")
        return folder

    def round_with(self, state: Path) -> Result:
        return self.sync(*zip(self.honest), state={"directory": str(state)}, request={"per_source": 1})

    def assert_done(self, result: Result, *parts: str | Path) -> None:
        """Fed all the same, with a warning that says these things."""
        self.assert_exit(result, 0)
        self.assertTrue(result.json["fed"], f"\n{result}")
        self.assert_message(result, "warning: ", *map(str, parts))

    def assert_saved(self, state: Path) -> None:
        """The file is a file again and says when it is; nothing else is there, and the precious is."""
        self.assertFalse((state / NAME).is_symlink())
        self.assertAlmostEqual(last_round(state / NAME), time.time(), delta=60)
        self.assertEqual((state / NAME).stat().st_mode & 0o7777, 0o644)
        self.assert_nothing_left(state)

    def assert_nothing_left(self, state: Path) -> None:
        self.assertEqual({path.name for path in state.iterdir()}, {NAME, "precious"})
        self.assertEqual((state / "precious").read_text(), "precious")

    def test_as_it_should_be(self) -> None:
        state = self.folder()
        for _ in range(2):
            result = self.round_with(state)
            self.assert_exit(result, 0)
            self.assertEqual(result.stderr, "")
            self.assert_saved(state)

    def test_contents(self) -> None:
        states = [self.folder() for _ in CONTENTS]
        for state, content in zip(states, CONTENTS.values(), strict=True):
            (state / NAME).write_bytes(content)
        results = in_parallel(self.round_with, states, workers=4)
        for name, state, result in zip(CONTENTS, states, results, strict=True):
            with self.subTest(name):
                self.assert_done(result, state / NAME, INSTEAD, "replaces it")
                self.assert_saved(state)

    def test_things_that_are_no_file(self) -> None:
        states = [self.folder() for _ in THINGS]
        for state, (prepare, _) in zip(states, THINGS.values(), strict=True):
            prepare(state / NAME)
        results = in_parallel(self.round_with, states, workers=4)
        for (name, (_, part)), state, result in zip(THINGS.items(), states, results, strict=True):
            with self.subTest(name):
                self.assert_done(result, state / NAME, part, INSTEAD, "replaces it")
                self.assert_saved(state)
                self.assertLess(result.peak_memory, self.most_memory)

    @unittest.skipUnless(os.geteuid() == 0, "only root can make devices")
    def test_a_device(self) -> None:
        state = self.folder()
        os.mknod(state / NAME, 0o20666, os.makedev(1, 5))  # endless zeros
        self.assert_done(self.round_with(state), "is a device", INSTEAD)
        self.assert_saved(state)

    def test_a_folder_for_the_file(self) -> None:
        """It could hold anything, so it stays; each round says so."""
        state = self.folder()
        (state / NAME).mkdir()
        (state / NAME / "content").touch()
        self.assert_done(self.round_with(state), "is a folder", INSTEAD, "Remove it", "cannot save the agreed time")
        self.assertTrue((state / NAME / "content").exists())
        self.assert_nothing_left(state)

    def test_a_file_for_the_folder(self) -> None:
        state = self.folder() / "precious"
        self.assert_done(self.round_with(state), state, "is a file", INSTEAD)
        self.assertEqual(state.read_text(), "precious")

    def test_where_the_new_file_is_written(self) -> None:
        """Whatever stands there, nothing is written through it."""
        things: dict[str, Prepare] = {
            "left by a crash": lambda path: path.write_text("19"),
            "link": lambda path: path.symlink_to(path.parent / "precious"),
            "link to nothing": lambda path: path.symlink_to(path.parent / "nothing"),
            "second name": lambda path: path.hardlink_to(path.parent / "precious"),
            "FIFO": os.mkfifo,
        }
        states = [self.folder() for _ in things]
        for state, prepare in zip(states, things.values(), strict=True):
            prepare(state / f"{NAME}.new")
        results = in_parallel(self.round_with, states, workers=4)
        for name, state, result in zip(things, states, results, strict=True):
            with self.subTest(name):
                self.assert_exit(result, 0)
                self.assertEqual(result.stderr, "")
                self.assert_saved(state)

    def test_strangers_may_write(self) -> None:
        """A floor in the future would refuse the right time. Where strangers can write one, it is not believed."""
        state = self.folder()
        ahead = f"{int(time.time()) + 100 * DAY}\n"
        (state / NAME).write_text(ahead)
        self.assert_exit(self.round_with(state), 4)
        for mode in (0o777, 0o1777):
            state.chmod(mode)
            result = self.round_with(state)
            self.assert_done(result, state, "everybody may write to", f"chmod go-w {state}", INSTEAD)
            self.assertEqual((state / NAME).read_text(), ahead, "nothing is written there either")
            self.assert_nothing_left(state)
        state.chmod(0o755)
        (state / NAME).chmod(0o666)
        self.assert_done(self.round_with(state), state / NAME, "everybody may write to", INSTEAD, "replaces it")
        self.assert_saved(state)

    @unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_strangers_own_it(self) -> None:
        state = self.folder()
        ahead = f"{int(time.time()) + 100 * DAY}\n"
        (state / NAME).write_text(ahead)
        os.chown(state, STRANGER, 0)
        self.assert_done(self.round_with(state), state, f"belongs to user {STRANGER}", f"chown root {state}", INSTEAD)
        self.assertEqual((state / NAME).read_text(), ahead)
        self.assert_nothing_left(state)
        os.chown(state, 0, 0)
        os.chown(state / NAME, STRANGER, 0)
        self.assert_done(self.round_with(state), state / NAME, f"belongs to user {STRANGER}", INSTEAD, "replaces it")
        self.assert_saved(state)

    @unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_the_services_own_user(self) -> None:
        """What sdwdated keeps as user sdwdate counts, too, when root runs a round by hand."""
        state = self.folder()
        (state / NAME).write_text(f"{int(time.time()) + 100 * DAY}\n")
        for path in (state, state / NAME):
            os.chown(path, NOBODY, NOBODY)
        etc = self.world.folder("etc")
        (etc / "passwd").write_text(f"root:x:0:0::/root:/bin/sh\nsdwdate:x:{NOBODY}:{NOBODY}::/:/bin/false\n")
        without = self.round_with(state)
        self.assert_done(without, "belongs to user nobody", INSTEAD)
        script = 'mount --bind "$1" /etc && shift && exec "$@"'
        prefix = [*in_namespaces("mount"), "sh", "-c", script, "sh", str(etc)]
        result = run("sdwdate", *without.command[1:], prefix=prefix)
        self.assert_exit(result, 4)
        self.assertNotIn("warning", result.stderr)


if __name__ == "__main__":
    unittest.main()
