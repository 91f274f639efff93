"""What is held to be past: who raises it, who cannot, what it says when it refuses, and how a person changes it."""

import os
import re
import stat
import sys
import time
import unittest
from collections.abc import Sequence
from email.utils import formatdate
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import Result, RoundTest, Sdwdated, as_nobody, copy_of_executables, dated, run

DAY = 86400
NAME = "last-agreed"


class FloorTest(RoundTest):
    """Rounds and `sdwdate floor` with the same configuration."""

    @classmethod
    def set_up_world(cls) -> None:
        cls.honest = [cls.serve() for _ in range(3)]
        cls.ahead = [cls.serve(100.0 * DAY) for _ in range(3)]

    @property
    def configuration(self) -> Path:
        return self.world.directory / "floor.toml"

    def setUp(self) -> None:
        super().setUp()
        self.configuration.write_text(f'[state]\ndirectory = "{self.state}"\n')

    def round_of(self, servers: Sequence[Any], **more) -> Result:
        return self.sync(*zip(servers), request={"per_source": 1}, **more)

    def newest_configuration(self) -> Path:
        """What `sync` has written for itself last; a daemon may run by it, too."""
        return max(self.world.directory.glob("configuration*/sdwdate.toml"), key=lambda path: path.stat().st_mtime_ns)

    def floor(self, *arguments: str, exit_code: int = 0, **options) -> Result:
        result = run("sdwdate", "floor", "--config", self.configuration, *arguments, **options)
        self.assert_exit(result, exit_code)
        return result

    def state_of_floor(self) -> dict[str, Any]:
        return self.floor("--json").json

    def assert_refused_by_floor(self, result: Result) -> None:
        self.assert_exit(result, 4)
        self.assertFalse(result.json["fed"])
        self.assertEqual(result.json["refused_by"], "floor")
        self.assert_message(result, str(self.state / NAME), "sudo sdwdate floor --reset")


class WhoRaisesIt(FloorTest):
    def test_one_agreed_lie_heals_at_the_next_round(self) -> None:
        """C5: it refused the right time for ever."""
        for _ in range(2):
            self.assert_exit(self.round_of(self.honest), 0)
        self.assert_exit(self.round_of(self.ahead), 0)
        state = self.state_of_floor()
        self.assertLess(state["floor"], time.time())
        self.assertGreater(state["last_round"]["time"], time.time() + 99 * DAY)
        self.assertIn("not in force until another round", self.floor().stdout)
        for _ in range(3):
            self.assert_exit(self.round_of(self.honest), 0)
        state = self.state_of_floor()
        self.assertAlmostEqual(state["floor"], time.time(), delta=60)
        self.assertEqual(state["saved"]["voucher"], "rounds")
        self.assertEqual(state["from"], "file" if state["floor"] > state["build"] else "build")

    def test_the_first_round_ever_may_be_a_lie(self) -> None:
        self.assert_exit(self.round_of(self.ahead), 0)
        self.assertEqual(self.state_of_floor()["from"], "build")
        self.assert_exit(self.round_of(self.honest), 0)

    def test_nobody_walks_it_back(self) -> None:
        """C4: a majority that says the second before the floor, again and again."""
        future = int(time.time()) + 10 * DAY
        self.floor("--set", str(future))
        for _ in range(3):
            before = self.state_of_floor()["floor"]
            date = formatdate(before - 1, usegmt=True)
            liars = [self.serve(behaviour=dated(date)) for _ in range(3)]
            self.round_of(liars)
            self.assertEqual(self.state_of_floor()["floor"], before)
        self.assertEqual(before, future)

    def test_the_daemon_keeps_it_rising(self) -> None:
        self.assert_exit(self.round_of(self.honest), 0)
        path = self.newest_configuration()
        self.floor("--set", str(int(time.time()) - 5))
        daemon = self.world.run(Sdwdated(self.world.folder("sdwdated"), path))
        self.addCleanup(daemon.stop)
        daemon.wait_rounds(1, 20)
        self.assertAlmostEqual(self.state_of_floor()["last_round"]["time"], time.time(), delta=20)


class WhatItSays(FloorTest):
    def test_a_refusal_names_the_limit_the_file_and_the_way_out_which_works(self) -> None:
        for _ in range(2):
            self.assert_exit(self.round_of(self.ahead), 0)
        result = self.round_of(self.honest)
        self.assert_refused_by_floor(result)
        self.assertIn("two rounds said so", result.stderr)
        self.assert_refused_by_floor(self.round_of(self.honest))
        text = self.floor().stdout
        self.assertIn(f"saved in {self.state / NAME}: two rounds said so", text)
        self.assertIn("agreed on by ", text)
        self.floor("--reset")
        self.assert_exit(self.round_of(self.honest), 0)

    def test_the_versions_own_day_is_named_and_no_file(self) -> None:
        result = self.round_of([self.serve(-700.0 * DAY) for _ in range(3)])
        self.assert_exit(result, 4)
        self.assertEqual(result.json["refused_by"], "build")
        self.assert_message(result, "the day of this version")
        self.assertNotIn("--reset", result.stderr)

    def test_the_doctor_names_the_file_and_a_remedy_that_works(self) -> None:
        self.floor("--set", str(int(time.time()) + 100 * DAY))

        def clock() -> dict[str, Any]:
            doctor = run("sdwdate", "doctor", "--json", "--config", self.configuration)
            (finding,) = (each for each in doctor.json["checks"] if each["check"] == "clock")
            return finding

        finding = clock()
        self.assertEqual(finding["verdict"], "problem")
        self.assertIn(str(self.state / NAME), finding["text"])
        self.assertIn("sudo sdwdate floor --reset", finding["remedy"])
        self.floor("--reset")
        self.assertEqual(clock()["verdict"], "ok")

    def test_the_daemon_takes_a_reset_up_at_its_next_round(self) -> None:
        self.round_of(self.honest)
        path = self.newest_configuration()
        self.floor("--set", str(int(time.time()) + 100 * DAY))
        daemon = self.world.run(Sdwdated(self.world.folder("sdwdated"), path))
        self.addCleanup(daemon.stop)
        (first,) = daemon.wait_rounds(1, 20)[:1]
        self.assertEqual((first["fed"], first["refused_by"]), (False, "floor"))
        self.assertRegex(daemon.log_tail(), re.escape(str(self.state / NAME)))
        self.floor("--reset")
        before = len(daemon.rounds())
        rounds = daemon.wait_rounds(before + 2, 60)
        self.assertTrue(rounds[-1]["fed"], rounds[-1])


