"""What the runs came to: a table in Markdown, and a plot."""

import statistics
from collections import defaultdict
from collections.abc import Iterable

import optimum

AT_TEN = "ours, 10"
HTPDATE = "htpdate -p 9"
DANROC = "danroc, 8"
PYTHON = "Python sdwdate, 1"
OURS = "ours, "


def milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    value = seconds * 1e3
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


class Cell:
    """All runs of one contender over one path."""

    def __init__(self, runs: list[dict]) -> None:
        self.runs = runs
        self.errors = [abs(run["offset"] - run["truth"]) for run in runs]

    def quantile(self, share: float) -> float:
        return optimum.quantile(self.errors, share)

    def median_of(self, key: str) -> float | None:
        values = [run[key] for run in self.runs if run.get(key) is not None]
        return statistics.median(values) if values else None

    @property
    def outside(self) -> int:
        """How often the truth was not inside the bounds."""
        return sum(
            run["lower"] is not None and not run["lower"] <= run["truth"] <= run["upper"] for run in self.runs
        )

    @property
    def has_bounds(self) -> bool:
        return any(run["lower"] is not None for run in self.runs)


def cells(runs: Iterable[dict]) -> dict[str, dict[str, Cell]]:
    """By path, then by contender."""
    sorted_runs: dict[str, dict[str, list[dict]]] = defaultdict(lambda: defaultdict(list))
    for run in runs:
        sorted_runs[run["path"]][run["contender"]].append(run)
    return {
        path: {name: Cell(by[name]) for name in sorted(by, key=_place)}
        for path, by in sorted(sorted_runs.items(), key=lambda item: ("," in item[0], int(item[0].split()[0])))
    }


def _place(contender: str) -> tuple[bool, int, str]:
    """Ours first, by their number of requests."""
    is_ours = contender.startswith(OURS)
    return not is_ours, int(contender.removeprefix(OURS)) if is_ours else 0, contender


def outside(runs: list[dict]) -> int:
    """How often the truth was not inside our bounds."""
    return sum(cell.outside for by in cells(runs).values() for name, cell in by.items() if name.startswith(OURS))


def _ratio(ours: float, other: float) -> str:
    return f"{ours / other:.2g}" if other > 0 else "-"


def _row(name: str, cell: Cell, by: dict[str, Cell]) -> str:
    ratios = []
    for peer in (HTPDATE, DANROC, PYTHON):
        with_peer = name.startswith(OURS) and peer in by
        both = (_ratio(cell.quantile(share), by[peer].quantile(share)) for share in (0.5, 0.95)) if with_peer else "-"
        ratios.append(" / ".join(both))
    requests = cell.median_of("requests")
    wall, cpu, peak, size = (cell.median_of(key) for key in ("wall", "cpu", "peak", "bytes"))
    fields = [
        name, milliseconds(cell.quantile(0.5)), milliseconds(cell.quantile(0.95)), milliseconds(max(cell.errors)),
        milliseconds(cell.median_of("width")), str(cell.outside) if cell.has_bounds else "-", f"{requests:.0f}",
        f"{size:.0f}" if size else "-", f"{wall:.1f}", f"{cpu * 1e3:.0f}" if cpu is not None else "-",
        f"{peak:.1f}" if peak is not None else "-", *ratios,
    ]  # fmt: skip
    return "| " + " | ".join(fields) + " |"


