"""lighttpd, whose Date is refreshed late by a fixed time, among honest servers: found out, called late, harmless."""

import http.client
import re
import ssl
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    Apache, Caddy, Lighttpd, Nginx, Pool, Result, RoundTest, Sdwdated, Settings, Source, query, run, wait_until,
)  # fmt: skip

LATE_BY = 0.4
LATE = re.compile(r"late by about (\d+) ms: its Date seems to be refreshed late")


class Visitor:
    """Somebody who asks a server all the time, as visitors do.

    lighttpd reads the wall clock when it wakes up for the first time in a second of its monotonic clock. One that
    nobody visits wakes up for us alone, and its Date may be right by chance.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._visit)

    def _visit(self) -> None:
        trusting = ssl._create_unverified_context()  # noqa: S323 - reads nothing of the answers
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=5, context=trusting)
        while not self._leaving.wait(0.05):
            connection.request("HEAD", "/")
            connection.getresponse().read()
        connection.close()

    def start(self) -> None:
        self._thread.start()

    def wait_ready(self) -> None:
        """The first visit need not be over."""

    def ask_to_stop(self) -> None:
        self._leaving.set()

    def stop(self) -> None:
        self.ask_to_stop()
        self._thread.join()


class LateTicker(RoundTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.honest = [kind(world.folder(kind.implementation), world.certificate) for kind in (Nginx, Apache, Caddy)]
        cls.late = Lighttpd(world.folder("lighttpd"), world.certificate, late_by=LATE_BY)
        world.start(*cls.honest, cls.late)
        world.run(Visitor(cls.late.port))

    def urls(self) -> list[str]:
        return [server.url for server in (*self.honest, self.late)]

    def configuration(self) -> Path:
        pools = [Pool(f"pool {number}", [Source(url)]) for number, url in enumerate(self.urls())]
        settings = Settings(pools, self.recorder.path, self.ca_file, self.state, more={"request": {"per_source": 6}})
        return settings.write(self.world.folder("configuration") / "sdwdate.toml")

    def assert_called_late(self, text: str) -> None:
        found = LATE.search(text)
        self.assertIsNotNone(found, text)
        self.assertAlmostEqual(int(found[1]) / 1000, LATE_BY, delta=0.05)

    def check(self, result: Result) -> None:
        """The late one is behind by as much as it is late; its bounds are narrow, and nothing contradicts them."""
        self.assert_exit(result, 0)
        self.assert_within(result.selection, 0.0)
        by_url = {source["url"]: source for source in result.sources}
        for server in self.honest:
            self.assertEqual(by_url[server.url]["outcome"], "truechimer", f"\n{result}")
            self.assertIsNone(by_url[server.url]["note"], f"\n{result}")
        late = by_url[self.late.url]
        self.assertEqual(late["outcome"], "falseticker", f"\n{result}")
        self.assert_within(late, -LATE_BY)
        self.assertLess(late["upper"] - late["lower"], 0.2, f"\n{result}")
        self.assert_called_late(late["note"])
        self.assert_sentence(late["note"])

    def test_query_and_sync_as_json(self) -> None:
        self.check(query(*self.urls(), ca_file=self.ca_file, requests=6, seconds=15))
        synced = run("sdwdate", "sync", "--config", self.configuration(), "--json")
        self.check(synced)
        self.assert_fed(synced)

    def test_people_read_that_it_is_late(self) -> None:
        asked = run("sdwdate", "query", "--ca-file", self.ca_file, "--requests", "6", *self.urls())
        for result in (asked, run("sdwdate", "sync", "--config", self.configuration())):
            self.assert_exit(result, 0)
            rows = [line for line in result.stdout.splitlines() if line.startswith(f"{self.late.url} ")]
            self.assertEqual([row.split()[-1] for row in rows], ["late"], f"\n{result}")
            self.assertIn(f"\n{self.late.url}: late by", result.stdout)
            self.assert_called_late(result.stdout)

    def test_the_daemon_says_it_in_its_log(self) -> None:
        daemon = self.world.run(Sdwdated(self.world.folder("sdwdated"), self.configuration()))
        (first,) = daemon.wait_rounds(1, timeout=25)[:1]
        self.assertTrue(first["fed"], first)
        notes = {source["url"]: source["note"] for source in first["sources"] if source["note"]}
        self.assertEqual(list(notes), [self.late.url], first)
        line = f"{self.late.url}: {notes[self.late.url]}."
        wait_until(lambda: line in daemon.log_file.read_text(), 2, f"the log to say {line}\n{daemon.log_tail()}")
        self.assert_called_late(notes[self.late.url])


if __name__ == "__main__":
    unittest.main()