class TheCommand(FloorTest):
    def test_nothing_saved(self) -> None:
        state = self.state_of_floor()
        self.assertEqual((state["schema"], state["from"], state["saved"], state["last_round"], state["warning"]),
                         (1, "build", None, None, None))  # fmt: skip
        self.assertEqual(state["file"], str(self.state / NAME))
        self.assertEqual(state["floor"], state["build"])
        self.assertIn("the day of this version", self.floor().stdout)

    def test_an_earlier_versions_file(self) -> None:
        (self.state / NAME).write_text(f"{int(time.time()) + DAY}\n")
        state = self.state_of_floor()
        self.assertEqual(state["saved"]["voucher"], "old_version")
        self.assert_refused_by_floor(self.round_of(self.honest))

    def test_times(self) -> None:
        for text, expected in {
            "1900000000": 1900000000,
            "2030-03-17": 1899936000,
            "2030-03-17 17:46": 1899999960,
            "2030-03-17 17:46:40": 1900000000,
            "2030-03-17T17:46:40Z": 1900000000,
            "2030-03-17 17:46:40 UTC": 1900000000,
        }.items():
            with self.subTest(text):
                result = self.floor("--set", text, "--json")
                self.assertEqual(result.json["floor"], expected)
                self.assertEqual(result.json["saved"]["voucher"], "administrator")
                self.assertIn("after what this machine's clock shows", result.stderr)
        self.assertEqual(stat.S_IMODE((self.state / NAME).stat().st_mode), 0o644)
        self.assertIn("set by hand", self.floor().stdout)

    def test_backwards(self) -> None:
        self.floor("--set", "2031-01-01")
        self.assertEqual(self.floor("--set", "2030-01-01", "--json").json["floor"], 1893456000)

    def test_mistakes(self) -> None:
        self.floor("--set", "2030-01-01")
        before = (self.state / NAME).read_text()
        for arguments, part in {
            ("--set", "tomorrow"): "write a UNIX time",
            ("--set", "2030-02-30"): "write a UNIX time",
            ("--set", "2030-01-01 24:00"): "write a UNIX time",
            ("--set", "2030-01-01 12"): "write a UNIX time",
            ("--set", "-5"): "",
            ("--set", "1990-01-01"): "--reset forgets",
            ("--set", "2190-01-01"): "ceiling_years",
            ("--set", "2030-01-01", "--reset"): "",
            ("--config", "/nowhere.toml"): "/nowhere.toml",
        }.items():
            with self.subTest(arguments):
                result = run("sdwdate", "floor", *(["--config", self.configuration] if arguments[0] != "--config" else []),
                             *arguments)  # fmt: skip
                self.assert_exit(result, 2)
                self.assert_message(result, part)
        self.assertEqual((self.state / NAME).read_text(), before)

    def test_what_cannot_be_used_is_said(self) -> None:
        (self.state / NAME).write_text("garbage\n")
        result = self.floor("--json", exit_code=1)
        self.assertEqual(result.json["from"], "build")
        self.assertIn(str(self.state / NAME), result.json["warning"])
        self.assert_message(result, "warning: ")
        self.floor("--reset")
        self.assertEqual(os.listdir(self.state), [])

    def test_no_state_directory(self) -> None:
        self.state.rmdir()
        self.assertEqual(self.state_of_floor()["from"], "build")
        for arguments in (["--reset"], ["--set", "2030-01-01"]):
            self.assert_message(self.floor(*arguments, exit_code=2), str(self.state), "No such file")

    def test_no_link_is_followed(self) -> None:
        """Whoever keeps the folder cannot have root write or remove anything else."""
        precious = self.world.folder("elsewhere") / "precious"
        precious.write_text("precious")
        for name in (NAME, f"{NAME}.new"):
            (self.state / name).symlink_to(precious)
        self.floor("--set", "2030-01-01")
        self.assertFalse((self.state / NAME).is_symlink())
        (self.state / NAME).unlink()
        (self.state / NAME).symlink_to(precious)
        self.floor("--reset")
        self.assertEqual(precious.read_text(), "precious")
        self.assertEqual(os.listdir(self.state), [])

    @unittest.skipUnless(os.geteuid() == 0, "an ordinary user's own folder is that user's own")
    def test_others_may_look_and_change_nothing(self) -> None:
        folder = copy_of_executables(self.world.folder("bin"))
        self.floor("--set", "2030-01-01")
        self.configuration.chmod(0o644)
        before = (self.state / NAME).read_text()
        self.assertIn("2030-01-01", self.floor(prefix=as_nobody(), folder=folder).stdout)
        for arguments in (["--reset"], ["--set", "2030-01-01"]):
            result = self.floor(*arguments, exit_code=2, prefix=as_nobody(), folder=folder)
            self.assert_message(result, "only root and user sdwdate may change the floor", "sudo")
        self.assertEqual((self.state / NAME).read_text(), before)


if __name__ == "__main__":
    unittest.main()
