"""The last gate before chrony: times that cannot be are refused, however many agree on them."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import RoundTest, in_the_year

DAY = 86400.0
YEAR = 365.25 * DAY


class Sanity(RoundTest):
    @classmethod
    def set_up_world(cls) -> None:
        cls.honest = [cls.serve() for _ in range(3)]

    def test_before_the_floor(self) -> None:
        """They all agree on a time before this program was built."""
        servers = [self.serve(-2 * YEAR) for _ in range(3)]
        self.assert_not_fed(self.sync(*zip(servers)), 4)

    def test_after_the_ceiling(self) -> None:
        servers = [self.serve(5 * YEAR) for _ in range(3)]
        self.assert_not_fed(self.sync(*zip(servers), sanity={"ceiling_years": 3}), 4)

    def test_most_answers_implausible(self) -> None:
        servers = [self.serve(behaviour=in_the_year(1990)) for _ in range(3)]
        self.assert_not_fed(self.sync(*zip(servers)), 4)

    def test_replay_floor(self) -> None:
        """What two rounds in a row have agreed on is the past: who says an earlier time afterwards is refused."""
        ahead = [self.serve(100 * DAY) for _ in range(3)]
        self.assert_fed(self.sync(*zip(ahead)), 100 * DAY)
        self.assert_exit(self.sync(*zip(ahead)), 0)
        before = len(self.recorder.datagrams())
        result = self.sync(*zip(self.honest))
        self.assert_exit(result, 4)
        self.assertEqual(len(self.recorder.datagrams()), before)

    def test_no_state_directory(self) -> None:
        """Without one there is no replay floor, and all else is as ever."""
        self.state = self.world.directory / "no such state"
        self.assert_fed(self.sync(*zip(self.honest)))
        self.assertFalse(self.state.exists())

    def test_burst(self) -> None:
        self.assert_fed(self.sync(*zip(self.honest), chrony={"socket": str(self.recorder.path), "burst": 2}))
        self.assertEqual(len(self.recorder.datagrams()), 2)


if __name__ == "__main__":
    unittest.main()
