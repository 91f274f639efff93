"""`sdwdate survey`: every address of whole pools, whoever fails, for people, programs and spreadsheets."""

import csv
import io
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import Pool, Result, RoundTest, Settings, Source, dead_port, run


class Survey(RoundTest):
    @classmethod
    def set_up_world(cls) -> None:
        cls.servers = [cls.serve() for _ in range(5)]
        cls.liar = cls.serve(100.0)
        cls.dead = f"https://127.0.0.1:{dead_port()}/"
        first, mirror, *others = (server.url for server in cls.servers)
        cls.pools = [
            Pool("ours", [Source(first, operator="One", mirrors=[mirror]), Source(cls.dead, operator="Two")]),
            Pool("theirs", [Source(url, operator=url[-6:]) for url in others] + [Source(cls.liar.url, operator="Liar")]),
        ]
        cls.urls = [first, mirror, cls.dead, *others, cls.liar.url]

    def settings(self, pools: list[Pool]) -> Path:
        settings = Settings(pools, self.recorder.path, self.ca_file, self.state, more={"request": {"per_source": 2}})
        return settings.write(self.world.folder("configuration") / "sdwdate.toml")

    def survey(self, *arguments: str | Path, **options) -> Result:
        return run("sdwdate", "survey", *arguments, **options)

    def direct(self, *arguments: str | Path) -> Result:
        return self.survey("--direct", "--ca-file", self.ca_file, "--requests", "2", *arguments)

    def pools_file(self, pools: list[Pool]) -> Path:
        """Nothing but pools, as those that come with the program."""
        text = self.settings(pools).read_text()
        path = self.world.folder("pools") / "pools.toml"
        path.write_text(text[text.index("[[pool]]") :])
        return path

    def assert_all_were_asked(self, result: Result) -> None:
        self.assert_exit(result, 0)
        self.assertEqual([source["url"] for source in result.sources], self.urls, "in the order of the file")
        outcomes = self.outcomes(result)
        self.assertEqual(outcomes.pop(self.dead), "failed")
        self.assertEqual(outcomes.pop(self.liar.url), "falseticker")
        self.assertEqual(set(outcomes.values()), {"truechimer"})
        self.assertEqual(result.sources[1]["operator"], "One")
        self.assertEqual(result.sources[-1]["pool"], "theirs")

    def test_all_configured_sources_with_their_mirrors(self) -> None:
        result = self.survey("--config", self.settings(self.pools), "--json")
        self.assert_all_were_asked(result)
        self.assertEqual(self.recorder.datagrams(), [], "chronyd is told nothing")
        self.assertEqual(list(self.state.iterdir()), [], "nothing is kept")

    def test_a_file_of_pools_one_source_at_a_time(self) -> None:
        self.assert_all_were_asked(self.direct("--json", "--at-once", "1", self.pools_file(self.pools)))

    def test_urls_next_to_files(self) -> None:
        file = self.pools_file(self.pools[:1])
        result = self.direct("--json", file, *(server.url for server in self.servers[2:]))
        self.assert_exit(result, 0)
        self.assertEqual(len(result.sources), 6)
        self.assertIsNone(result.sources[-1]["pool"])
        self.assertEqual(result.selection["truechimers"], 5)

    def test_a_table_for_people(self) -> None:
        result = self.direct(self.pools_file(self.pools))
        self.assert_exit(result, 0)
        self.assertIn("Pool 'ours': 2 agree, 0 disagree, 1 failed.", result.stdout)
        self.assertIn("Pool 'theirs': 3 agree, 1 disagree, 0 failed.", result.stdout)
        self.assertRegex(result.stdout, r"(?m)^One: 127\.0\.0\.1:\d+ .*agrees")
        self.assertRegex(result.stdout, r"(?m)^Liar: 127\.0\.0\.1:\d+ .*disagrees")
        self.assertIn("Agreed by 5 of 7 sources", result.stdout)
        self.assertIn("7 of 7 sources asked", result.stderr)
        self.assertNotIn("\x1b", result.stdout + result.stderr)

    def test_a_spreadsheet(self) -> None:
        quoted = [Pool('with "quotes", and a comma', [Source(server.url) for server in self.servers[:2]])]
        result = self.direct("--csv", self.pools_file([*quoted, *self.pools[1:]]), self.dead)
        self.assert_exit(result, 0)
        self.assertEqual(result.stderr, "")
        rows = list(csv.DictReader(io.StringIO(result.stdout)))
        self.assertEqual(rows[0]["pool"], quoted[0].name)
        self.assertEqual([row["outcome"] for row in rows], ["truechimer"] * 5 + ["falseticker", "failed"])
        self.assertLessEqual(float(rows[0]["lower"]), 0.001)
        self.assertEqual((rows[-1]["url"], rows[-1]["error"], rows[-1]["offset"]), (self.dead, "connect", ""))

    def test_no_majority(self) -> None:
        result = self.direct("--json", self.servers[0].url, self.liar.url)
        self.assert_exit(result, 1)
        self.assert_message(result)

    def test_what_cannot_be_surveyed_is_said(self) -> None:
        empty = self.world.folder("pools") / "empty.toml"
        empty.write_text("# nothing\n")
        for arguments, word in (
            ((empty,), "no [[pool]]"),
            ((empty.parent / "missing.toml",), "missing.toml"),
            (("https://",), "https://"),
            (("--at-once", "0", self.servers[0].url), "--at-once"),
            (("--csv", "--json", self.servers[0].url), "--json"),
        ):
            with self.subTest(arguments=arguments):
                result = self.direct(*arguments)
                self.assert_exit(result, 2)
                self.assert_message(result, word)
                self.assertEqual(result.stdout, "")


if __name__ == "__main__":
    unittest.main()
