"""url_to_unixtime: the arguments, the output and the exit statuses of the Python one, over microsocks."""

import sys
import time
import unittest
from email.utils import parsedate_to_datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    HONEST, Behaviour, HostileServer, LabTest, Microsocks, Nginx, Result, dated, dead_port, in_parallel, run,
)  # fmt: skip
from lab.behaviours import plain

# Only the proxy can resolve it.
HIDDEN = "hidden.sdwdate-lab.test"
ONION = "a" * 56 + ".onion"

TODAY = "Mon, 23 Nov 2026 00:00:00 GMT"

# What the Date header says, and the Python one's status for it.
DATES: dict[str, tuple[str | None, int]] = {
    "none": (None, 1),
    "empty": ("", 2),
    "one word": ("yesterday", 2),
    "28 characters": ("Mon, 23 Nov 2026 0:00:00 GMT", 2),
    "more than 100 characters": (f"{TODAY} {'x' * 80}", 2),
    "before 1970": ("Wed, 31 Dec 1969 23:59:59 GMT", 3),
    "1926": ("Tue, 23 Nov 1926 12:00:00 GMT", 3),
    "1970": ("Thu, 01 Jan 1970 00:00:00 GMT", 3),
    "eleven digits": ("Fri, 31 Dec 9999 23:59:59 GMT", 4),
    "words of the right length": ("Who knows what the time is, now?", 6),
    "no such day": ("Wed, 31 Jun 2026 00:00:00 GMT", 6),
    "today": (TODAY, 0),
    "the first day that counts": ("Fri, 02 Jan 1970 00:00:00 GMT", 0),
    "2150": ("Wed, 01 Apr 2150 12:00:00 GMT", 0),
    "RFC 850": ("Monday, 23-Nov-26 00:00:00 GMT", 0),
}


class UrlToUnixtime(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        hosts = {HIDDEN: "127.0.0.1", ONION: "127.0.0.1"}
        cls.nginx, cls.proxy = world.start(
            Nginx(world.folder("nginx"), world.ca.issue((HIDDEN,))),
            Microsocks(world.folder("microsocks"), hosts=hosts),
        )

    def ask(self, url: str, verbosity: str = "false", *more: str, port: int | None = None) -> Result:
        address = ("127.0.0.1", str(port or self.proxy.port))
        environment = {"SSL_CERT_FILE": str(self.ca_file)}
        return run("url_to_unixtime", *address, url, verbosity, *more, environment=environment)

    def onion(self, behaviour: Behaviour) -> str:
        """A plain-http onion service that behaves so."""
        server = self.world.run(HostileServer(Behaviour(behaviour.on_request, on_connect=()), self.world.certificate))
        return f"http://{ONION}:{server.port}/"

    def assert_time(self, result: Result, expected: float, within: float = 2.0) -> None:
        """What the Python sdwdate took for a time: ten digits, little on standard error, status 0."""
        self.assert_exit(result, 0)
        self.assertRegex(result.stdout, r"\A[0-9]+\n\Z", f"\n{result}")
        self.assertAlmostEqual(int(result.stdout), expected, delta=within, msg=f"\n{result}")
        self.assertLessEqual(len(result.stderr), 500, f"\n{result}")

    def assert_status(self, result: Result, expected: int) -> None:
        self.assert_exit(result, expected)
        self.assertEqual(result.stdout, "", f"\n{result}")
        self.assertTrue(result.stderr.strip(), f"why it failed\n{result}")
        self.assertLessEqual(len(result.stderr), 500, f"\n{result}")

    def test_a_real_server(self) -> None:
        result = self.ask(self.nginx.url_at(HIDDEN))
        self.assert_time(result, time.time())
        self.assertEqual(len(result.stdout), 11)
        self.assertEqual(result.stderr, "")
        self.assertIn(f"{HIDDEN}:{self.nginx.port}", self.proxy.destinations())

    def test_verbosity(self) -> None:
        result = self.ask(self.nginx.url_at(HIDDEN), "true")
        self.assert_time(result, time.time())
        said = dict(line.split(": ", 1) for line in result.stderr.splitlines())
        self.assertEqual(said["parsed_unixtime"], result.stdout.strip())
        self.assertEqual(parsedate_to_datetime(said["http_time"]).timestamp(), int(result.stdout))
        for other in ("True", "1", "verbose"):
            self.assertEqual(self.ask(self.nginx.url_at(HIDDEN), other).stderr, "")

    def test_one_argument_more(self) -> None:
        """As in the examples that the Python one gave; only "true" in the fourth place counts."""
        result = self.ask(self.nginx.url_at(HIDDEN), "80", "true")
        self.assert_time(result, time.time())
        self.assertEqual(result.stderr, "")

    def test_dates(self) -> None:
        urls = {name: self.onion(dated(date)) for name, (date, _) in DATES.items()}
        results = dict(zip(urls, in_parallel(self.ask, urls.values()), strict=True))
        for name, (date, expected) in DATES.items():
            with self.subTest(name):
                if expected == 0:
                    self.assert_time(results[name], parsedate_to_datetime(date).timestamp(), within=0)
                else:
                    self.assert_status(results[name], expected)

    def test_where_we_differ(self) -> None:
        """The third form of an HTTP date was too short; old answers of caches were taken; redirects were followed."""
        self.assert_time(self.ask(self.onion(dated("Mon Nov 23 00:00:00 2026"))), 1795392000, within=0)
        self.assert_status(self.ask(self.onion(plain("200 OK", "Age: 3600"))), 6)
        elsewhere = self.onion(dated(TODAY))
        moved = plain("301 Moved Permanently", f"Location: {elsewhere}")
        self.assert_time(self.ask(self.onion(moved)), time.time())

    def test_no_answer(self) -> None:
        stranger = self.world.run(HostileServer(HONEST, self.world.certificate))  # for other names
        for url in (
            f"https://{HIDDEN}:{dead_port()}/",
            "https://nowhere.sdwdate-lab.test/",
            f"https://{HIDDEN}:{stranger.port}/",
            "http://example.org/",
            "ntp://example.org/",
            "example.org",
            "",
        ):
            with self.subTest(url):
                result = self.ask(url)
                self.assert_status(result, 5)
                self.assertTrue(result.stderr.startswith("connect error: "), f"\n{result}")

    def test_no_proxy(self) -> None:
        url = self.nginx.url_at(HIDDEN)
        self.assert_status(self.ask(url, port=dead_port()), 5)
        self.assert_status(self.ask(url, port=self.nginx.port), 5)
        self.assert_status(run("url_to_unixtime", "proxy.example", "9050", url, "false"), 5)

    def test_arguments(self) -> None:
        url = self.nginx.url_at(HIDDEN)
        for arguments in ((), ("127.0.0.1",), ("127.0.0.1", "9050", url), ("127.0.0.1", "many", url, "true"),
                          ("127.0.0.1", "0", url, "true"), ("127.0.0.1", "65536", url, "true")):  # fmt: skip
            with self.subTest(arguments):
                self.assert_status(run("url_to_unixtime", *arguments), 7)

    def test_help_and_version(self) -> None:
        for option in ("--help", "--version"):
            result = run("url_to_unixtime", option)
            self.assert_exit(result, 0)
            self.assertTrue(result.stdout.strip(), f"\n{result}")


if __name__ == "__main__":
    unittest.main()
