#!/usr/bin/python3
"""How far each way of reading time from headers is off, over paths of five lengths: ./dev bench accuracy [--quick].

All contenders ask the same real servers in one interleaved run. Every run is written to build/accuracy/runs.jsonl as it
ends; --resume goes on with what is there, --report shows what it comes to so far.
"""

import argparse
import datetime
import fnmatch
import json
import os
import platform
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(REPOSITORY / "tests" / "support"))

import contenders  # noqa: E402
import paths  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
from lab import CoarseNginx, DelayedPath, Interrupted, LabError, Nginx, World, wait_until  # noqa: E402

WRONG_SERVERS = 10  # at most; each has a relay for each path
COARSE_SERVERS = 8  # at most, for each number of ticks; each has another part of a tick for its lateness
MOST_WRONG = 2.5  # seconds
#: A local clock that strays by more than this during a run is itself the error.
MOST_STRAY = 0.001


def all_contenders(htpdate: str | None, quick: bool) -> dict[str, contenders.Contender]:
    counts = (1, 10) if quick else (1, 4, 8, 10, 12)
    chosen: dict[str, contenders.Contender] = {f"{report.OURS}{n}": contenders.ours(n) for n in counts}
    chosen[report.KNOWING] = contenders.ours_knowing_lag(10)
    if htpdate:
        chosen[report.HTPDATE] = contenders.htpdate(htpdate)
    return chosen | {
        report.HTTPSDATE: contenders.httpsdate(10), report.HTTPSDATE_ITS_OWN: contenders.httpsdate(5),
        report.DANROC: contenders.danroc, report.PYTHON: contenders.sdwdate_python,
    }  # fmt: skip


def is_compared(path: paths.Path, contender: str) -> bool:
    """Coarse clocks are about bounds; and what a known lag is good for, does not hang on the ways' lengths."""
    if path.ticks:
        return contender in (report.AT_TEN, report.KNOWING, report.HTTPSDATE)
    return contender != report.KNOWING or path.kind != paths.LOPSIDED


def selected(patterns: list[str] | None, contender: str, path: paths.Path) -> bool:
    return patterns is None or any(fnmatch.fnmatchcase(f"{path.name}/{contender}", pattern) for pattern in patterns)


@dataclass
class Way:
    """One path to one server. One run at a time has it, so that what it carried is that run's."""

    server: Nginx
    lag: float
    relay: DelayedPath
    taken: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Job:
    number: int
    contender: str
    path: paths.Path
    way: Way