HEADING = """| contender | median | 95 % | worst | width | outside | requests | bytes | wall s | CPU ms | MiB \
| / htpdate | / danroc | / Python |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


def table(runs: list[dict], paths: dict[str, tuple[float, float]]) -> str:
    parts = []
    for path, by in cells(runs).items():
        count = max(len(cell.runs) for cell in by.values())
        parts.append(f"### {path}\n\n{count} runs of each.\n\n{HEADING}")
        for name, cell in by.items():
            parts.append(_row(name, cell, by))
            if name.startswith(OURS):
                best = optimum.errors(int(name.removeprefix(OURS)), *paths[path])
                median, high, worst = optimum.quantile(best, 0.5), optimum.quantile(best, 0.95), max(best)
                parts.append(
                    f"| the optimum | {milliseconds(median)} | {milliseconds(high)} | {milliseconds(worst)} |"
                    + " |" * 10
                )
        parts.append("")
    return "\n".join(parts)


def aims(runs: list[dict], paths: dict[str, tuple[float, float]]) -> str:
    """What was aimed at with ten requests, and whether it was reached, path by path."""
    rows = ["| path | median <= htpdate's | 95 % <= a third of htpdate's | median <= Python's / 100 | "
            "median <= 1.2 optimum | outside |", "|---|---|---|---|---|---|"]  # fmt: skip
    for path, by in cells(runs).items():
        if AT_TEN not in by:
            continue
        cell = by[AT_TEN]
        best = optimum.errors(10, *paths[path])

        def reached(ours: float, limit: float | None) -> str:
            if limit is None:
                return "-"
            return f"{'yes' if ours <= limit else 'no'} ({milliseconds(ours)} / {milliseconds(limit)})"

        peer = by.get(HTPDATE)
        python = by.get(PYTHON)
        outside = sum(c.outside for name, c in by.items() if name.startswith(OURS))
        rows.append(
            f"| {path} | {reached(cell.quantile(0.5), peer and peer.quantile(0.5))} "
            f"| {reached(cell.quantile(0.95), peer and peer.quantile(0.95) / 3)} "
            f"| {reached(cell.quantile(0.5), python and python.quantile(0.5) / 100)} "
            f"| {reached(cell.quantile(0.5), 1.2 * optimum.quantile(best, 0.5))} | {outside} |"
        )
    return "\n".join(rows)


# --- the plot ---

_COLOURS = {AT_TEN: "#1b7837", "ours, 4": "#7fbf7b", HTPDATE: "#d95f02", DANROC: "#7570b3", PYTHON: "#888888"}
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 760, 420, 70, 30, 170, 60
_LEAST, _MOST = 1e-4, 3.0


def _y(seconds: float) -> float:
    import math

    share = math.log(min(max(seconds, _LEAST), _MOST) / _LEAST) / math.log(_MOST / _LEAST)
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def plot(runs: list[dict]) -> str:
    """Median and 95 % of the absolute error, for each path, on a logarithmic scale."""
    by_path = cells(runs)
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(by_path), 1)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        "<style>text{fill:#777}line.grid{stroke:#999;stroke-opacity:.35}</style>",
        f'<text x="{_LEFT}" y="18">Absolute error: median (dot) and 95 % (end of the line)</text>',
    ]
    for seconds, label in ((1e-4, "0.1 ms"), (1e-3, "1 ms"), (1e-2, "10 ms"), (0.1, "100 ms"), (1.0, "1 s")):
        y = _y(seconds)
        out.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for place, (path, by) in enumerate(by_path.items()):
        middle = _LEFT + (place + 0.5) * step
        for line, word in enumerate(path.split(", ")):
            y = _HEIGHT - _BOTTOM + 18 + 15 * line
            out.append(f'<text x="{middle:.1f}" y="{y}" text-anchor="middle">{word}</text>')
        shown = [name for name in _COLOURS if name in by]
        for number, name in enumerate(shown):
            x = middle + (number - (len(shown) - 1) / 2) * step / 7
            median, high = _y(by[name].quantile(0.5)), _y(by[name].quantile(0.95))
            colour = _COLOURS[name]
            ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{median:.1f}" y2="{high:.1f}"'
            out.append(f'<line {ends} stroke="{colour}" stroke-width="2"/>')
            out.append(f'<circle cx="{x:.1f}" cy="{median:.1f}" r="4" fill="{colour}"/>')
    for number, (name, colour) in enumerate(_COLOURS.items()):
        y = _TOP + 20 + 20 * number
        out.append(f'<circle cx="{_WIDTH - _RIGHT + 20}" cy="{y}" r="4" fill="{colour}"/>')
        out.append(f'<text x="{_WIDTH - _RIGHT + 32}" y="{y + 4}">{name}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"
