"""Dates that are not the time of the answer: lighttpd's late tick, and caches in front of a server that is right."""

import contextlib
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    Apache, Caddy, CachingServer, HaproxyCache, HaproxyInFront, LabTest, LighttpdLateBy, Nginx, NginxCache,
    NginxCacheOldDate, PlainNginx, Pool, Result, SampleRecorder, Sdwdated, Settings, Source, Squid, TrafficServer,
    Varnish, fill, query, run, trusting_connection, wait_until,
)  # fmt: skip
from lab.late_tickers import LateServer, constant

#: How late the second of lighttpd's clock is.
LATE = 0.4


class LateLighttpd(LighttpdLateBy):
    LATE = LATE


class Visitor:
    """Somebody who asks a server all the time, as visitors do.

    lighttpd reads the wall clock when it wakes up for the first time in a second of its monotonic clock. One that
    nobody visits wakes up for us alone, and its Date may be less late or right by chance. The longer
    the pauses between visits, the more its lateness varies, up to contradicting itself.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._visit)

    def _visit(self) -> None:
        connection = trusting_connection(self._port)
        with contextlib.suppress(OSError):  # in the end the server may be gone first
            while not self._leaving.wait(0.01):
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


class LateDatesAndCaches(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        # So many that late ones would not agree so closely: the narrow claim is made, and who is late stands out.
        cls.honest = world.serve(*[Nginx, Apache, Caddy] * 3, Nginx)
        cls.origin = world.run(PlainNginx(world.folder("origin")))

    def cache(self, kind: type[CachingServer], origin: int | None = None) -> CachingServer:
        """A cache whose answer is three seconds old."""
        cache = self.world.run(kind(self.world.folder("cache"), self.world.certificate, origin or self.origin.port))
        fill(cache)
        time.sleep(3)
        return cache

    def ask(self, url: str, requests: int = 8) -> Result:
        return query(url, ca_file=self.ca_file, requests=requests, seconds=10)

    def error_of(self, url: str) -> str | None:
        error = self.ask(url).sources[0]["error"]
        return error and error["code"]

    def ask_among_honest(self, url: str, requests: int) -> dict:
        """What became of one source among three that are right."""
        urls = [server.url for server in self.honest]
        result = query(*urls, url, ca_file=self.ca_file, requests=requests, seconds=10)
        self.assert_exit(result, 0)
        self.assert_within(result.selection, 0.0)
        return result.sources[-1]

    def test_lighttpd_is_late(self) -> None:
        late = self.world.run(LateLighttpd(self.world.folder("late"), self.world.certificate))
        self.world.run(Visitor(late.port))

        def alone() -> dict | None:
            source = self.ask(late.url, 8).sources[0]
            if source["error"]:  # on a busy machine it may wake up so late that it contradicts itself, and nothing else
                self.assertEqual(source["error"]["code"], "inconsistent", source)
                return None
            return source

        source = wait_until(alone, 30, "lighttpd to be measured: alone, nothing is wrong with it")
        self.assertAlmostEqual(source["offset"], -LATE, delta=0.05)

    def test_a_late_tick_is_called_late(self) -> None:
        late = self.world.run(LateServer(constant(LATE), self.world.certificate))
        among = self.ask_among_honest(late.url, 8)
        self.assertEqual(among["outcome"], "falseticker")
        self.assertRegex(among["note"], r"its Date is [34]\d\d ms late")
        urls = [server.url for server in self.honest]
        shown = run("sdwdate", "query", "--ca-file", self.ca_file, *urls, late.url)
        self.assertRegex(shown.stdout, rf"{late.url}: its Date is \d+ ms late")

    def test_the_daemon_logs_who_is_late(self) -> None:
        late = self.world.run(LateServer(constant(LATE), self.world.certificate))
        pools = [Pool(f"pool {number}", [Source(server.url)]) for number, server in enumerate((*self.honest, late))]
        recorder = self.world.run(SampleRecorder(self.world.folder("recorder") / "web.sock"))
        exact = {"request": {"per_source": 8}}
        settings = Settings(pools, recorder.path, self.ca_file, self.world.folder("state"), more=exact)
        folder = self.world.folder("sdwdated")
        daemon = self.world.run(Sdwdated(folder, settings.write(folder / "sdwdate.toml")))
        (first,) = daemon.wait_rounds(1, timeout=25)[:1]
        self.assertTrue(first["fed"], first)
        notes = {source["url"]: source["note"] for source in first["sources"] if source["note"]}
        self.assertEqual(list(notes), [late.url], first)
        self.assertRegex(notes[late.url], r"its Date is [34]\d\d ms late")
        line = f"{late.url}: {notes[late.url]}."
        wait_until(lambda: line in daemon.log_file.read_text(), 2, f"the log to say {line}\n{daemon.log_tail()}")

    def test_caches_that_say_age_prove_little(self) -> None:
        """No more than from Date to Date + Age + 2 s: a three seconds old answer to a HEAD is stale, or nearly so."""
        behind = [kind(self.world.folder("behind"), self.origin.port) for kind in (Varnish, Squid)]
        self.world.start(*behind)
        caches = [self.cache(HaproxyInFront, plain.port) for plain in behind]
        for cache in (*caches, self.cache(HaproxyCache), self.cache(TrafficServer)):
            with self.subTest(cache.implementation):
                source = self.ask(cache.url).sources[0]
                if source["error"]:
                    self.assertEqual(source["error"]["code"], "stale")
                    continue
                self.assert_within(source, 0.0)
                self.assertGreater(source["upper"] - source["lower"], 1.5, source)

    def test_an_old_date_without_age_contradicts_itself(self) -> None:
        self.assertEqual(self.error_of(self.cache(NginxCacheOldDate).url), "inconsistent")

    def test_an_old_date_asked_once_is_a_falseticker(self) -> None:
        source = self.ask_among_honest(self.cache(NginxCacheOldDate).url, 1)
        self.assertEqual(source["outcome"], "falseticker")
        self.assertIn("behind", source["note"])

    def test_a_proxy_that_writes_its_own_date_is_a_source(self) -> None:
        source = self.ask_among_honest(self.cache(NginxCache).url, 4)
        self.assertEqual(source["outcome"], "truechimer")


if __name__ == "__main__":
    unittest.main()