class Bench:
    def __init__(self, arguments: argparse.Namespace, world: World, log: Path) -> None:
        self._world = world
        self._folder = world.folder("runs")
        self._contenders = all_contenders(arguments.htpdate, arguments.quick)
        self._cells = {
            (path, contender)
            for path in (paths.FEW if arguments.quick else paths.ALL) for contender in self._contenders
            if is_compared(path, contender) and selected(arguments.only, contender, path)
        }  # fmt: skip
        if not self._cells:
            raise SystemExit(f"No cell is called {' or '.join(arguments.only)}: PATH/CONTENDER, as in the report.")
        self._paths = [path for path in paths.ALL if any(path == cell for cell, _ in self._cells)]
        self._runs = arguments.runs
        self._log = log
        self._lock = threading.Lock()
        chance = random.Random(arguments.seed)
        #: For each path, the ways to its servers.
        self._ways: dict[paths.Path, list[Way]] = {}
        for ticks in sorted({path.ticks for path in self._paths}):
            servers = world.start(*self._servers(ticks, chance))
            lags = [self._lag_of(server) for server in servers]
            for path in self._paths:
                if path.ticks == ticks:
                    self._ways[path] = [self._way(path, *which, chance) for which in zip(servers, lags, strict=True)]

    def _servers(self, ticks: int, chance: random.Random) -> list[Nginx]:
        """One that is right, and wrong ones; where they tick, with all kinds of lateness, and all wrong."""

        def offset() -> float:
            return round(chance.uniform(-MOST_WRONG, MOST_WRONG), 6)

        folder, certificate = self._world.folder, self._world.certificate
        if not ticks:
            count = max(1, min(self._runs // 2, WRONG_SERVERS))
            offsets = [0.0, *(offset() for _ in range(count))]
            return [Nginx(folder("nginx"), certificate, clock_offset=offset) for offset in offsets]
        count = min(self._runs, COARSE_SERVERS)
        return [
            CoarseNginx(
                folder("coarse"), certificate, ticks=ticks, late=(place + 0.5) / count / ticks, clock_offset=offset()
            )
            for place in range(count)
        ]

    def _lag_of(self, server: Nginx) -> float:
        """Measured, for those who are told; one server after another, undisturbed."""
        ticks = server.ticks if isinstance(server, CoarseNginx) else 0
        if not any(contender == report.KNOWING and path.ticks == ticks for path, contender in self._cells):
            return 0.0
        direct = contenders.Server(server.port, self._world.ca.file, 0.0)
        return contenders.measured_lag(direct, server.clock_offset)

    def _way(self, path: paths.Path, server: Nginx, lag: float, chance: random.Random) -> Way:
        relay = DelayedPath(
            self._world.folder("way"), server.port, path.there, path.back,
            jitter=path.jitter, seed=chance.getrandbits(32),
        )  # fmt: skip
        return Way(server, lag, self._world.run(relay))

    def _jobs(self) -> Iterator[Job]:
        """What is still to do. Neighbours differ in path, server or both, so that they seldom meet."""
        done = Counter((run["path"], run["contender"]) for run in report.read(self._log))
        for number in range(self._runs):
            for place, contender in enumerate(self._contenders):
                for row, path in enumerate(self._paths):
                    if (path, contender) not in self._cells or number < done[(path.name, contender)]:
                        continue
                    yield Job(number, contender, path, self._which(path, number, place, row))

    def _which(self, path: paths.Path, number: int, place: int, row: int) -> Way:
        if path.ticks:
            ways = self._ways[path]
            return ways[(number + place) % len(ways)]
        # Half of the runs at an offset of exactly 0, where a disciplined clock is; and of the others the same for every
        # contender.
        right, *wrong = self._ways[path]
        return right if (number + place + row) % 2 == 0 else wrong[(number // 2 + place) % len(wrong)]

    def run(self, at_once: int) -> None:
        jobs = list(self._jobs())
        began = time.monotonic()
        ended = 0

        def one(job: Job) -> None:
            nonlocal ended
            with job.way.taken:
                run = self._measure(job)
            with self._lock:
                with self._log.open("a") as log:
                    log.write(json.dumps(run) + "\n")
                ended += 1
                if ended % 20 == 0 or ended == len(jobs):
                    left = (time.monotonic() - began) / ended * (len(jobs) - ended) / 60
                    print(f"{ended} of {len(jobs)} runs, {left:.0f} min left", file=sys.stderr, flush=True)

        with ThreadPoolExecutor(at_once) as pool:
            for _ in pool.map(one, jobs):
                pass

    def _measure(self, job: Job) -> dict[str, Any]:
        """What one run came to; one that gave nothing has an "error" instead of an offset."""
        run = {"path": job.path.name, "contender": job.contender, "truth": job.way.server.clock_offset}
        relay = job.way.relay
        server = contenders.Server(relay.port, self._world.ca.file, job.way.lag)
        before, clocks = len(relay.carried()), _realtime_less_raw()
        try:
            measured = self._contenders[job.contender](server, self._folder)
            wait_until(lambda: len(relay.carried()) > before, 10, "the connection to end")
        except (LabError, OSError) as error:
            print(f"{job.path.name}: {job.contender}: {error}", file=sys.stderr)
            return run | {"error": str(error)}
        stray = abs(_realtime_less_raw() - clocks)
        if stray > MOST_STRAY:
            return run | {"error": f"the local clock was moved by {stray:.6f} s meanwhile"}
        return run | asdict(measured) | {"bytes": sum(relay.carried()[before:]), "stray": stray}


def _realtime_less_raw() -> float:
    return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_MONOTONIC_RAW)


def machine() -> str:
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, {release['PRETTY_NAME'].strip(chr(34))}"


def page(runs: list[report.Run], at_once: int) -> str:
    cells = report.cells(runs)
    text = (HERE / "page.md").read_text()
    return text.format(
        date=datetime.date.today().isoformat(), machine=machine(), at_once=at_once,
        stray=report.milliseconds(max((run["stray"] for run in runs if "stray" in run), default=0.0)),
        aims=report.aims(cells), judged=report.judged(cells), ratios=report.ratios(cells), table=report.table(cells),
        rivals=report.rivals(cells), widths=report.widths(cells), simulated=report.simulated(),
        by_requests=report.by_requests(), runs=report.SIMULATIONS.rivals, optimum_runs=report.SIMULATIONS.optimum,
    ).rstrip() + "\n"  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, help="of each contender over each path (20)")
    parser.add_argument("--quick", action="store_true", help="three paths, few contenders, one run of each")
    only = "only such cells, as '*jittery/HTTPSDate, *' or '*Hz/*'; may be given several times"
    parser.add_argument("--only", action="append", metavar="PATH/CONTENDER", help=only)
    parser.add_argument("--at-once", type=int, help="measurements at the same time; they mostly wait (8)")
    parser.add_argument("--seed", type=int, default=1, help="of the wrong servers' offsets and of the jitter")
    parser.add_argument("--resume", action="store_true", help="go on with the runs that are there")
    parser.add_argument("--report", action="store_true", help="only make the report, from the runs that are there")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and docs/benchmarks.svg")
    parser.add_argument("--htpdate", default=os.environ.get("SDWDATE_HTPDATE"), help="its executable, with HTTPS")
    default = REPOSITORY / "build" / "accuracy"
    parser.add_argument("--output", type=Path, default=default, help="folder for what is made")
    arguments = parser.parse_args()
    arguments.runs = arguments.runs or (1 if arguments.quick else 20)
    arguments.at_once = arguments.at_once or (12 if arguments.quick else 8)
    arguments.output.mkdir(parents=True, exist_ok=True)
    if arguments.quick:
        report.simulate_little()
    log = arguments.output / "runs.jsonl"
    if not arguments.report:
        if not arguments.htpdate:
            print("No htpdate given (--htpdate or SDWDATE_HTPDATE): left out. See bench/README.md.", file=sys.stderr)
        if not arguments.resume:
            log.unlink(missing_ok=True)
        try:
            with World() as world:
                Bench(arguments, world, log).run(arguments.at_once)
        except Interrupted as interrupt:
            print(f"{interrupt}; --resume goes on with what is in {os.path.relpath(log)}.", file=sys.stderr)
            return 128 + interrupt.signal_number
    runs = report.read(log)
    target = REPOSITORY / "docs" if arguments.write else arguments.output
    (target / "benchmarks.md").write_text(page(runs, arguments.at_once))
    (target / "benchmarks.svg").write_text(plot.svg(report.cells(runs)))
    print(report.aims(report.cells(runs)))
    print(f"\n{report.rivals(report.cells(runs))}")
    print(f"\nThe whole report: {os.path.relpath(target / 'benchmarks.md')}, with benchmarks.svg beside it.")
    failed = [run for run in runs if "error" in run and (arguments.quick or run["contender"].startswith(report.OURS))]
    return 1 if failed or report.outside(runs) else 0


if __name__ == "__main__":
    sys.exit(main())
