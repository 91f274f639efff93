"""The main job with real parts: five servers, one of them ten minutes wrong, and a chronyd that selects us."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import Apache, Caddy, Chronyd, LabTest, LighttpdLateBy, Nginx, Pool, Settings, Source, run

TEN_MINUTES = 600.0


class FiveServers(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.nginx, cls.apache, cls.lighttpd, cls.caddy, cls.slow = cls.servers = (
            *world.serve(Nginx, Apache, LighttpdLateBy, Caddy),
            world.run(Nginx(world.folder("slow"), world.certificate, clock_offset=-TEN_MINUTES)),
        )
        cls.chronyd = world.run(Chronyd(world.folder("chrony")))
        cls.configuration = Settings(
            pools=[
                Pool("one", [Source(cls.nginx.url, "Nginx"), Source(cls.lighttpd.url, "Lighttpd")]),
                Pool("two", [Source(cls.apache.url, "Apache"), Source(cls.slow.url, "Slow")]),
                Pool("three", [Source(cls.caddy.url, "Caddy")]),
            ],
            chrony_socket=cls.chronyd.socket,
            ca_file=world.ca.file,
            state_directory=world.folder("state"),
        ).write(world.directory / "sdwdate.toml")

    def test_chronyd_selects_our_source(self) -> None:
        results = []
        while not self.chronyd.is_selected() and len(results) < 8:
            results.append(run("sdwdate", "sync", "--config", self.configuration, "--json"))
            self.check_round(results[-1])
        self.assertTrue(self.chronyd.is_selected(), f"{self.chronyd.chronyc('sources')}\n{results[-1]}")
        self.check_chronyd(results)

    def check_round(self, result) -> None:
        """Everything a round says must be right."""
        self.assert_exit(result, 0)
        self.assertEqual(result.json["schema"], 1)
        self.assertTrue(result.json["fed"])
        by_url = {source["url"]: source for source in result.sources}
        self.assertEqual(set(by_url), {server.url for server in self.servers})
        for server in (self.nginx, self.apache, self.caddy):
            source = by_url[server.url]
            self.assertEqual(source["outcome"], "truechimer", result)
            self.assert_within(source, 0.0)
            self.assertLess(source["upper"] - source["lower"], 0.5, result)
        self.assertEqual(by_url[self.slow.url]["outcome"], "falseticker", result)
        self.assert_within(by_url[self.slow.url], -TEN_MINUTES)
        self.assert_within(result.selection, 0.0)
        self.assertLess(abs(result.selection["offset"]), 0.25, result)
        # Four with so few requests each cannot tell whether they are all late: a second more is allowed for that.
        self.assertLess(result.selection["certain_upper"] - result.selection["certain_lower"], 1.5, result)
        self.assertTrue(result.selection["agreed"])
        self.assertGreaterEqual(result.selection["truechimers"], 3)
        self.assertEqual(result.selection["failed"], 0)
        self.assertLess(result.seconds, 10)

    def check_chronyd(self, results) -> None:
        """chronyd got what was agreed, and only over its socket."""
        lower = min(result.selection["lower"] for result in results)
        upper = max(result.selection["upper"] for result in results)
        offsets = self.chronyd.raw_offsets()
        self.assertGreaterEqual(len(offsets), 3)
        for offset in offsets:
            self.assertGreater(offset, lower)
            self.assertLess(offset, upper)
        self.assertEqual(self.chronyd.tracking()[1], "WEB")
        self.assertFalse(self.chronyd.has_network())

    def test_each_kind_of_server_can_be_asked_alone(self) -> None:
        for server in (self.nginx, self.apache, self.caddy):
            with self.subTest(server.name):
                result = run("sdwdate", "query", "--json", "--ca-file", self.ca_file, "--requests", "2", server.url)
                self.assert_measured(result)


if __name__ == "__main__":
    unittest.main()
