"""How late servers are in refreshing their Date."""

import contextlib
import heapq
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from lab import Daemon

from .exchange import MS, SECOND, Connection, Exchange, sleep_until

#: Requests follow each other without pause from this long before a Date is expected to change.
LEAD = 15 * MS
#: Where requests are put that should meet a late Date, counted from when it is expected to change.
AIM = (-2 * MS, 8 * MS)
#: A Date that changes within so much of the second is prompt: ticks of the kernel's coarse clock are not lateness.
PROMPT = 10 * MS


@dataclass
class Regime:
    """What was seen of one server on one kind of connection."""

    exchanges: list[Exchange] = field(default_factory=list)

    def summary(self) -> dict[str, float | int]:
        return {
            "exchanges": len(self.exchanges),
            "inside": sum(exchange.inside for exchange in self.exchanges),
            "late_ms": max(exchange.late for exchange in self.exchanges) / MS,
            "early_ms": -min(exchange.current_for for exchange in self.exchanges) / MS,
        }


class Station:
    """One server, and all that is measured of it."""

    def __init__(self, name: str, server: Daemon) -> None:
        self.name = name
        self.server = server
        self.busy, self.idle, self.fresh = Regime(), Regime(), Regime()
        #: For each change of the Date seen: when it happened, at the earliest and the latest, after the second began.
        self.ticks: list[tuple[int, int]] = []
        #: A connection keeps the Date that it had at its beginning: changes are seen on new ones only.
        self.stands_still = False
        self.late: LateTicker | None = None

    def expected(self) -> int:
        """When after the beginning of a second the Date is expected to change."""
        return statistics.median_low([(low + high) // 2 for low, high in self.ticks]) if self.ticks else 0

    def measure_busy(self, ticks: int) -> None:
        """Requests without a pause around changes of the Date."""
        self.stands_still = stands_still(self.server)
        connection = Connection(self.server, anew=self.stands_still)
        self._watch_one_change(connection, pause=0.002)
        self.ticks.clear()  # it was a rough look, to know where to look closely
        self.busy.exchanges.clear()
        rough = self._rough
        for _ in range(ticks):
            start = (time.time_ns() // SECOND + 1) * SECOND + rough - LEAD
            if start < time.time_ns():
                start += SECOND
            sleep_until(start)
            self._watch_one_change(connection)
        connection.close()

    def _watch_one_change(self, connection: Connection, pause: float = 0.0) -> None:
        last = connection.ask()
        while (new := connection.ask()).date == last.date:
            self.busy.exchanges.append(last)
            last = new
            time.sleep(pause)
        self.busy.exchanges += [last, new]
        self.ticks.append((last.sent - new.date, new.received - new.date))
        self._rough = max(last.sent - new.date, 0)

    def keep_asking(self, regime: Regime, until: int) -> Iterator[int]:
        """A request now and then; yields when it wants to be woken. On one connection, or on a fresh one each time."""
        fresh = regime is self.fresh
        connection = None if fresh else Connection(self.server)
        while (now := time.time_ns()) < until:
            moment = now + random.randrange(50 * MS, 2000 * MS)
            if random.random() < 0.7:
                second = (moment + SECOND - 1) // SECOND * SECOND
                moment = second + self.expected() + random.randrange(*AIM)
            if fresh:
                yield max(now, moment - random.randrange(20 * MS, 900 * MS))
                connection = Connection(self.server)
            yield moment
            regime.exchanges.append(connection.ask())
            if fresh:
                connection.close()

    @property
    def is_late(self) -> bool:
        return self.expected() > PROMPT or self.stands_still

    def report(self) -> dict[str, object]:
        lows, highs = zip(*self.ticks)
        return {
            "server": self.name,
            "stands_still": self.stands_still,
            "late": self.late and self.late.report(),
            "tick_low_ms": statistics.median(lows) / MS,
            "tick_high_ms": statistics.median(highs) / MS,
            "busy": self.busy.summary(),
            "idle": self.idle.summary(),
            "fresh": self.fresh.summary(),
        }


@dataclass(frozen=True)
class AfterPause:
    """What somebody finds who comes to a server that nobody has asked for a while. Times are after a second began."""

    asked: int
    first_current_for: int  #: how long the first Date had been current
    changed: int


@dataclass
class LateTicker:
    """How the lateness of one server comes about."""

    starts: list[list[int]] = field(default_factory=list)  #: when the Date changed, in turn, for each start
    after_pauses: list[AfterPause] = field(default_factory=list)

    def creep(self) -> float:
        """By how much later the Date changes each second, in parts of one: the median over starts."""
        return statistics.median((changes[-1] - changes[0]) / (len(changes) - 1) / SECOND for changes in self.starts)

    def follows_us(self) -> bool:
        """Does the Date change when we asked first, rather than by a clock of the server?"""
        near = [abs((pause.changed - pause.asked + SECOND // 2) % SECOND - SECOND // 2) for pause in self.after_pauses]
        return statistics.median(near) < 40 * MS

    def kind(self) -> str:
        if self.follows_us():
            return "changes when it was asked first"
        return "a timer of its own, creeping" if abs(self.creep()) > 3e-4 else "constant"

    def report(self) -> dict[str, object]:
        return {
            "kind": self.kind(),
            "starts_ms": [[change / MS for change in changes] for changes in self.starts],
            "creep_ms_per_s": self.creep() * 1000,
            "after_pauses_ms": [
                {"asked": pause.asked / MS, "first_current_for": pause.first_current_for / MS,
                 "changed": pause.changed / MS}
                for pause in self.after_pauses
            ],
        }  # fmt: skip


def stands_still(server: Daemon) -> bool:
    """Does one connection keep its first Date?"""
    connection = Connection(server)
    first = connection.ask()
    time.sleep(2.5)
    same = connection.ask().date == first.date
    connection.close()
    return same


def next_change(connection: Connection, last: Exchange) -> int:
    """Asks until the Date is another than in `last`: when after the second began that was."""
    while (new := connection.ask()).date == last.date:
        last = new
        time.sleep(0.001)
    return (last.sent + new.received) // 2 - new.date


def measure_late(station: Station, changes: int, pauses: int) -> None:
    """Two starts, and visits after pauses."""
    station.late = LateTicker()
    for start in range(2):
        if start > 0:
            station.server.stop()
            time.sleep(random.uniform(0, 1))
            station.server.start()
            station.server.wait_ready()
        connection = Connection(station.server, anew=station.stands_still)
        next_change(connection, connection.ask())
        station.late.starts.append([next_change(connection, connection.ask()) for _ in range(changes)])
        connection.close()
    for _ in range(pauses):
        time.sleep(random.uniform(2.2, 3.2))
        connection = Connection(station.server, anew=station.stands_still)
        first = connection.ask()
        changed = next_change(connection, first)
        station.late.after_pauses.append(AfterPause(first.sent % SECOND, first.received - first.date, changed))
        connection.close()


def run_together(tasks: Sequence[Iterator[int]]) -> None:
    """Run each until it wants to sleep, the one that wants to be woken first before the others."""
    queue = [(next(task), number, task) for number, task in enumerate(tasks)]
    heapq.heapify(queue)
    while queue:
        moment, number, task = heapq.heappop(queue)
        sleep_until(moment)
        with contextlib.suppress(StopIteration):
            heapq.heappush(queue, (next(task), number, task))


def measure_lag(stations: Sequence[Station], ticks: int, seconds: float, say: Callable[[str], None]) -> None:
    for station in stations:
        say(f"{station.name}: {ticks} changes of its Date, busy")
        station.measure_busy(ticks)
    say(f"all of them for {seconds:g} s, on idle and on fresh connections")
    until = time.time_ns() + round(seconds * SECOND)
    tasks = [station.keep_asking(regime, until) for station in stations for regime in (station.idle, station.fresh)]
    random.shuffle(tasks)
    run_together(tasks)


def measure_late_ones(stations: Sequence[Station], say: Callable[[str], None]) -> None:
    """More about those that are late: is it the same after another start, and what has it to do with us?"""
    for station in stations:
        if station.is_late:
            say(f"{station.name}: another start, and visits after pauses")
            measure_late(station, changes=6, pauses=5)
