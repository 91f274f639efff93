"""A round ends when its verdict is clear: who hangs or trickles costs seconds, directly and over a proxy as over Tor."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import REFUSED, HostileServer, Microsocks, Result, RoundTest, Source

#: What one that is not waited for may cost: the grace, and what a busy machine needs.
MOST = 4.0


class HangingSources(RoundTest):
    @classmethod
    def set_up_world(cls) -> None:
        cls.honest = [cls.serve() for _ in range(6)]
        cls.bad = {name: cls.serve(behaviour=REFUSED[name][1]) for name in ("never answers", "trickle without end")}
        cls.bad["never speaks TLS"] = cls.serve(behaviour=REFUSED["never speaks TLS"][1])
        cls.proxy = cls.world.run(Microsocks(cls.world.folder("proxy")))

    def round(self, *, over_proxy: bool, last: HostileServer) -> Result:
        servers = [*self.honest[:5], last]
        # As long as by default: 30 s directly, 120 s over a proxy.
        tables: dict = {"request": {"per_source": 8, "timeout": "120s" if over_proxy else "30s"}}
        if over_proxy:
            tables["tor"] = {"socks": f"127.0.0.1:{self.proxy.port}", "control": ""}
        pools = [[Source(server.url) for server in servers[i : i + 2]] for i in (0, 2, 4)]
        result = self.sync(*pools, transport="tor" if over_proxy else "direct", **tables)
        self.assert_fed(result)
        return result

    def check(self, *, over_proxy: bool) -> None:
        without = self.round(over_proxy=over_proxy, last=self.honest[5])
        for name, server in self.bad.items():
            with self.subTest(name):
                result = self.round(over_proxy=over_proxy, last=server)
                self.assertLess(result.seconds, without.seconds + MOST, f"\n{result}")
                (source,) = [source for source in result.sources if source["url"] == server.url]
                self.assert_source_failed(source, "timeout", result)
                self.assertIn("not waited for: the others had agreed", source["error"]["message"])

    def test_directly(self) -> None:
        self.check(over_proxy=False)

    def test_over_a_proxy(self) -> None:
        self.check(over_proxy=True)


if __name__ == "__main__":
    unittest.main()
