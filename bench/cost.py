#!/usr/bin/env python3
"""What a measurement costs: processor time and memory of `sdwdate query` for one source and for six, interleaved.

Six sources in one query share the command itself; the difference says what one more source costs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from lab import Nginx, World, executable

SOURCES = (1, 6)
SYSTEM_ANCHORS = Path("/etc/ssl/certs/ca-certificates.crt")


def measure(world: World, port: int, sources: int, requests: int, anchors: Path) -> tuple[float, float]:
    """Milliseconds of processor time, and MiB of the largest process."""
    cost = world.directory / "cost"
    urls = [f"https://127.0.0.1:{port}/{number}" for number in range(sources)]
    query = [executable("sdwdate"), "query", "--json", "--direct", "--requests", str(requests), *urls]
    environment = {**os.environ, "SSL_CERT_FILE": str(anchors)}
    # They are one operator, so that six do not agree any more than one.
    done = subprocess.run([executable("run_measured"), cost, *query], stdout=subprocess.PIPE, env=environment)
    if any(source["error"] for source in json.loads(done.stdout)["sources"]):
        raise SystemExit(f"cost: a source failed: {done.stdout.decode()}")
    seconds, largest, _ = map(float, cost.read_text().split())
    return seconds * 1000, largest / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=10, metavar="N", help="measurements of each kind (10)")
    parser.add_argument("--requests", type=int, default=8, metavar="N", help="requests for each source (8)")
    options = parser.parse_args()
    with World() as world:
        # As on a user's machine: all the system's trust anchors, and the lab's.
        anchors = world.directory / "anchors.pem"
        anchors.write_text(SYSTEM_ANCHORS.read_text() + world.ca.file.read_text())
        server = world.run(Nginx(world.folder("nginx"), world.certificate))
        found = {count: [] for count in SOURCES}
        for _ in range(options.times):
            for count in SOURCES:
                found[count].append(measure(world, server.port, count, options.requests, anchors))
    one, six = (statistics.median(milliseconds for milliseconds, _ in found[count]) for count in SOURCES)
    print(f"one source alone:      {one:.1f} ms of processor time, command included")
    print(f"each of six sources:   {six / 6:.1f} ms, command included")
    print(f"one more source:       {(six - one) / 5:.1f} ms")
    print(f"largest process:       {max(peak for runs in found.values() for _, peak in runs):.1f} MiB")


if __name__ == "__main__":
    main()
