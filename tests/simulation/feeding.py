"""How the product feeds chronyd, as events of a simulation: which rounds when, and what is sent after each."""

import random
import subprocess
from collections.abc import Callable, Sequence
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


@dataclass(frozen=True)
class Path:
    """How long answers take: each way half of `delay`, which varies by a tenth, and the error of an estimate."""

    delay: float
    noise: float
    #: By what chance a queue stands in one of the two ways, and how long it is on average.
    queues: float = 0.0
    queue: float = 0.25

    def ways(self, draw: random.Random) -> tuple[float, float]:
        half = self.delay * draw.uniform(1, 1.1) / 2
        queue = draw.expovariate(1 / self.queue) if draw.random() < self.queues else 0.0
        return (half + queue, half) if draw.random() < 0.5 else (half, half + queue)


def over_paths(
    seed: int,
    end: float,
    path: Callable[[float], Path],
    attack: Callable[[float], tuple[float, float]] = lambda when: (0.0, 0.0),
) -> list[Event]:
    """Rounds on the product's schedule whose answers take `path` and what an attacker adds there and back."""
    draw = random.Random(seed)
    events = []
    for when in round_times(seed, end):
        there, back = path(when).ways(draw)
        more_there, more_back = attack(when)
        there, back = there + more_there, back + more_back
        noise = path(when).noise
        error = (back - there) / 2 + draw.uniform(-noise, noise)
        lower, upper = -there - 0.01, back + 0.01
        estimate = min(max(error, lower), upper)
        events.append(Event(when, f"measure {estimate!r} {lower!r} {upper!r} {there + back!r}"))
    return events
