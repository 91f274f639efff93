"""What the runs came to: tables in Markdown, and what was aimed at."""

import functools
import json
import math
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import paths
from lab import executable

OURS = "ours, "
AT_TEN = f"{OURS}10"
HTPDATE = "htpdate -p 9"
DANROC = "danroc, 8"
PYTHON = "Python sdwdate, 1"

_SIMULATED = 2000

#: One line of runs.jsonl.
Run = dict[str, Any]


def read(log: Path) -> list[Run]:
    """All whole lines; an interrupted bench may leave part of one."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    value = seconds * 1e3
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def percentile95(values: Iterable[float]) -> float:
    """The smallest value that at least 95 % do not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


class Cell:
    """Runs of one contender over one path."""

    def __init__(self, runs: Iterable[Run]) -> None:
        runs = list(runs)
        self.runs = [run for run in runs if "error" not in run]
        self.failed = len(runs) - len(self.runs)
        self.errors = [abs(run["offset"] - run["truth"]) for run in self.runs]

    @property
    def median(self) -> float:
        return statistics.median(self.errors)

    @property
    def high(self) -> float:
        return percentile95(self.errors)

    def at_exactly_zero(self) -> "Cell":
        return Cell(run for run in self.runs if run["truth"] == 0)

    def elsewhere(self) -> "Cell":
        return Cell(run for run in self.runs if run["truth"] != 0)

    @property
    def widths(self) -> list[float]:
        return [run["upper"] - run["lower"] for run in self.runs if run["lower"] is not None]

    @property
    def outside(self) -> int:
        """How often the truth was not inside the bounds."""
        return sum(
            run["lower"] is not None and not run["lower"] <= run["truth"] <= run["upper"] for run in self.runs
        )

    def median_of(self, key: str) -> float:
        return statistics.median(run[key] for run in self.runs)

    def cost(self, key: str) -> float | None:
        """The median; None for a formula, which costs nothing that could be measured."""
        values = [run["cost"][key] for run in self.runs if run["cost"]]
        return statistics.median(values) if values else None


#: By path, then by contender; what gave no results at all is left out.
Cells = dict[paths.Path, dict[str, Cell]]


def cells(runs: Iterable[Run]) -> Cells:
    by_both: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        by_both[run["path"], run["contender"]].append(run)
    names = sorted({contender for _, contender in by_both}, key=_place)
    found = {
        path: {name: Cell(by_both[path.name, name]) for name in names if (path.name, name) in by_both}
        for path in paths.ALL
    }
    return {path: by for path, by in found.items() if by}


def _place(contender: str) -> tuple[bool, int, str]:
    """Ours first, by their number of requests."""
    is_ours = contender.startswith(OURS)
    return not is_ours, int(contender.removeprefix(OURS)) if is_ours else 0, contender


def outside(runs: Iterable[Run]) -> int:
    """How often the truth was not inside our bounds."""
    return Cell(run for run in runs if run["contender"].startswith(OURS)).outside


class Optimum(NamedTuple):
    median: float
    high: float
    worst: float


@functools.cache
def _optima(path: paths.Path) -> dict[int, Optimum]:
    """By the number of requests."""
    numbers = ("1", "4", "8", "10", "12")
    command = [executable("accuracy_optimum"), path.there, path.back, path.jitter, _SIMULATED, *numbers]
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
    return {int(requests): Optimum(*map(float, errors)) for requests, *errors in map(str.split, said.splitlines())}


def optimum(path: paths.Path, requests: int) -> Optimum:
    return _optima(path)[requests]


# --- tables ---


def _table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heading = list(heading)
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table(found: Cells) -> str:
    """Everything, path by path."""
    heading = (
        "contender", "median", "95 %", "worst", "median at 0", "median elsewhere", "width", "outside", "failed",
        "requests", "bytes", "wall s", "CPU ms", "MiB", "MiB in all",
    )  # fmt: skip
    parts = []
    for path, by in found.items():
        rows = list(_rows(path, by, len(heading)))
        count = max(len(cell.runs) + cell.failed for cell in by.values())
        parts.append(f"### {path.name}\n\n{count} runs of each.\n\n{_table(heading, rows)}")
    return "\n\n".join(parts)


def _rows(path: paths.Path, by: dict[str, Cell], columns: int) -> Iterator[list[str]]:
    for name, cell in by.items():
        yield _row(name, cell) if cell.runs else [name, *["-"] * 7, str(cell.failed), *["-"] * (columns - 9)]
        if name.startswith(OURS):
            best = optimum(path, int(name.removeprefix(OURS)))
            yield ["the optimum", *map(milliseconds, best), *[""] * (columns - 4)]


def _row(name: str, cell: Cell) -> list[str]:
    subsets = [milliseconds(some.median) if some.runs else "-" for some in (cell.at_exactly_zero(), cell.elsewhere())]
    cpu, peak, peaks = (cell.cost(key) for key in ("cpu", "peak", "peaks"))
    return [
        name, *map(milliseconds, (cell.median, cell.high, max(cell.errors))), *subsets,
        milliseconds(statistics.median(cell.widths)) if cell.widths else "-",
        str(cell.outside) if cell.widths else "-", str(cell.failed),
        f"{cell.median_of('requests'):.0f}", f"{cell.median_of('bytes'):.0f}", f"{cell.median_of('wall'):.1f}",
        "-" if cpu is None else f"{cpu * 1e3:.0f}", *("-" if size is None else f"{size:.1f}" for size in (peak, peaks)),
    ]  # fmt: skip


def _ratio(ours: float | None, other: float | None) -> str:
    return f"{ours / other:.2g}" if ours is not None and other else "-"


