"""What the runs came to: tables in Markdown, and what was aimed at."""

import functools
import json
import math
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import paths
from lab import executable

OURS = "ours, "
AT_TEN = f"{OURS}10"
KNOWING = "measured lag, 10"
HTPDATE = "htpdate -p 9"
DANROC = "danroc, 8"
PYTHON = "Python sdwdate, 1"
HTTPSDATE = "HTTPSDate, 10"
HTTPSDATE_ITS_OWN = "HTTPSDate, 5"

#: What is allowed for a server's lateness unless something is known of it.
LAG = 0.010
#: Ours allow for 300 ppm of drift, HTTPSDate for 200, and the answers that decide about either end are some two
#: seconds old. With 200 ppm ours are, simulated, wider by the lag and a thirtieth of a millisecond at most.
_MORE_DRIFT = 2 * 2 * 100e-6


@dataclass
class Simulations:
    """How many runs are simulated of each path: of the optimum, of both methods, and of both with many requests."""

    optimum: int = 2000
    rivals: int = 10000
    by_requests: int = 3000


SIMULATIONS = Simulations()


def simulate_little() -> None:
    """To see that it works."""
    SIMULATIONS.optimum = SIMULATIONS.rivals = SIMULATIONS.by_requests = 100


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
    return not _is_ours(contender), int(contender.rsplit(", ")[-1]) if _is_ours(contender) else 0, contender


def _is_ours(contender: str) -> bool:
    return contender.startswith(OURS) or contender == KNOWING


def outside(runs: Iterable[Run]) -> int:
    """How often the truth was not inside our bounds."""
    return Cell(run for run in runs if _is_ours(run["contender"])).outside


class Optimum(NamedTuple):
    median: float
    high: float
    worst: float


#: Of requests, for which the optimum is simulated with the others'.
_USUAL = (1, 4, 8, 10, 12)


@functools.cache
def _optima(path: paths.Path, numbers: tuple[int, ...]) -> dict[int, Optimum]:
    """By the number of requests."""
    command = [executable("accuracy_optimum"), path.there, path.back, path.jitter, SIMULATIONS.optimum, *numbers]
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
    return {int(requests): Optimum(*map(float, errors)) for requests, *errors in map(str.split, said.splitlines())}


def optimum(path: paths.Path, requests: int) -> Optimum:
    return _optima(path, _USUAL)[requests]


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
        if name.startswith(OURS) and not path.ticks:
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


_PEERS = (HTPDATE, HTTPSDATE, DANROC, PYTHON)


def ratios(found: Cells) -> str:
    """Ours at ten requests, over the peers."""
    heading = ["path", *(f"error / {peer}'s" for peer in _PEERS), "error / optimum",
               *(f"{what} / {HTPDATE}'s" for what in ("bytes", "wall", "CPU", "memory in all"))]  # fmt: skip
    rows = []
    for path, ours, by in _at_ten(found):
        best = optimum(path, 10)
        row = [path.name]
        for peer in (by.get(name) for name in _PEERS):
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
    """Over paths to prompt servers."""
    for path, by in found.items():
        if not path.ticks and AT_TEN in by and by[AT_TEN].runs:
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
    rows = [_judgement(aim, {path.name: verdict for path, _, by in _at_ten(found) if (verdict := judge(path, by))})
            for aim, judge in AIMS.items()]  # fmt: skip
    ours = [cell for by in found.values() for name, cell in by.items() if _is_ours(name)]
    rows.append(_never_outside("truth inside our bounds, any number of requests", ours))
    return _table(_AIMS_HEADING, rows)


_AIMS_HEADING = ("aim", "", "paths", "missed over", "beyond the optimum, too")


def _judgement(aim: str, verdicts: dict[str, Verdict]) -> list[str]:
    """A row: what is said of all paths together, and which missed it."""
    missed: dict[str, list[str]] = {"**fail**": [], "beyond": []}
    for name, verdict in verdicts.items():
        if not verdict.reached:
            times = f" ({verdict.measured / verdict.limit:.3g} times the limit)" if verdict.limit else ""
            missed[verdict.judgement].append(name + times)
    judgement = "not measured" if not verdicts else next((kind for kind, names in missed.items() if names), "pass")
    reached = sum(verdict.reached for verdict in verdicts.values())
    return [aim, judgement, f"{reached} of {len(verdicts)}", *("; ".join(names) or "-" for names in missed.values())]


def _never_outside(aim: str, cells: Iterable[Cell]) -> list[str]:
    cells = list(cells)
    wrong, count = sum(cell.outside for cell in cells), sum(len(cell.runs) for cell in cells)
    judgement = "**fail**" if wrong else "pass" if count else "not measured"
    return [aim, judgement, f"{count - wrong} of {count} runs", "-", "-"]


