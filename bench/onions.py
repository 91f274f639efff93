#!/usr/bin/env python3
"""How well onion services tell the time, with delays as users of Tor have them.

A private Tor network of real Tors, each of whose links is delayed; nine onion services with real nginx behind them,
whose clock is this machine's, so that the truth is an offset of zero. Ours with 3, 6 and 9 sources and the Python
sdwdate's formula, interleaved, each time over new circuits; a new Tor client for each turn.
"""

import argparse
import math
import random
import signal
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from lab import Daemon, LabError, PlainNginx, Pool, SampleRecorder, Settings, Source, World, accepts, free_port, run
from lab.tor import TorClient, TorNetwork

PROXY = Path(__file__).resolve().parents[1] / "tests" / "support" / "delaying_proxy.py"
#: Pools, as the default has them.
POOLS = 3
SOURCES = (3, 6, 9)


class DelayingProxy(Daemon):
    def __init__(self, directory: Path, milliseconds: float, seed: int) -> None:
        super().__init__("delaying proxy", directory)
        self.port = free_port()
        self._arguments = [str(milliseconds), str(seed)]

    def command(self) -> list[str]:
        return [sys.executable, str(PROXY), str(self.port), *self._arguments]

    def is_ready(self) -> bool:
        return accepts(self.port)

    def begin(self) -> None:
        self._process.send_signal(signal.SIGUSR1)


class Bench:
    def __init__(self, world: World, milliseconds: float) -> None:
        self._world = world
        self._proxy = world.run(DelayingProxy(world.folder("proxy"), milliseconds, random.randrange(2**32)))
        servers = [world.run(PlainNginx(world.folder("nginx"))) for _ in range(max(SOURCES))]
        self._names = [f"onion-{number}" for number in range(max(SOURCES))]
        onions = {name: {80: server.port} for name, server in zip(self._names, servers, strict=True)}
        self._network = world.run(TorNetwork(world.folder("tor"), onions))
        self._recorder = world.run(SampleRecorder(world.folder("recorder") / "socket"))
        self._network.connect_through(self._proxy.port)
        self._proxy.begin()

    def client(self) -> TorClient:
        """One that has just begun to work."""
        client = self._network.add_client()
        client.wait_ready()
        return client

    def ours(self, client: TorClient, sources: int) -> dict[str, Any]:
        urls = [f"http://{self._network.onions[name]}/" for name in self._names[:sources]]
        pools = [
            Pool(f"pool {number}", [Source(url, operator=url) for url in urls[number::POOLS]]) for number in range(POOLS)
        ]
        configuration = Settings(
            pools=pools, chrony_socket=self._recorder.path, ca_file=Path("/etc/ssl/certs/ca-certificates.crt"),
            state_directory=self._world.folder("state"), transport="tor",
            more={
                "selection": {"sources_per_pool": sources // POOLS},
                "tor": {
                    "socks": client.socks, "control": f"unix:{client.control_path}", "cookie": str(client.cookie),
                },
                "request": {"timeout": "60s", "per_source": 8},
                "state": {"runtime": str(self._world.folder("run"))},
            },
        ).write(self._world.folder("configuration") / "tor.toml")  # fmt: skip
        result = run("sdwdate", "sync", "--json", "--config", configuration, timeout=200)
        report = result.json
        if not report["selection"]["agreed"]:
            raise LabError(f"no agreement\n{result}")
        delays = [source["delay"] for source in report["sources"] if source["delay"] is not None]
        return {**report["selection"], "duration": report["duration"], "delays": delays}

    def sdwdate_python(self, client: TorClient) -> float:
        """Its formula, of one answer of each of three servers: the middle one of whole seconds less whole seconds."""
        differences = []
        for name in random.sample(self._names, POOLS):
            time.sleep(random.random())
            result = run("url_to_unixtime", "127.0.0.1", str(client.socks_port), f"http://{self._network.onions[name]}/",
                         "80", timeout=100)  # fmt: skip
            if result.exit_code == 0:
                differences.append(int(result.stdout) - math.floor(time.time()))
        return statistics.median(differences)


def percentile95(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20, metavar="N", help="of each (20)")
    parser.add_argument("--delay", type=float, default=30, metavar="MS", help="median of each link, one way (30)")
    options = parser.parse_args()
    ours: dict[int, list[dict[str, Any]]] = defaultdict(list)
    theirs: list[float] = []
    first: list[float] = []
    failed = 0
    with World() as world:
        bench = Bench(world, options.delay)
        for number in range(options.runs):
            client = bench.client()
            order = random.sample(SOURCES, len(SOURCES))
            for sources in order:
                try:
                    ours[sources].append(bench.ours(client, sources))
                except LabError as error:
                    failed += 1
                    print(error, file=sys.stderr)
                    continue
                if sources == order[0]:
                    first.append(ours[sources][-1]["duration"])
            theirs.append(abs(bench.sdwdate_python(client)))
            client.stop()
            print(f"{number + 1} of {options.runs}", file=sys.stderr, flush=True)
    delays = [delay for runs in ours.values() for one in runs for delay in one["delays"]]
    print(f"Fastest exchange of a source: median {statistics.median(delays) * 1e3:.0f} ms, "
          f"95 % {percentile95(delays) * 1e3:.0f} ms. Rounds that failed: {failed}.\n")  # fmt: skip
    print("| sources | runs | error: median | 95 % | largest | bounds: median | largest | truth outside | round takes: "
          "median | 95 % |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")  # fmt: skip
    for sources in SOURCES:
        runs = ours[sources]
        errors = [abs(one["offset"]) for one in runs]
        reach = [(one["upper"] - one["lower"]) / 2 for one in runs]
        outside = sum(not one["lower"] <= 0 <= one["upper"] for one in runs)
        times = [one["duration"] for one in runs]
        print(f"| {sources} | {len(runs)} | {statistics.median(errors) * 1e3:.0f} ms | {percentile95(errors) * 1e3:.0f} ms "
              f"| {max(errors) * 1e3:.0f} ms | ±{statistics.median(reach) * 1e3:.0f} ms | ±{max(reach) * 1e3:.0f} ms "
              f"| {outside} | {statistics.median(times):.1f} s | {percentile95(times):.1f} s |")  # fmt: skip
    print(f"\nPython sdwdate's formula, {len(theirs)} runs: median {statistics.median(theirs):.1f} s, "
          f"largest {max(theirs):.1f} s; mean {statistics.mean(theirs):.2f} s.")  # fmt: skip
    print(f"From a Tor that has just begun to work to an agreed offset: median {statistics.median(first):.1f} s, "
          f"largest {max(first):.1f} s.")  # fmt: skip


if __name__ == "__main__":
    main()
