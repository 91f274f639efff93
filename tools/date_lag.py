#!/usr/bin/python3
"""`./dev servers`: how late real web servers are in refreshing their Date, and what caches do to it.

Every server runs on this machine's loopback and by its clock, so that the second in which an answer was written is
known as well as sending and receiving it can be timed. docs/servers.md says what the numbers mean, and has some.
"""

import argparse
import ctypes
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from lab import Interrupted, LabError, World
from servers.caches import measure_caches, start_caches
from servers.exchange import MS, SECOND, sleep_until
from servers.lateness import measure_lag, measure_late_ones
from servers.stations import start_stations


def print_lag(reports: Sequence[dict[str, object]]) -> None:
    print("Changes of the Date on a busy connection: median of when after the second they happened, at least and at")
    print("most. Then the latest request that was answered with the old Date, and how many Dates were right.\n")
    print(f"{'ms':34} {'change':>17} {'busy':>8} {'idle':>8} {'fresh':>8}   {'right on idle, fresh':>22}")
    for report in reports:
        change = f"{report['tick_low_ms']:+.2f} to {report['tick_high_ms']:+.2f}"
        late = " ".join(f"{report[regime]['late_ms']:+8.2f}" for regime in ("busy", "idle", "fresh"))
        regimes = (report[regime] for regime in ("idle", "fresh"))
        right = ", ".join(f"{regime['inside']} of {regime['exchanges']}" for regime in regimes)
        print(f"{report['server']:34} {change:>17} {late}   {right:>22}")
    early = [report["server"] for report in reports for regime in ("busy", "idle", "fresh")
             if report[regime]["early_ms"] > 0]  # fmt: skip
    print(f"\nA Date before its second began: {', '.join(sorted(set(early))) or 'never'}.")


def print_late(reports: Sequence[dict[str, object]]) -> None:
    """The late ones, and how they come to be."""
    print("\nLate tickers, all in ms after the second: when the Date changed on a busy connection, second by second, at")
    print("each of two starts; then, after pauses: when we asked first > when the Date changed next.\n")
    for report in reports:
        if (late := report["late"]) is None:
            continue
        still = "; a connection keeps its first Date" if report["stands_still"] else ""
        print(f"{report['server']}: {late['kind']} ({late['creep_ms_per_s']:+.1f} ms a second){still}")
        for changes in late["starts_ms"]:
            print("  start:  " + " ".join(f"{change:.0f}" for change in changes))
        pauses = (f"{pause['asked']:.0f} > {pause['changed']:.0f}" for pause in late["after_pauses_ms"])
        print("  pauses: " + ", ".join(pauses))


def print_caches(rows: Sequence[dict[str, object]], wait: float) -> None:
    print(f"\nA HEAD {wait:g} s after a GET or a HEAD of the same page: how old its Date is, and its Age.\n")
    print(f"{'':44} {'after a GET':>16} {'after a HEAD':>16}")
    for row in rows:
        cells = [f"{row[key]['date_old_by_s']} s, {row[key]['age'] or 'none'}" for key in ("after_get", "after_head")]
        print(f"{row['cache']:44} {cells[0]:>16} {cells[1]:>16}")


def lateness_of_time() -> int:
    """How late time(2), which many programs ask, reaches the next second."""
    library = ctypes.CDLL(None)
    library.time.restype = ctypes.c_long
    second = time.time_ns() // SECOND + 1
    sleep_until(second * SECOND)
    while library.time(None) < second:
        pass
    return time.time_ns() - second * SECOND


def circumstances() -> dict[str, float]:
    """What of this machine the numbers depend on."""
    apart = time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    coarse = 5  # CLOCK_REALTIME_COARSE, which Python does not name
    return {
        "coarse_clock_ms": time.clock_getres(coarse) * 1000,
        "time_late_ms": lateness_of_time() / MS,
        "monotonic_phase_ms": apart % SECOND / MS,
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev servers", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--ticks", type=int, default=20, help="changes of each server's Date to watch, busy (20)")
    parser.add_argument("--seconds", type=float, default=120, help="how long to ask on idle, fresh connections (120)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    options = parser.parse_args()
    if options.ticks < 1 or options.seconds < 10:
        parser.error("at least 1 tick and 10 seconds")
    wait = 3.0
    try:
        with World() as world:
            stations = start_stations(world)
            measure_lag(stations, options.ticks, options.seconds, lambda text: print(text, file=sys.stderr, flush=True))
            measure_late_ones(stations, lambda text: print(text, file=sys.stderr, flush=True))
            reports = [station.report() for station in stations]
            caches = measure_caches(start_caches(world), wait)
    except LabError as error:
        print(f"./dev servers: {error}", file=sys.stderr)
        return 1
    except Interrupted as interrupt:
        return 128 + interrupt.signal_number
    machine = circumstances()
    if options.json:
        print(json.dumps({**machine, "lag": reports, "caches": caches}))
        return 0
    print_lag(reports)
    print_late(reports)
    print_caches(caches, wait)
    print(f"\nThe coarse clock advances every {machine['coarse_clock_ms']:.2f} ms; time(2), which reads it, was")
    phase = f"{machine['monotonic_phase_ms']:.1f} ms"
    print(f"{machine['time_late_ms']:.2f} ms late. The monotonic clock's seconds begin {phase} after")
    print("the wall clock's, and lighttpd's Dates with them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