def judged(found: Cells) -> str:
    """The same, path by path."""
    rows = [[path.name, *(str(judge(path, by) or "-") for judge in AIMS.values())] for path, _, by in _at_ten(found)]
    return _table(("path", *AIMS), rows)


# --- beside HTTPSDate ---

#: Fuchsia's three numbers of polls, that of the comparison, and more.
_NUMBERS = (3, 5, 7, 10, 16, 32)
_COMPARED = (5, 10)


def _high_half(by: dict[str, Cell], peer: str, best: float) -> Verdict | None:
    ours, theirs = by.get(AT_TEN), by.get(peer)
    return Verdict(ours.high, theirs.high / 2, best) if ours and theirs and ours.runs and theirs.runs else None


def _simulated_half(path: paths.Path, requests: int, polls: int) -> Verdict:
    by = _simulations(path, _NUMBERS, SIMULATIONS.by_requests)
    limit = by[f"HTTPSDate, {polls}"].high / 2
    return Verdict(by[f"ours, {requests}"].high, limit, _optima(path, _NUMBERS)[requests].high)


def _width(by: dict[str, Cell], which: str) -> float | None:
    cell = by.get(which)
    return statistics.median(cell.widths) if cell and cell.widths else None


def _width_limit(by: dict[str, Cell], lag: float) -> float | None:
    """Theirs, the lag, and what we allow for drift beyond what it does."""
    theirs = _width(by, HTTPSDATE)
    return None if theirs is None else theirs + lag + _MORE_DRIFT


def _known_lag(by: dict[str, Cell]) -> float | None:
    """The median of what was measured of those that were asked."""
    cell = by.get(KNOWING)
    return cell.median_of("lag") if cell and cell.runs else None


def _narrow_enough(by: dict[str, Cell], which: str, lag: float | None) -> Verdict | None:
    width = _width(by, which)
    limit = None if lag is None else _width_limit(by, lag)
    return None if width is None or limit is None else Verdict(width, limit, 0.0)


def rivals(found: Cells) -> str:
    """What was aimed at beside HTTPSDate, ours always with ten requests."""
    jittery = [(path, by) for path, by in found.items() if path.jitter and not path.ticks]

    def named(verdicts: Iterable[tuple[paths.Path, Verdict | None]]) -> dict[str, Verdict]:
        return {path.name: verdict for path, verdict in verdicts if verdict}

    rows = [
        _judgement(
            f"95 % <= {peer}'s / 2, jittery",
            named((path, _high_half(by, peer, optimum(path, 10).high)) for path, by in jittery),
        )
        for peer in (HTTPSDATE_ITS_OWN, HTTPSDATE)
    ]
    for requests, polls in ((10, 5), (10, 10), (16, 10)):
        verdicts = named((path, _simulated_half(path, requests, polls)) for path in paths.PROMPT if path.jitter)
        rows.append(_judgement(f"the same, simulated: {requests} requests, its {polls} polls", verdicts))
    for aim, which, lag in (
        ("width <= its + the measured lag", KNOWING, _known_lag), ("width <= its + 10 ms", AT_TEN, lambda _: LAG),
    ):  # fmt: skip
        # Over a jittery path the width of 20 runs is chance, by milliseconds: there simulation judges.
        steady = [(path, by) for path, by in found.items() if not path.jitter]
        verdicts = named((path, _narrow_enough(by, which, lag(by))) for path, by in steady)
        rows.append(_judgement(f"{aim}, not jittery", verdicts))
    for aim, which, lag in (("its + the known lag", "known", _tick), ("its + 10 ms", "ours", lambda _: LAG)):
        verdicts = named((path, _simulated_width(path, which, lag(path))) for path in _simulated_paths())
        rows.append(_judgement(f"width <= {aim}, simulated", verdicts))
    for aim, coarse in (("prompt", False), ("coarse", True)):
        cells = [by[name] for path, by in found.items() if bool(path.ticks) == coarse for name in by if _is_ours(name)]
        rows.append(_never_outside(f"truth inside ours, {aim} clocks", cells))
    both = [_simulations(path, _COMPARED, SIMULATIONS.rivals) for path in _simulated_paths()]
    wrong = sum(round(by[f"{which}, 10"].outside * SIMULATIONS.rivals) for by in both for which in ("ours", "known"))
    count = 2 * len(both) * SIMULATIONS.rivals
    verdict = "**fail**" if wrong else "pass"
    rows.append(["truth inside ours, simulated", verdict, f"{count - wrong} of {count} runs", "-", "-"])
    return _table(_AIMS_HEADING, rows)


