"""Somebody sets the system clock while servers are measured: what is reported fits the clock as it is at the end."""

import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import Apache, Caddy, LabTest, Nginx, Result, faketime_environment, in_parallel, run

# The first answer is there after a second, the last after two.
IN_THE_MIDDLE = 2


class ClockSetInMidRound(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.servers = world.serve(Nginx, Apache, Caddy)

    def query_while_set_to(self, off: float) -> Result:
        """A query whose clock is right at first, and this many seconds off from its middle on."""
        # Not by a file that is changed: sdwdate-probe could not read it.
        environment = faketime_environment(off) | {"FAKETIME_START_AFTER_SECONDS": str(IN_THE_MIDDLE)}
        started = time.monotonic()
        result = run(
            "sdwdate", "query", "--json", "--ca-file", self.ca_file, "--requests", "8",
            *(server.url for server in self.servers), environment=environment,
        )  # fmt: skip
        self.assertGreater(time.monotonic() - started, IN_THE_MIDDLE, result)
        return result

    def test_offsets_fit_the_clock_at_the_end(self) -> None:
        steps = (600.0, -600.0, 0.4, -0.4)
        for off, result in zip(steps, in_parallel(self.query_while_set_to, steps)):
            with self.subTest(off=off):
                self.assert_exit(result, 0)
                self.assertEqual(result.selection["truechimers"], 3, result)
                self.assert_within(result.selection, -off)
                for measured in result.sources:
                    self.assert_within(measured, -off)
                    self.assertLess(measured["upper"] - measured["lower"], 0.1, result)


if __name__ == "__main__":
    unittest.main()
