"""Who agrees with whom: liars, pools, operators, replacements, floors. What is not agreed is not handed to chrony."""

import sys
import unittest
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import HostileServer, Result, RoundTest, Source, dead_port, in_parallel, query


class Agreement(RoundTest):
    @classmethod
    def set_up_world(cls) -> None:
        cls.honest = [cls.serve() for _ in range(6)]
        cls.conspirators = [cls.serve(100.0) for _ in range(3)]

    def ask(self, *servers: HostileServer) -> Result:
        return query(*(server.url for server in servers), ca_file=self.ca_file, requests=2)

    def test_query_finds_the_liars(self) -> None:
        liars = [self.serve(100.0), self.serve(-100.0)]
        result = self.ask(*self.honest[:3], *liars)
        self.assert_exit(result, 0)
        self.assert_within(result.selection, 0.0)
        outcomes = self.outcomes(result)
        self.assertEqual([outcomes[server.url] for server in self.honest[:3]], ["truechimer"] * 3)
        self.assertEqual([outcomes[server.url] for server in liars], ["falseticker"] * 2)
        self.assertEqual((result.selection["truechimers"], result.selection["falsetickers"]), (3, 2))

    def test_query_without_a_majority(self) -> None:
        cases = {
            "two that differ": (self.honest[0], self.conspirators[0]),
            "all differ": (self.honest[0], self.serve(50.0), self.serve(-50.0)),
            "half against half": (*self.honest[:2], *self.conspirators[:2]),
        }
        for name, servers in cases.items():
            with self.subTest(name):
                result = self.ask(*servers)
                self.assert_exit(result, 1)
                self.assertFalse(result.selection["agreed"], f"\n{result}")

    def test_query_needs_two_answers_of_several(self) -> None:
        result = query(self.honest[0].url, f"https://127.0.0.1:{dead_port()}/", ca_file=self.ca_file, requests=2)
        self.assert_exit(result, 1)
        self.assertEqual(result.selection["failed"], 1)

    def test_query_does_not_care_for_order(self) -> None:
        servers = [*self.honest[:3], *self.conspirators[:2]]
        for result in in_parallel(lambda order: self.ask(*order), (servers, servers[::-1])):
            self.assert_exit(result, 0)
            self.assert_within(result.selection, 0.0)

    def test_a_minority_of_liars_changes_nothing(self) -> None:
        result = self.sync(self.honest[:2], [self.honest[2], self.conspirators[0]], [self.honest[3], self.serve(-7.0)])
        self.assert_fed(result)
        self.assertEqual(result.selection["falsetickers"], 2)
        self.assertEqual(result.selection["pools_agreeing"], 3)

    def test_majority_lies_each_its_own_lie(self) -> None:
        liars = [self.serve(shift) for shift in (30.0, -30.0, 60.0)]
        self.assert_not_fed(self.sync([self.honest[0], liars[0]], [self.honest[1], liars[1]], [liars[2]]), 1)

    def test_a_conspiracy_within_one_pool_is_not_enough(self) -> None:
        """Three of five agree on a lie, but they are all of one pool."""
        pools = (self.conspirators, self.honest[:1], self.honest[1:2])
        self.assert_not_fed(self.sync(*pools, selection={"sources_per_pool": 3}), 1)

    def test_one_operator_has_one_vote(self) -> None:
        sources = [Source(server.url, "one and the same") for server in self.honest[:4]]
        self.assert_not_fed(self.sync(sources[:2], sources[2:]), 1)

    def test_two_operators_are_too_few(self) -> None:
        self.assert_not_fed(self.sync(self.honest[:1], self.honest[1:2]), 1)

    def test_bounds_too_wide(self) -> None:
        self.assert_not_fed(self.sync(*zip(self.honest[:3]), selection={"maximum_width": "1ms"}), 1)

    def test_failing_sources_are_replaced(self) -> None:
        """Two of a pool are drawn; as long as they fail, others are, until a majority of those asked has answered."""
        dead = [Source(f"https://127.0.0.1:{dead_port()}/") for _ in range(3)]
        pools = ([*dead, self.honest[0]], self.honest[1:3], self.honest[3:5])
        result = self.sync(*pools)
        self.assert_fed(result)
        self.assertEqual(result.selection["asked"], len(result.sources), f"\n{result}")
        self.assertGreater(2 * result.selection["truechimers"], result.selection["asked"], f"\n{result}")

    def test_those_who_answer_are_no_majority_of_those_asked(self) -> None:
        """Liars who see to it that nobody else is heard are as many as they were."""
        dead = [Source(f"https://127.0.0.1:{dead_port()}/") for _ in range(3)]
        pools = zip(self.conspirators, dead)
        result = self.sync(*pools)
        self.assert_not_fed(result, 1)
        self.assertEqual((result.selection["failed"], result.selection["asked"]), (3, 6), f"\n{result}")

    def test_a_pool_that_refuses_does_not_use_up_the_others(self) -> None:
        dead = [Source(f"https://127.0.0.1:{dead_port()}/") for _ in range(8)]
        other = Source(f"https://127.0.0.1:{dead_port()}/")
        pools = (dead, [other, *self.honest[:3]], self.honest[3:6])
        result = self.sync(*pools, request={"per_source": 8})
        self.assert_fed(result)
        refused = self.outcomes(result).keys() & {source.url for source in dead}
        self.assertLessEqual(len(refused), 2 + 2, f"\n{result}")

    def test_a_surprise_must_be_proven(self) -> None:
        """All servers are ten seconds ahead: more are asked than drawn, so many that a third of all is no majority."""
        ahead = [self.serve(10.0) for _ in range(12)]
        result = self.sync(ahead[:4], ahead[4:8], ahead[8:])
        self.assert_fed(result, 10.0)
        self.assertGreaterEqual(result.selection["asked"], 2 * (12 // 3), f"\n{result}")
        right = [self.serve() for _ in range(6)]
        result = self.sync([*self.honest[:2], *right[:2]], [*self.honest[2:4], *right[2:4]], [*self.honest[4:6], *right[4:]],
                           request={"per_source": 8})  # fmt: skip
        self.assertEqual(result.selection["asked"], 6, f"\n{result}")

    def sync_often(self, *pools: Sequence[Source | HostileServer], rounds: int) -> list[Result]:
        """Rounds as short as they can be, several at a time."""
        tables = {"selection": {"sources_per_pool": 1}, "request": {"per_source": 1}}
        return in_parallel(lambda _: self.sync(*pools, **tables), range(rounds), workers=4)

    def test_draws_differ(self) -> None:
        """Which sources are asked is chance: of 6, one is drawn; in 12 rounds it is not always the same one."""
        spare = [self.serve() for _ in range(6)]
        asked = self.sync_often(spare, self.honest[:1], self.honest[1:2], rounds=12)
        # The first three are the draw; one answer from each is too little to tell a small offset, so more are asked.
        drawn = [{source["url"] for source in result.sources[:3]} & {server.url for server in spare} for result in asked]
        self.assertEqual({len(each) for each in drawn}, {1}, "one each round")
        self.assertGreater(len(set.union(*map(set, drawn))), 1)

    def test_mirrors_take_turns(self) -> None:
        """A source's other addresses are asked instead of the first, by chance, and never beside it."""
        addresses = [server.url for server in self.honest[:3]]
        source = Source(addresses[0], "A", mirrors=addresses[1:])
        asked = self.sync_often([source], self.honest[3:4], self.honest[4:5], rounds=12)
        drawn = [self.outcomes(result).keys() & set(addresses) for result in asked]
        self.assertEqual({len(each) for each in drawn}, {1}, "one each round")
        self.assertGreater(len(set.union(*map(set, drawn))), 1)

    def test_one_implementation_of_several_is_late(self) -> None:
        """Three quarters of a second behind, like some lighttpd: found out, and harmless."""
        late = self.serve(-0.75)
        tables = {"request": {"per_source": 6, "timeout": "10s"}}
        result = self.sync(self.honest[:2], [self.honest[2], late], [self.honest[3]], **tables)
        self.assert_fed(result)
        self.assertEqual(self.outcomes(result)[late.url], "falseticker", f"\n{result}")


if __name__ == "__main__":
    unittest.main()
