"""How the product feeds chronyd, as events of a simulation: which rounds when, and what is sent after each."""

import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from simulator import BUILT, Event

#: What the daemon sends after a usual round: one datagram.
USUAL = (0.0,)
#: After the first round since a start or a jump: three, whose offsets zigzag by these seconds (docs/chrony.md).
FIRST = (100e-6, -200e-6, 100e-6)
#: Seconds between them: more than chronyd's poll.
SPACING = 5.0


@dataclass(frozen=True)
class Feeding:
    """What is sent, and how good it is."""

    error: float = 0.02  # of a round's result, uniform in +-
    usual: Sequence[float] = USUAL
    first: Sequence[float] = FIRST
    spacing: float = SPACING
    clock: str = "raw"  # by which a result is carried to the later datagrams: raw, or monotonic as chronyd has it
    reset: bool = True  # whether "reset sources" precedes the first datagrams after a jump

    def sent(self, when: float, error: float, extras: Sequence[float]) -> Event:
        return Event(when, f"round {error!r} {self.clock} {self.spacing!r} {' '.join(map(repr, extras))}")


def round_times(seed: int, end: float, starts: Sequence[float] = (0.0,)) -> list[float]:
    """When the product's own schedule has its rounds done; it begins anew at each of the starts."""
    command = [BUILT / "round_times", str(seed), repr(end), *map(repr, starts)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [float(line) for line in printed.split()]


def rounds(
    seed: int,
    end: float,
    feeding: Feeding = Feeding(),
    *,
    jumps: Sequence[float] = (),
    restarts: Sequence[float] = (),
    silent: Sequence[tuple[float, float]] = (),
    mad: dict[int, float] | None = None,
) -> list[Event]:
    """All rounds until `end`, each with an error of its own.

    After each of the jumps (of the clock) and restarts (of chronyd) the daemon begins anew. In the silent spans
    nothing is sent. `mad` gives the rounds of these numbers, from 0, an error of so many seconds.
    """
    starts = sorted([0.0, *jumps, *restarts])
    errors = random.Random(seed)
    events = []
    pending = list(starts)
    for number, when in enumerate(round_times(seed, end, starts)):
        error = errors.uniform(-feeding.error, feeding.error)
        if mad and number in mad:
            error = mad[number]
        extras = feeding.usual
        if pending and when >= pending[0]:
            extras = feeding.first
            if pending.pop(0) in jumps and feeding.reset:
                events.append(Event(when - 0.1, "chronyc reset sources"))
        if not any(begin <= when < until for begin, until in silent):
            events.append(feeding.sent(when, error, extras))
    return events


def measured(when: float, error: float, half_width: float = 0.04, delay: float = 0.08) -> Event:
    """A round of which the daemon decides what to make: its estimate is wrong by `error`, its bounds lie around it."""
    return Event(when, f"measure {error!r} {error - half_width!r} {error + half_width!r} {delay!r}")