def _tick(path: paths.Path) -> float:
    return 1 / path.ticks if path.ticks else 0.0


def _simulated_width(path: paths.Path, which: str, lag: float) -> Verdict:
    by = _simulations(path, _COMPARED, SIMULATIONS.rivals)
    return Verdict(by[f"{which}, 10"].width, by[HTTPSDATE].width + lag + _MORE_DRIFT, 0.0)


def widths(found: Cells) -> str:
    """Bounds beside each other, path by path."""
    heading = (
        "path", "its", "ours", "more", "lag", "ours, measured lag", "more", "lag", "its outside", "ours outside",
        "its error", "ours", "ours, measured lag",
    )  # fmt: skip
    rows = []
    for path, by in found.items():
        if (theirs := _width(by, HTTPSDATE)) is None:
            continue
        row = [path.name, milliseconds(theirs)]
        for which, lag in ((AT_TEN, LAG), (KNOWING, _known_lag(by))):
            width = _width(by, which)
            row += [milliseconds(width), "-" if width is None else milliseconds(width - theirs), milliseconds(lag)]
        own = [by[name] for name in (AT_TEN, KNOWING) if name in by]
        row += [
            f"{sum(cell.outside for cell in cells)} of {sum(len(cell.runs) for cell in cells)}"
            for cells in ([by[HTTPSDATE]], own)
        ]
        row += [_errors(by.get(name)) for name in (HTTPSDATE, AT_TEN, KNOWING)]
        rows.append(row)
    return _table(heading, rows)


def _errors(cell: Cell | None) -> str:
    return f"{milliseconds(cell.median)} / {milliseconds(cell.high)}" if cell and cell.runs else "-"


class Simulated(NamedTuple):
    """In seconds; and the share of runs in which the truth was outside."""

    median: float
    high: float
    worst: float
    width: float
    outside: float


@functools.cache
def _simulations(path: paths.Path, numbers: tuple[int, ...], runs: int) -> dict[str, Simulated]:
    command = [executable("accuracy_rivals"), path.there, path.back, path.jitter, _tick(path) * 1e3, runs, *numbers]
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
    found = {}
    for method, requests, *errors, outside in map(str.split, said.splitlines()):
        found[f"{method}, {requests}"] = Simulated(*map(float, errors), outside=int(outside) / runs)
    return found


#: Ticks matter where the round trip is no longer than they are.
_SIMULATED_COARSE = (0.4, 5, 20, 50, 200)


def simulated() -> str:
    """Both methods over generated paths."""
    heading = (
        "path", "clock", "ours, 10", HTTPSDATE, HTTPSDATE_ITS_OWN, "95 % / its with 10", "with 5",
        "the optimum's 95 % / its with 10", "width", "known lag", "its", "outside", "known lag", "its",
    )  # fmt: skip
    rows = []
    for path in _simulated_paths():
        by = _simulations(path, _COMPARED, SIMULATIONS.rivals)
        ours, known, theirs, its_own = by["ours, 10"], by["known, 10"], by[HTTPSDATE], by[HTTPSDATE_ITS_OWN]
        rows.append([
            path._replace(ticks=0).name, f"{path.ticks} Hz" if path.ticks else "exact",
            *(f"{milliseconds(one.median)} / {milliseconds(one.high)}" for one in (ours, theirs, its_own)),
            f"{ours.high / theirs.high:.2f}", f"{ours.high / its_own.high:.2f}",
            "-" if path.ticks else f"{optimum(path, 10).high / theirs.high:.2f}",
            *(milliseconds(one.width) for one in (ours, known, theirs)),
            *(f"{one.outside * 100:.3g} %" for one in (ours, known, theirs)),
        ])  # fmt: skip
    return _table(heading, rows)


def _simulated_paths() -> Iterator[paths.Path]:
    yield from paths.PROMPT
    for ticks in paths.TICKS:
        for ms in _SIMULATED_COARSE:
            yield paths.even(ms, ticks)
            yield paths.jittery(ms, ticks)


def by_requests() -> str:
    """The 95 % errors of both over the jittery paths, for more and fewer requests."""
    rows = []
    for path in paths.PROMPT:
        if not path.jitter:
            continue
        by, best = _simulations(path, _NUMBERS, SIMULATIONS.by_requests), _optima(path, _NUMBERS)
        for name, high in (
            ("ours", lambda n: by[f"ours, {n}"].high), ("HTTPSDate", lambda n: by[f"HTTPSDate, {n}"].high),
            ("the optimum", lambda n: best[n].high),
        ):  # fmt: skip
            rows.append([path.name, name, *(milliseconds(high(n)) for n in _NUMBERS)])
    return _table(("path", "95 %", *map(str, _NUMBERS)), rows)
