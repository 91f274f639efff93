"""The paths over which the accuracy benchmark measures."""

from typing import NamedTuple


class Path(NamedTuple):
    """A way to a server: milliseconds there and back; `jitter` is a standard deviation in percent of each."""

    kind: str
    round_trip: int
    there: float
    back: float
    jitter: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.round_trip} ms" if self.kind == EVEN else f"{self.round_trip} ms, {self.kind}"


EVEN, LOPSIDED, JITTERY = "even", "lopsided", "jittery"
KINDS = (EVEN, LOPSIDED, JITTERY)
ROUND_TRIPS = (0, 20, 50, 200, 800)
JITTER = 10.0

ALL = (
    *(Path(EVEN, ms, ms / 2, ms / 2) for ms in ROUND_TRIPS),
    *(Path(LOPSIDED, ms, ms * 2 / 3, ms / 3) for ms in ROUND_TRIPS if ms),
    *(Path(JITTERY, ms, ms / 2, ms / 2, JITTER) for ms in ROUND_TRIPS if ms),
)
#: Enough to see that everything works.
FEW = tuple(path for path in ALL if path.name in ("0 ms", "50 ms, jittery"))
