"""Servers that refresh their Date up to a second late: whatever their number, what a round claims is true.

Late ones are not liars: their lower bounds stay true, and a round of nobody else still agrees.
"""

import random
import sys
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import LabTest, Result, in_parallel, query
from lab.late_tickers import LateServer, Shape, constant, half_second, own_timer, prompt, when_asked

#: What sites run: see the docstring of each, and docs/servers.md.
SHAPES: tuple[Callable[[], Shape], ...] = (constant, own_timer, half_second, when_asked)
ROUND_TRIPS = (0, 50, 300, 600)
SOURCES = 6


@dataclass(frozen=True)
class Round:
    """So many late sources of one kind among prompt ones, all on paths of one length."""

    shape: Callable[[], Shape]
    late: int
    round_trip: int

    def __str__(self) -> str:
        return f"{self.late} of {SOURCES} late ({self.shape.__name__}), {self.round_trip} ms"


class LateTickers(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        random.seed(871)
        cls.servers = {
            shape: cls.world.start(*(LateServer(shape(), cls.world.certificate) for _ in range(SOURCES)))
            for shape in (prompt, *SHAPES)
        }

    def urls(self, case: Round) -> list[str]:
        servers = [*self.servers[case.shape][: case.late], *self.servers[prompt][case.late :]]
        return [server.url_of(case.round_trip) for server in servers]

    def test_what_rounds_claim_is_true_however_many_are_late(self) -> None:
        cases = [
            Round(shape, late, round_trip)
            for shape in SHAPES
            for late in (0, 1, 3, SOURCES)
            for round_trip in ROUND_TRIPS
            if late or shape is constant
        ]

        def ask(case: Round) -> Result:
            return query(*self.urls(case), ca_file=self.ca_file, requests=8, seconds=30)

        for case, result in zip(cases, in_parallel(ask, cases, workers=24), strict=True):
            with self.subTest(str(case)):
                self.assert_exit(result, 0)
                self.assert_within(result.selection, 0.0)
                self.assertLess(result.selection["certain_lower"], 0, f"\n{result}")
                self.assertGreater(result.selection["certain_upper"], 0, f"\n{result}")
                if case.late == 0 and case.round_trip <= 50:
                    self.assertTrue(result.selection["narrow"], f"\n{result}")

    def test_the_certain_bounds_of_one_late_source_are_true(self) -> None:
        urls = [self.servers[shape][0].url_of(round_trip) for shape in SHAPES for round_trip in ROUND_TRIPS]

        def ask(url: str) -> Result:
            return query(url, ca_file=self.ca_file, requests=8, seconds=30)

        for result in in_parallel(ask, urls, workers=24):
            (source,) = result.sources
            self.assertIsNone(source["error"], f"\n{result}")
            self.assertLess(source["certain_lower"], 0, f"\n{result}")
            self.assertGreater(source["certain_upper"], 0, f"\n{result}")
            self.assert_within(result.selection, 0.0)

    def test_a_connection_that_keeps_its_first_date_is_a_clock_that_stands_still(self) -> None:
        """uvicorn: by the time of the last request its Date may be more than a second late, but it never changes."""
        servers = [LateServer(own_timer(1.009), self.world.certificate, keeps=True) for _ in range(3)]
        urls = [server.url_of(round_trip) for server in self.world.start(*servers) for round_trip in ROUND_TRIPS]
        for result in in_parallel(lambda url: query(url, ca_file=self.ca_file, requests=8, seconds=30), urls):
            self.assert_source_failed(result.sources[0], "inconsistent", result)


if __name__ == "__main__":
    unittest.main()
