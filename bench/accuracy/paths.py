"""The paths over which the accuracy benchmark measures."""

from typing import NamedTuple


class Path(NamedTuple):
    """A way to a server: milliseconds there and back; `jitter` is a standard deviation in percent of each.

    The server's clock advances `ticks` times a second; 0: it is read exactly.
    """

    kind: str
    round_trip: float
    there: float
    back: float
    jitter: float = 0.0
    ticks: int = 0

    @property
    def name(self) -> str:
        kind = "" if self.kind == EVEN else f", {self.kind}"
        return f"{self.round_trip} ms{kind}" + (f", {self.ticks} Hz" if self.ticks else "")


EVEN, LOPSIDED, JITTERY = "even", "lopsided", "jittery"
KINDS = (EVEN, LOPSIDED, JITTERY)
ROUND_TRIPS = (0, 20, 50, 200, 800)
JITTER = 10.0



def even(ms: int, ticks: int = 0) -> Path:
    return Path(EVEN, ms, ms / 2, ms / 2, ticks=ticks)


def jittery(ms: int, ticks: int = 0) -> Path:
    return Path(JITTERY, ms, ms / 2, ms / 2, JITTER, ticks)


PROMPT = (
    *map(even, ROUND_TRIPS),
    *(Path(LOPSIDED, ms, ms * 2 / 3, ms / 3) for ms in ROUND_TRIPS if ms),
    *(jittery(ms) for ms in ROUND_TRIPS if ms),
)
#: Ticks a second of Linux kernels as distributors build them; 1000 are too fine to matter here.
TICKS = (100, 250)
#: A clock that ticks is late by up to a tick, which a long round trip hides.
COARSE = tuple(path for ticks in TICKS for path in (*(even(ms, ticks) for ms in (0, 5)),
                                                    *(jittery(ms, ticks) for ms in (5, 50))))  # fmt: skip
ALL = PROMPT + COARSE
#: Enough to see that everything works.
FEW = tuple(path for path in ALL if path.name in ("0 ms", "50 ms, jittery", "0 ms, 100 Hz"))
