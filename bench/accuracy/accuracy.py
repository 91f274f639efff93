#!/usr/bin/python3
"""How far each way of reading time from headers is off, over paths of five lengths: ./dev bench accuracy [--quick].

All contenders ask the same real servers in one interleaved run. Every run is written to build/accuracy/runs.jsonl as it
ends; --resume goes on with what is there.
"""

import argparse
import datetime
import itertools
import json
import os
import platform
import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(REPOSITORY / "tests" / "support"))

import contenders  # noqa: E402
import report  # noqa: E402
from lab import DelayedPath, LabError, Nginx, World  # noqa: E402

#: Round trips in milliseconds. "lopsided": twice as long there as back.
ROUND_TRIPS = (0, 20, 50, 200, 800)
OTHER_OFFSETS = 4


def paths_of(quick: bool) -> dict[str, tuple[float, float]]:
    """Seconds there and back, by name."""
    chosen = (0, 50) if quick else ROUND_TRIPS
    paths = {f"{ms} ms": (ms / 2000, ms / 2000) for ms in chosen}
    lopsided = {f"{ms} ms, lopsided": (ms / 1500, ms / 3000) for ms in chosen if ms}
    return paths if quick else paths | lopsided


def all_contenders(htpdate: str | None, quick: bool) -> dict[str, contenders.Contender]:
    counts = (1, 4) if quick else (1, 4, 8, 10, 12)
    chosen: dict[str, contenders.Contender] = {f"{report.OURS}{n}": contenders.ours(n) for n in counts}
    if htpdate:
        chosen[report.HTPDATE] = contenders.htpdate(htpdate)
    if not quick:
        chosen[report.DANROC] = contenders.danroc
    return chosen | {report.PYTHON: contenders.sdwdate_python}


class Bench:
    def __init__(self, arguments: argparse.Namespace, world: World) -> None:
        self._world = world
        self._folder = world.folder("runs")
        self._paths = paths_of(arguments.quick)
        self._contenders = all_contenders(arguments.htpdate, arguments.quick)
        self._runs = arguments.runs
        self._log = arguments.output / "runs.jsonl"
        self._lock = threading.Lock()
        self._done: dict[tuple[str, str], int] = {}
        if arguments.resume and self._log.exists():
            for line in self._log.read_text().splitlines():
                run = json.loads(line)
                key = (run["path"], run["contender"])
                self._done[key] = self._done.get(key, 0) + 1
        else:
            self._log.write_text("")
        offsets = [0.0, *(round(random.uniform(-2.5, 2.5), 3) for _ in range(OTHER_OFFSETS))]
        servers = world.start(
            *(Nginx(world.folder("nginx"), world.certificate, clock_offset=offset) for offset in offsets)
        )
        #: For each path, the ways to each server: its true offset and a port.
        self._ways = {
            name: [
                (offset, world.run(DelayedPath(world.folder("way"), server.port, there * 1e3, back * 1e3)).port)
                for offset, server in zip(offsets, servers)
            ]
            for name, (there, back) in self._paths.items()
        }

    def run(self, at_once: int) -> None:
        # Half of the runs at an offset of exactly 0, where a disciplined clock is.
        jobs = [
            (path, name)
            for number, path, name in itertools.product(range(self._runs), self._paths, self._contenders)
            if number >= self._done.get((path, name), 0)
        ]
        total, ended = len(jobs), itertools.count(1)

        def one(job: tuple[str, str]) -> None:
            path, name = job
            ways = self._ways[path]
            truth, port = ways[0] if random.random() < 0.5 else random.choice(ways[1:])
            try:
                measured = self._contenders[name](port, self._world.ca.file, self._folder)
            except (LabError, OSError) as error:
                print(f"{path}: {name}: {error}", file=sys.stderr)
                return
            run = {"path": path, "contender": name, "truth": truth, "width": measured.width, **asdict(measured)}
            with self._lock:
                with self._log.open("a") as log:
                    log.write(json.dumps(run) + "\n")
                number = next(ended)
                if number % 20 == 0 or number == total:
                    print(f"{number} of {total} runs", file=sys.stderr, flush=True)

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(one, jobs))


def machine() -> str:
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, {release['PRETTY_NAME'].strip(chr(34))}"


def page(runs: list[dict], paths: dict[str, tuple[float, float]], at_once: int) -> str:
    text = (HERE / "page.md").read_text()
    return text.format(
        date=datetime.date.today().isoformat(), machine=machine(), at_once=at_once,
        aims=report.aims(runs, paths), table=report.table(runs, paths).rstrip(),
    ).rstrip() + "\n"  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, help="of each contender over each path (20)")
    parser.add_argument("--quick", action="store_true", help="two paths, few contenders, one run of each")
    parser.add_argument("--at-once", type=int, default=6, help="measurements at the same time; they mostly wait")
    parser.add_argument("--resume", action="store_true", help="go on with the runs that are there")
    parser.add_argument("--report", action="store_true", help="only make the report, from the runs that are there")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and docs/benchmarks.svg")
    parser.add_argument("--htpdate", default=os.environ.get("SDWDATE_HTPDATE"), help="its executable, with HTTPS")
    default = REPOSITORY / "build" / "accuracy"
    parser.add_argument("--output", type=Path, default=default, help="folder for what is made")
    arguments = parser.parse_args()
    arguments.runs = arguments.runs or (1 if arguments.quick else 20)
    arguments.output.mkdir(parents=True, exist_ok=True)
    if not arguments.htpdate:
        print("No htpdate given (--htpdate or SDWDATE_HTPDATE): it is left out. See bench/README.md.", file=sys.stderr)
    if not arguments.report:
        with World() as world:
            Bench(arguments, world).run(arguments.at_once)
    runs = [json.loads(line) for line in (arguments.output / "runs.jsonl").read_text().splitlines()]
    paths = paths_of(quick=False)
    target = REPOSITORY / "docs" if arguments.write else arguments.output
    (target / "benchmarks.md").write_text(page(runs, paths, arguments.at_once))
    (target / "benchmarks.svg").write_text(report.plot(runs))
    print(report.aims(runs, paths))
    print(f"\nThe whole report: {os.path.relpath(target / 'benchmarks.md')}, with benchmarks.svg beside it.")
    return 1 if report.outside(runs) else 0


if __name__ == "__main__":
    sys.exit(main())
