"""Asking chronyd and having it forget: a real chronyd, real chronyc, and systemd's own way of starting one for each
connection. Whoever connects sends nothing."""

import contextlib
import socket
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    AnswerSocket, Chronyd, LabTest, Result, as_nobody, copy_of_executables, run, wait_until,
)  # fmt: skip


def ask(path: Path, said: bytes = b"") -> str:
    """What comes back from a connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(said)
        answer = b""
        with contextlib.suppress(ConnectionResetError):  # it left what we sent unread
            while piece := connection.recv(4096):
                answer += piece
        return answer.decode()


class ChronyReport(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.executables = copy_of_executables(world.folder("bin"))
        cls.chronyd = world.run(Chronyd(world.folder("chrony")))
        sockets = world.folder("sockets")
        cls.report, cls.reset = world.start(*(
            AnswerSocket(world.folder(name), name, commands=cls.chronyd.command_socket, path=sockets / name)
            for name in ("report", "reset")
        ))  # fmt: skip
        cls.configuration = sockets / "sdwdate.toml"
        cls.configuration.write_text(
            f'[chrony]\nsocket = "{cls.chronyd.socket}"\nreport = "{cls.report.path}"\nreset = "{cls.reset.path}"\n'
        )

    def status(self, configuration: Path | None = None) -> Result:
        """As an ordinary user, who may not ask chronyd itself."""
        arguments = ("chrony", "status", "--json", "--config", configuration or self.configuration)
        return run("sdwdate", *arguments, prefix=as_nobody(), folder=self.executables)

    def verdict(self, check: str, result: Result | None = None) -> tuple[str, str]:
        checks = {each["check"]: each for each in (result or self.status()).json["checks"]}
        return checks[check]["verdict"], checks[check]["text"]

    def feed(self, count: int) -> None:
        for _ in range(count):
            self.assert_exit(run("unixtime-to-chrony-socket", "--socket", self.chronyd.socket, f"{time.time():.6f}"), 0)
            time.sleep(1.05)  # this chronyd takes a sample each second

    def test_chronyd_is_asked_and_forgets(self) -> None:
        self.assertEqual(ask(self.reset.path).strip(), "200 OK")
        self.assertEqual(self.verdict("chrony-sources"), ("ok", "WEB, which is ours, and no other"))
        self.assertEqual(self.verdict("chrony-follows"), ("problem", "chronyd has not had a sample yet"))

        self.feed(2)
        verdict, text = self.verdict("chrony-follows")
        self.assertEqual(verdict, "problem")
        self.assertIn("wants three", text)

        self.feed(3)
        wait_until(self.chronyd.is_selected, 5, "chronyd to select our source")
        verdict, text = self.verdict("chrony-follows")
        self.assertEqual(verdict, "ok", text)
        self.assertRegex(text, r"^its newest sample is [\d.]+ s old; 0\.\d+ s are left to correct$")

        self.assertEqual(ask(self.reset.path).strip(), "200 OK")
        self.assertFalse(self.chronyd.is_selected())
        self.assertEqual(self.verdict("chrony-follows"), ("problem", "chronyd has not had a sample yet"))

    def test_what_a_client_sends_is_not_read(self) -> None:
        """chronyc would take commands from its standard input; it gets them from its command line only."""
        answer = ask(self.report.path, b"shutdown\nquit\n" * 100)
        self.assertTrue(answer == "" or answer.count("\n") == 3, answer)
        self.assertTrue(self.chronyd.running)
        self.assertEqual(ask(self.report.path).count("\n"), 3, "tracking, one source, its statistics")

    def test_many_at_once(self) -> None:
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: ask(self.report.path), range(24)))
        self.assertEqual({answer.count("\n") for answer in answers}, {3})

    def test_without_chronyd_the_answer_says_so(self) -> None:
        alone = self.world.run(
            AnswerSocket(self.world.folder("alone"), "report", commands=Path("/nonexistent"),
                         path=self.world.folder("alone-sockets") / "report")
        )  # fmt: skip
        configuration = alone.path.with_name("sdwdate.toml")
        configuration.write_text(f'[chrony]\nreport = "{alone.path}"\n')
        result = self.status(configuration)
        self.assert_exit(result, 1)
        verdict, text = self.verdict("chrony-follows", result)
        self.assertEqual(verdict, "not_checked")
        self.assertRegex(text, "chronyc could not ask chronyd: (506 Cannot talk|Could not open connection)")

    def test_a_missing_socket_names_its_unit(self) -> None:
        configuration = self.world.folder("missing") / "sdwdate.toml"
        configuration.write_text('[chrony]\nreport = "/nonexistent/report"\n')
        verdict, text = self.verdict("report-socket", self.status(configuration))
        self.assertEqual((verdict, text), ("problem", "there is no /nonexistent/report"))

    def test_status_for_people(self) -> None:
        result = run("sdwdate", "chrony", "status", "--config", self.configuration)
        self.assertNotIn("\x1b", result.stdout, "colours are for terminals")
        self.assertIn("chronyd follows us", result.stdout)
        self.assertRegex(result.stdout, r"(?m)^(ok|PROBLEM|not checked) +chronyd's sources +WEB, which is ours")


if __name__ == "__main__":
    unittest.main()
