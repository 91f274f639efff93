#!/usr/bin/python3
"""Runs the libFuzzer targets, and keeps a tally: hours may be made of shorter runs.

Inputs that reach something new stay in build/fuzz/found/TARGET and are the start of the next run; what breaks a target
is kept there as TARGET-crash-... and makes this end with status 1.
"""

import argparse
import json
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "build" / "fuzz" / "bin"
FOUND = ROOT / "build" / "fuzz" / "found"
CORPUS = ROOT / "fuzz" / "corpus"
TALLY = ROOT / "build" / "fuzz" / "tally.json"
SUMMARY = ROOT / "build" / "fuzz" / "summary.txt"
LONG = 3600
PIECE = 600
#: Of what a merge brings into the repository: small inputs that reach something new.
LARGEST_KEPT = 512

COVERAGE = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/")
KEEPING = threading.Lock()  # the tally
EXECUTIONS = re.compile(r"stat::number_of_executed_units: +(\d+)")


def targets():
    return sorted(path.name.removeprefix("fuzz_") for path in BUILT.glob("fuzz_*"))


def tally():
    return json.loads(TALLY.read_text()) if TALLY.exists() else {}


def broken(target):
    """Inputs that were found to break it."""
    return sorted(FOUND.glob(f"{target}-*"))


def fuzz(target, seconds):
    """One run. What it came to is added to the tally."""
    folder = FOUND / target
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        BUILT / f"fuzz_{target}", f"-max_total_time={seconds}", "-print_final_stats=1",
        f"-artifact_prefix={FOUND}/{target}-", folder, CORPUS / target,
    ]  # fmt: skip
    print(f"{time.strftime('%H:%M:%S')} {target}: {seconds} s", flush=True)
    began = time.monotonic()
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True, errors="replace").stderr
    coverage = COVERAGE.findall(said)
    executions = EXECUTIONS.search(said)
    add(target, {
        "seconds": round(time.monotonic() - began),
        "executions": int(executions[1]) if executions else 0,
        "coverage": int(coverage[-1][0]) if coverage else 0,
        "features": int(coverage[-1][1]) if coverage else 0,
        "corpus": int(coverage[-1][2]) if coverage else 0,
    })  # fmt: skip


def add(target, run):
    with KEEPING:
        all_runs = tally()
        before = all_runs.get(target, {"seconds": 0, "executions": 0})
        all_runs[target] = run | {name: before[name] + run[name] for name in ("seconds", "executions")}
        TALLY.write_text(json.dumps(all_runs, indent=1, sort_keys=True) + "\n")


def pieces(seconds):
    """An interruption loses a piece at most."""
    return [min(PIECE, seconds - done) for done in range(0, seconds, PIECE)]


def summary(names):
    row = "{:<16}{:>10}{:>14}{:>10}{:>10}{:>10}{:>8}{:>7}"
    lines = [row.format("target", "seconds", "executions", "per s", "coverage", "features", "corpus", "finds")]
    for name in names:
        run = tally().get(name)
        if run:
            per_second = run["executions"] // max(run["seconds"], 1)
            lines.append(row.format(name, run["seconds"], run["executions"], per_second, run["coverage"],
                                    run["features"], run["corpus"], len(broken(name))))  # fmt: skip
    return "\n".join(lines)


def merge(target):
    """Brings what reaches something new into the repository's corpus, if it is small."""
    fresh = FOUND / f"{target}.small"
    fresh.mkdir(parents=True, exist_ok=True)
    for path in (FOUND / target).glob("*"):
        if path.stat().st_size <= LARGEST_KEPT:
            (fresh / path.name).write_bytes(path.read_bytes())
    before = len(list((CORPUS / target).iterdir()))
    subprocess.run([BUILT / f"fuzz_{target}", "-merge=1", CORPUS / target, fresh], capture_output=True, check=True)
    print(f"{target}: {len(list((CORPUS / target).iterdir())) - before} more inputs")


def main():
    parser = argparse.ArgumentParser(prog="./dev fuzz", description="Let libFuzzer attack each parser.")
    parser.add_argument("--long", action="store_true", help="until each target's tally is an hour")
    parser.add_argument("--jobs", type=int, metavar="N", help="how many targets at a time (1; with --long 2)")
    parser.add_argument("--merge", action="store_true", help="bring what was found worth keeping into fuzz/corpus")
    parser.add_argument("what", nargs="*", metavar="SECONDS|TARGET", help="how long each (60), and which (all)")
    options = parser.parse_args()
    numbers = [word for word in options.what if word.isdigit()]
    names = [word for word in options.what if not word.isdigit()] or targets()
    unknown = sorted(set(names) - set(targets()))
    if unknown or len(numbers) > 1:
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(targets())}" if unknown
                     else "give the seconds once")  # fmt: skip
    if options.merge:
        for name in names:
            merge(name)
        return 0

    seconds = int(numbers[0]) if numbers else 60
    left = {name: max(LONG - tally().get(name, {}).get("seconds", 0), 0) for name in names}
    work = {name: pieces(left[name] if options.long else seconds) for name in names}
    with ThreadPoolExecutor(options.jobs or (2 if options.long else 1)) as pool:
        list(pool.map(lambda name: [fuzz(name, piece) for piece in work[name]], names))
    text = summary(names)
    SUMMARY.write_text(text + "\n")
    print(text)
    finds = [path for name in names for path in broken(name)]
    for path in finds:
        print(f"broken by {path.relative_to(ROOT)}", file=sys.stderr)
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
