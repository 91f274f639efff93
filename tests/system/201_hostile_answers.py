"""Every odd or wrong answer is measured all the same or ends in its own error, in bounded time and memory."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    AGE_ZERO, HONEST, MEASURABLE, MEASURABLE_AT_FIRST, MEASURABLE_TWICE, REFUSED, Behaviour, HostileServer, LabTest,
    Result, dead_port, in_parallel, query, run,
)  # fmt: skip

PATIENCE = 4.0
# Starting, ending, and two loaded cores come on top.
GRACE = 2.0


class HostileAnswers(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        good = MEASURABLE | MEASURABLE_AT_FIRST | MEASURABLE_TWICE
        behaviours = good | {name: behaviour for name, (_, behaviour) in REFUSED.items()}
        cls.servers = {name: cls.serve(behaviour) for name, behaviour in behaviours.items()}
        cls.results = dict(zip(cls.servers, in_parallel(cls.ask, cls.servers.values()), strict=True))

    @classmethod
    def ask(cls, server: HostileServer) -> Result:
        return query(server.url, ca_file=cls.world.ca.file, seconds=PATIENCE)

    @classmethod
    def serve(cls, behaviour: Behaviour, **options: float) -> HostileServer:
        return cls.world.run(HostileServer(behaviour, cls.world.certificate, **options))

    def test_measurable(self) -> None:
        for name in MEASURABLE:
            with self.subTest(name):
                self.assert_measured(self.results[name])
                self.assertEqual(self.results[name].sources[0]["requests"], 3, self.results[name])
                self.assertEqual(len(self.servers[name].connections), 1, "one connection was enough")

    def test_a_cache_alone_says_too_little(self) -> None:
        """Age: 0 means that the answer was not made for us: it is true, but says less than a round wants of one."""
        result = self.ask(self.serve(AGE_ZERO))
        self.assert_exit(result, 1)
        source = result.sources[0]
        self.assertTrue(source["certain_lower"] < 0 < source["certain_upper"], result)
        self.assertGreater(source["upper"] - source["lower"], 1.0, result)

    def test_measurable_with_one_reconnection(self) -> None:
        for name in MEASURABLE_TWICE:
            with self.subTest(name):
                self.assert_measured(self.results[name])
                self.assertEqual(self.results[name].sources[0]["requests"], 2, self.results[name])
                self.assertEqual(len(self.servers[name].connections), 2)

    def test_what_was_heard_before_is_not_lost(self) -> None:
        for name in MEASURABLE_AT_FIRST:
            with self.subTest(name):
                self.assert_measured(self.results[name])
                self.assertEqual(self.results[name].sources[0]["requests"], 1, self.results[name])

    def test_refused(self) -> None:
        for name, (code, _) in REFUSED.items():
            with self.subTest(name):
                self.assert_failed(self.results[name], code, self.servers[name].url)

    def test_nothing_takes_longer_than_allowed(self) -> None:
        for name, result in self.results.items():
            with self.subTest(name):
                self.assertLess(result.seconds, PATIENCE + GRACE, f"\n{result}")

    def test_no_server_is_bothered_more_than_twice(self) -> None:
        for name, server in self.servers.items():
            with self.subTest(name):
                self.assertLessEqual(len(server.connections), 2)

    def test_floods_are_not_swallowed(self) -> None:
        """A flood ends with the limit on headers, not with the patience."""
        for name in ("a mebibyte of headers", "one header of a mebibyte", "headers without end"):
            with self.subTest(name):
                self.assertLess(self.results[name].sources[0]["bytes_received"], 256 << 10, self.results[name])
                self.assertLess(self.results[name].seconds, GRACE, self.results[name])

    def test_redirects_are_not_followed(self) -> None:
        for request in self.servers["redirect"].requests:
            self.assertNotIn(b"elsewhere", request)

    def test_refused_connection(self) -> None:
        url = f"https://127.0.0.1:{dead_port()}/"
        self.assert_failed(query(url, ca_file=self.ca_file), "connect", url)

    def test_unknown_name(self) -> None:
        url = "https://nowhere.invalid/"
        self.assert_failed(query(url, ca_file=self.ca_file), "dns", url)

    def test_shifted_clocks_are_measured(self) -> None:
        """Offsets between centuries that a source may claim; the certificate is valid at all of these times."""
        shifts = (-400 * 86400.0, -3600.0, -0.6, 0.25, 77.7, 3 * 365 * 86400.0)
        servers = [self.serve(HONEST, clock_offset=shift) for shift in shifts]
        results = in_parallel(lambda server: query(server.url, ca_file=self.ca_file), servers)
        for shift, result in zip(shifts, results, strict=True):
            with self.subTest(shift=shift):
                self.assert_measured(result, shift)

    def test_one_bad_source_changes_no_other(self) -> None:
        """All kinds of trouble in one query, beside honest servers: these agree all the same, if they are a majority."""
        bad = {self.servers[name].url: code for name, (code, _) in list(REFUSED.items())[::8]}
        honest = [self.serve(HONEST).url for _ in range(len(bad) + 1)]
        result = query(*honest, *bad, ca_file=self.ca_file, seconds=PATIENCE)
        outcomes = {source["url"]: source for source in result.sources}
        self.assert_exit(result, 0)
        self.assert_within(result.selection, 0.0)
        self.assertEqual({url for url, source in outcomes.items() if source["outcome"] == "truechimer"}, set(honest))
        for url, code in bad.items():
            self.assert_source_failed(outcomes[url], code, result)
        self.assertEqual(result.selection["failed"], len(bad))

    def test_words_for_people_name_each_source(self) -> None:
        names = ("no date", "1999", "speaks plaintext", "closes without answering")
        urls = [self.servers[name].url for name in names]
        result = run("sdwdate", "query", "--ca-file", self.ca_file, "--timeout", "3", *urls)
        self.assert_exit(result, 1)
        said = result.stdout + result.stderr
        for name, url in zip(names, urls, strict=True):
            with self.subTest(name):
                self.assertIn(url.removeprefix("https://").rstrip("/"), said)
                self.assertIn(self.results[name].sources[0]["error"]["message"], said)


if __name__ == "__main__":
    unittest.main()
