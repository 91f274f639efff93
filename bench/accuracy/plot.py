"""The picture of the accuracy benchmark: errors by round trip, one line for each contender, one panel for each kind."""

import math
from collections.abc import Callable, Iterator

import paths
import report

# All of these are seen on white and on black.
_INK, _FAINT = "#808080", 'stroke="#909090" stroke-opacity="0.35"'
_COLOURS = {
    report.AT_TEN: "#2a9d4a", f"{report.OURS}4": "#8fbf6f", report.HTPDATE: "#e0701a", report.DANROC: "#8478d8",
    report.HTTPSDATE: "#c8508f", report.PYTHON: "#999999",
}  # fmt: skip
_OPTIMUM = "#3a8fd0"
_LEAST, _MOST = 3e-5, 2.0
_GRID = ((1e-4, "0.1 ms"), (1e-3, "1 ms"), (1e-2, "10 ms"), (0.1, "100 ms"), (1.0, "1 s"))
_LEFT, _TOP, _PANEL, _GAP, _TALL, _LEGEND = 62, 52, 220, 24, 330, 170
_DASHES = ' stroke-dasharray="2 4"'
_WIDTH = _LEFT + len(paths.KINDS) * (_PANEL + _GAP) + _LEGEND
_HEIGHT = _TOP + _TALL + 52


def _y(seconds: float) -> float:
    share = math.log(min(max(seconds, _LEAST), _MOST) / _LEAST) / math.log(_MOST / _LEAST)
    return _TOP + (1 - share) * _TALL


def _x(panel: int, round_trip: float) -> float:
    place = paths.ROUND_TRIPS.index(round_trip)
    return _LEFT + panel * (_PANEL + _GAP) + (place + 0.5) * _PANEL / len(paths.ROUND_TRIPS)


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def _line(points: list[tuple[float, float]], colour: str, dashes: str = "") -> str:
    if not points:
        return ""
    places = " L ".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M {places}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'


def _frame() -> Iterator[str]:
    for panel, kind in enumerate(paths.KINDS):
        left = _LEFT + panel * (_PANEL + _GAP)
        for seconds, _ in _GRID:
            y = f"{_y(seconds):.1f}"
            yield f'<line x1="{left}" x2="{left + _PANEL}" y1="{y}" y2="{y}" {_FAINT}/>'
        yield _text(left + _PANEL / 2, _TOP - 8, kind, "middle")
        for round_trip in paths.ROUND_TRIPS:
            yield _text(_x(panel, round_trip), _TOP + _TALL + 18, str(round_trip), "middle")
        yield _text(left + _PANEL / 2, _TOP + _TALL + 38, "round trip, ms", "middle")
    for seconds, label in _GRID:
        yield _text(_LEFT - 6, _y(seconds) + 4, label, "end")


def _legend() -> Iterator[str]:
    x = _WIDTH - _LEGEND
    entries = [*((name, colour, "") for name, colour in _COLOURS.items()), ("the optimum, 10", _OPTIMUM, _DASHES)]
    for number, (name, colour, dashes) in enumerate(entries):
        y = _TOP + 20 + 22 * number
        yield _line([(x, y), (x + 24, y)], colour, dashes)
        yield _text(x + 32, y + 4, name)


def _curves(panel: int, found: report.Cells) -> Iterator[str]:
    def points(value: Callable[[paths.Path], float | None]) -> list[tuple[float, float]]:
        return [(_x(panel, path.round_trip), _y(error)) for path in found if (error := value(path)) is not None]

    yield _line(points(lambda path: report.optimum(path, 10).high), _OPTIMUM, _DASHES)
    for name, colour in reversed(_COLOURS.items()):  # the first on top

        def of(path: paths.Path, what: str, name: str = name) -> float | None:
            cell = found[path].get(name)
            return getattr(cell, what) if cell and cell.runs else None

        yield _line(points(lambda path: of(path, "high")), colour)  # noqa: B023 - used at once
        for x, y in points(lambda path: of(path, "median")):  # noqa: B023
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


def svg(found: report.Cells) -> str:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12" fill="{_INK}">',
        _text(_LEFT, 18, "Absolute error: 95 % of the runs are below the line; dots are medians"),
        *_frame(),
        *_legend(),
    ]
    for panel, kind in enumerate(paths.KINDS):
        parts += _curves(panel, {path: by for path, by in found.items() if path.kind == kind and not path.ticks})
    return "\n".join([*filter(None, parts), "</svg>"]) + "\n"