def ratios(found: Cells) -> str:
    """Ours at ten requests, over the peers."""
    heading = ["path", *(f"error / {peer}'s" for peer in (HTPDATE, DANROC, PYTHON)), "error / optimum",
               *(f"{what} / {HTPDATE}'s" for what in ("bytes", "wall", "CPU", "memory in all"))]  # fmt: skip
    rows = []
    for path, ours, by in _at_ten(found):
        best = optimum(path, 10)
        row = [path.name]
        for peer in (by.get(name) for name in (HTPDATE, DANROC, PYTHON)):
            both = (_ratio(ours.median, peer.median), _ratio(ours.high, peer.high)) if peer and peer.runs else "-"
            row.append(" / ".join(both))
        row.append(f"{_ratio(ours.median, best.median)} / {_ratio(ours.high, best.high)}")
        peer = by.get(HTPDATE)
        if peer and peer.runs:
            row += [_ratio(ours.median_of(key), peer.median_of(key)) for key in ("bytes", "wall")]
            row += [_ratio(ours.cost(key), peer.cost(key)) for key in ("cpu", "peaks")]
        else:
            row += ["-"] * 4
        rows.append(row)
    return _table(heading, rows)


# --- what was aimed at, with ten requests ---


def _at_ten(found: Cells) -> Iterator[tuple[paths.Path, Cell, dict[str, Cell]]]:
    for path, by in found.items():
        if AT_TEN in by and by[AT_TEN].runs:
            yield path, by[AT_TEN], by


class Verdict(NamedTuple):
    measured: float
    limit: float
    best: float  # what the optimum reaches

    @property
    def reached(self) -> bool:
        return self.measured <= self.limit

    @property
    def judgement(self) -> str:
        if self.reached:
            return "pass"
        return "**fail**" if self.best <= self.limit else "beyond"

    def __str__(self) -> str:
        return f"{self.judgement}: {milliseconds(self.measured)} / {milliseconds(self.limit)}"


#: What is said of one path (measured, limit, the optimum's); None if it cannot be judged, or is not meant.
Judge = Callable[[paths.Path, dict[str, Cell]], Verdict | None]


def _beside(peer: str, judge: Callable[[Cell, Cell, Optimum], Verdict], some: Callable[[Cell], Cell]) -> Judge:
    def verdict(path: paths.Path, by: dict[str, Cell]) -> Verdict | None:
        if peer not in by:
            return None
        ours, theirs = some(by[AT_TEN]), some(by[peer])
        return judge(ours, theirs, optimum(path, 10)) if ours.runs and theirs.runs else None

    return verdict


def _median_as_good(ours: Cell, theirs: Cell, best: Optimum) -> Verdict:
    return Verdict(ours.median, theirs.median, best.median)


def _high_a_third(ours: Cell, theirs: Cell, best: Optimum) -> Verdict:
    return Verdict(ours.high, theirs.high / 3, best.high)


def _a_hundredth(ours: Cell, theirs: Cell, best: Optimum) -> Verdict:
    return Verdict(ours.median, theirs.median / 100, best.median)


def _hundred_times(path: paths.Path, by: dict[str, Cell]) -> Verdict | None:
    return _beside(PYTHON, _a_hundredth, Cell.elsewhere)(path, by) if path.round_trip <= 50 else None


def _near_optimum(path: paths.Path, by: dict[str, Cell]) -> Verdict:
    best = optimum(path, 10).median
    return Verdict(by[AT_TEN].median, 1.2 * best, best)


_SUBSETS = {"all runs": lambda cell: cell, "at 0": Cell.at_exactly_zero, "elsewhere": Cell.elsewhere}
AIMS: dict[str, Judge] = {
    **{f"median <= htpdate's, {name}": _beside(HTPDATE, _median_as_good, some) for name, some in _SUBSETS.items()},
    **{f"95 % <= htpdate's / 3, {name}": _beside(HTPDATE, _high_a_third, some) for name, some in _SUBSETS.items()},
    "median <= Python's / 100, up to 50 ms, elsewhere": _hundred_times,
    "median <= 1.2 optimum": _near_optimum,
}


def aims(found: Cells) -> str:
    """For each aim, over how many paths it was reached."""
    rows = []
    for aim, judge in AIMS.items():
        verdicts = {path.name: verdict for path, _, by in _at_ten(found) if (verdict := judge(path, by))}
        missed: dict[str, list[str]] = {"**fail**": [], "beyond": []}
        for name, verdict in verdicts.items():
            if not verdict.reached:
                times = f" ({verdict.measured / verdict.limit:.3g} times the limit)" if verdict.limit else ""
                missed[verdict.judgement].append(name + times)
        judgement = "not measured" if not verdicts else next((kind for kind, names in missed.items() if names), "pass")
        reached = sum(verdict.reached for verdict in verdicts.values())
        where = ["; ".join(names) or "-" for names in missed.values()]
        rows.append([aim, judgement, f"{reached} of {len(verdicts)}", *where])
    ours = [cell for by in found.values() for name, cell in by.items() if name.startswith(OURS)]
    wrong, count = sum(cell.outside for cell in ours), sum(len(cell.runs) for cell in ours)
    judgement = "**fail**" if wrong else "pass" if count else "not measured"
    rows.append(["truth inside our bounds, any number of requests", judgement, f"{count - wrong} of {count} runs", "-", "-"])
    return _table(("aim", "", "paths", "missed over", "beyond the optimum, too"), rows)


def judged(found: Cells) -> str:
    """The same, path by path."""
    rows = [[path.name, *(str(judge(path, by) or "-") for judge in AIMS.values())] for path, _, by in _at_ten(found)]
    return _table(("path", *AIMS), rows)
