"""Ways of 20 ms and more: how fast a round agrees over them, how sharp it is, and what one request per source gives."""

import math
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import Apache, Caddy, DelayedPath, LabTest, Nginx, Result, run


class LongWays(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.servers = world.serve(Nginx, Apache, Caddy)

    def ways(self, count: int, there: float, back: float) -> list[DelayedPath]:
        """So many paths to the three servers, each a source of its own."""
        return self.world.start(
            *(
                DelayedPath(self.world.folder("way"), self.servers[i % len(self.servers)].port, there, back)
                for i in range(count)
            )
        )

    def query(self, ways: list[DelayedPath], *options: str) -> Result:
        result = run(
            "sdwdate", "query", "--json", "--direct", "--ca-file", self.ca_file, *options, *(way.url for way in ways)
        )
        self.assert_exit(result, 0)
        for source in (*result.sources, result.selection):
            self.assert_within(source, 0.0)
        return result

    def test_six_sources_agree_soon(self) -> None:
        result = self.query(self.ways(6, 10, 10))
        self.assertEqual(result.selection["truechimers"], 6, result)
        self.assertLess(result.seconds, 6.5, result)  # 6 s and what a busy machine needs to start thirteen processes
        for source in result.sources:
            self.assertGreaterEqual(source["requests"], 5, result)
            # 20 ms of delay, 10 of lag, and what a fifteenth of a second leaves.
            self.assertLess(source["upper"] - source["lower"], 0.11, result)

    def test_the_estimate_is_far_better_than_the_bounds(self) -> None:
        result = self.query(self.ways(3, 100, 100), "--requests", "10")
        for source in result.sources:
            self.assertGreater(source["upper"] - source["lower"], 0.2, result)
            self.assertLess(abs(source["offset"]), 0.02, result)
            # What is claimed allows for a way of this length whose directions differ: that much aside, it is what it was.
            path = source["delay"] / 2 / math.sqrt(3)
            self.assertGreater(source["standard_error"], path, result)
            self.assertLess(math.sqrt(source["standard_error"] ** 2 - path**2), 0.02, result)

    def test_one_request_to_each_of_nine(self) -> None:
        result = self.query(self.ways(9, 10, 10), "--requests", "1")
        self.assertEqual([source["requests"] for source in result.sources], [1] * 9)
        for source in result.sources:
            self.assertGreater(source["upper"] - source["lower"], 1.0, result)
        # What all have in common is a ninth of a second, and so is the guess good; but they may be late, all of them.
        common = min(each["upper"] for each in result.sources) - max(each["lower"] for each in result.sources)
        self.assertLess(common, 0.18, result)
        self.assertGreater(common, 0.0, result)
        self.assertFalse(result.selection["narrow"], result)
        self.assertLess(abs(result.selection["offset"]), 0.1, result)

    def test_a_lopsided_way_does_not_make_bounds_false(self) -> None:
        for there, back in ((40, 0), (0, 40)):
            with self.subTest(there=there, back=back):
                self.query(self.ways(2, there, back), "--requests", "8")


if __name__ == "__main__":
    unittest.main()
