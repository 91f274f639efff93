"""Real caches in front of a right server, on paths of any length: the truth is inside, or the source is refused.

862_caches.py --all tries five times as many cases as `./dev test` does.
"""

import argparse
import itertools
import sys
import time
import unittest
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    BRIEF, Apache, ApacheCache, Caddy, DelayedPath, HaproxyCache, HaproxyInFront, LabTest, Nginx, NginxCache,
    NginxCacheOldDate, PlainNginx, Result, Squid, TrafficServer, Varnish, WebServer, fill, in_parallel, query,
)  # fmt: skip

#: Milliseconds there and back.
ROUND_TRIPS = (0, 200, 800)
MORE_ROUND_TRIPS = (0, 40, 200, 450, 800)
#: With 3 all requests lie within a second, on a short path; with 8 over more than one.
REQUESTS = (3, 8)
MORE_REQUESTS = (1, 2, 3, 4, 8, 12)
#: What came before: nothing, so that our own first HEAD may fill the cache; somebody's GET just now, or a while ago.
BEFORE = {"HEAD first": None, "GET just now": 0.0, "GET before": 2.4}

_all = False


@dataclass(frozen=True)
class Case:
    """One measurement through one cache."""

    cache: str
    brief: bool  # is the page kept for a second, or for a minute?
    before: str
    round_trip: int
    requests: int
    number: int = 0

    @property
    def path(self) -> str:
        """A page that nobody else asks for."""
        name = f"{self.before.replace(' ', '-')}-{self.round_trip}-{self.requests}-{self.number}"
        return f"{BRIEF}{name}" if self.brief else f"/{name}"

    @property
    def may_be_late(self) -> bool:
        """An old Date without Age, that changes each second: like a late ticker, it has only its certain bounds."""
        return self.cache == "nginx, old Date" and self.brief


class Caches(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        cls.honest = cls.world.serve(Nginx, Apache, Caddy)
        origin = cls.world.run(PlainNginx(cls.world.folder("origin"))).port
        certificate = cls.world.certificate

        def direct(kind: type) -> WebServer:
            return kind(cls.world.folder("cache"), certificate, origin)

        plain = [kind(cls.world.folder("plain"), origin) for kind in (Varnish, Squid)]
        cls.world.start(*plain)
        cls.caches = {
            "Varnish": HaproxyInFront(cls.world.folder("cache"), certificate, plain[0].port),
            "Squid": HaproxyInFront(cls.world.folder("cache"), certificate, plain[1].port),
            "HAProxy": direct(HaproxyCache),
            "Apache": direct(ApacheCache),
            "nginx": direct(NginxCache),
            "nginx, old Date": direct(NginxCacheOldDate),
            "Traffic Server": direct(TrafficServer),
        }
        cls.world.start(*cls.caches.values())
        cls.paths = {
            (name, round_trip): cls.world.run(
                DelayedPath(cls.world.folder("path"), cache.port, round_trip / 2, round_trip / 2)
            )
            for name, cache in cls.caches.items()
            for round_trip in (MORE_ROUND_TRIPS if _all else ROUND_TRIPS)
            if round_trip
        }

    def url(self, case: Case) -> str:
        way = self.paths.get((case.cache, case.round_trip), self.caches[case.cache])
        return f"https://127.0.0.1:{way.port}{case.path}"

    def ask(self, case: Case) -> Result:
        age = BEFORE[case.before]
        if age is not None:
            fill(self.caches[case.cache], case.path)
            time.sleep(age)
        return query(self.url(case), ca_file=self.ca_file, requests=case.requests, seconds=30)

    def wrong(self, case: Case) -> str | None:
        """What is false in what one measurement came to, if anything is."""
        (source,) = self.ask(case).sources
        if source["error"]:
            return None if source["error"]["code"] in ("stale", "inconsistent") else f"{case}: {source['error']}"
        pairs = [("certain_lower", "certain_upper")]
        if not case.may_be_late:
            pairs.append(("lower", "upper"))
        for lower, upper in pairs:
            if not source[lower] < 0 < source[upper]:
                return f"{case}: {lower} {source[lower]:+.3f}, {upper} {source[upper]:+.3f}, of {source['evidence']}"
        return None

    def cases(self) -> Iterator[Case]:
        round_trips, requests = (MORE_ROUND_TRIPS, MORE_REQUESTS) if _all else (ROUND_TRIPS, REQUESTS)
        for values in itertools.product(self.caches, (False, True), BEFORE, round_trips, requests):
            case = Case(*values)
            # One old Date, without a word that it is old: only other sources can tell (861).
            if case.cache != "nginx, old Date" or case.requests > 1:
                yield case

    def test_the_truth_is_inside_or_the_source_is_refused(self) -> None:
        # The longest first, so that the end is not a wait for one.
        cases = sorted(self.cases(), key=lambda case: -case.round_trip * case.requests)
        wrong = [words for words in in_parallel(self.wrong, cases, workers=64) if words]
        self.assertEqual(wrong, [], f"{len(wrong)} of {len(cases)} are false:\n" + "\n".join(wrong))

    def test_a_cache_that_says_age_0_is_no_clock_that_stands_still(self) -> None:
        """Our own first request fills Varnish; those after it get the same Date, with an Age of 0."""
        cases = [Case("Varnish", False, "HEAD first", 0, 8, number) for number in range(12)]
        wrong = [words for words in in_parallel(self.wrong, cases) if words]
        self.assertEqual(wrong, [])

    def test_three_of_six_behind_varnish_do_not_cost_the_round(self) -> None:
        right = [server.url for server in self.honest]

        def round_of(number: int) -> Result:
            behind = [f"{self.caches['Varnish'].url}round-{number}-{site}" for site in range(3)]
            return query(*right, *behind, ca_file=self.ca_file, requests=8, seconds=10)

        for result in in_parallel(round_of, range(20), workers=20):
            self.assert_exit(result, 0)
            self.assert_within(result.selection, 0.0)
            self.assertEqual(result.selection["falsetickers"], 0, f"\n{result}")


def _whether_all(arguments: Sequence[str]) -> list[str]:
    """Takes our one option; unittest gets the rest."""
    global _all
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--all", action="store_true")
    given, rest = parser.parse_known_args(arguments)
    _all = given.all
    return rest


if __name__ == "__main__":
    unittest.main(argv=_whether_all(sys.argv))
