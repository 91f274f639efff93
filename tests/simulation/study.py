#!/usr/bin/python3
"""Measures what docs/chrony.md says, and prints its tables.

usage: study.py [--seeds N] [--jobs N] [TABLE...]

Without TABLE all of them, which takes about a quarter of an hour on two cores. CHRONYD names another chronyd than the system's.
Every number is over all seeds: "worst" the worst of them, "rms" over all of them together.
"""

import argparse
import math
import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import simulator
from feeding import FIRST, Feeding, Path, over_paths, round_times, rounds
from simulator import DAY, HOUR, SHIPPED, Event, Machine, Run, simulate

MINUTE = 60.0
#: Not those with which the settings were chosen.
FIRST_SEED = 1000
YEARS = -3e8  # nine and a half of them: system clock - true time
WEEK = 7 * DAY
FINE = [Event(0, "trace 0.5"), Event(HOUR, "trace 10")]


class Study:
    """How many seeds, and the workers that simulate them."""

    def __init__(self, seeds: int, jobs: int) -> None:
        self.seeds = range(FIRST_SEED, FIRST_SEED + seeds)
        self._workers = ThreadPoolExecutor(jobs)

    def each(self, run: Callable[[int], object], times: int = 1) -> list:
        """What comes of each seed; `times` as many seeds as usual for what happens rarely."""
        seeds = range(self.seeds.start, self.seeds.start + times * len(self.seeds))
        return list(self._workers.map(run, seeds))


def with_line(directive: str, value: str, config: str = SHIPPED) -> str:
    """The shipped configuration with one directive changed or added."""
    kept = [line for line in config.splitlines() if line.split()[:1] != [directive]]
    return "\n".join([*kept, f"{directive} {value}"])


def with_option(option: str, value: str) -> str:
    """The shipped configuration with one option of the refclock changed or added."""
    lines = []
    for line in SHIPPED.splitlines():
        words = line.split()
        if words[:1] == ["refclock"]:
            if option in words:
                words[words.index(option) + 1] = value
            else:
                words += [option, value]
            line = " ".join(words)
        lines.append(line)
    return "\n".join(lines)


def milliseconds(seconds: float) -> str:
    if math.isinf(seconds):
        return "never"
    if seconds >= 100:
        return f"{seconds:.0f} s"
    return f"{1e3 * seconds:.0f}" if seconds >= 0.01 else f"{1e3 * seconds:.1f}"


def settled(seconds: Iterable[float]) -> str:
    worst = max(seconds)
    return "never" if math.isinf(worst) else f"{worst:.0f} s"


def worst(runs: Iterable[Run], begin: float, end: float) -> str:
    return milliseconds(max(run.worst(begin, end) for run in runs))


def rms(runs: Sequence[Run], begin: float, end: float) -> str:
    return milliseconds(math.sqrt(statistics.fmean(run.rms(begin, end) ** 2 for run in runs)))


def table(head: str, rows: Iterable[Sequence[str]]) -> None:
    """Prints as it goes: some rows take a while."""
    print(f"| {head} |", flush=True)
    print("|" + "---|" * len(head.split("|")), flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


# --- the tables --------------------------------------------------------------------------------------------------


def start(study: Study) -> None:
    """What to send after the first round: years wrong, 50 ppm, rounds good to 20 ms."""
    identical = Feeding(first=(0.0,) * 4)
    variants = {
        "one datagram": Feeding(first=(0.0,)),
        "four the same, carried on the raw clock": identical,
        "four the same, carried on the clock chronyd corrects": replace(identical, clock="monotonic"),
        "three with a zigzag of 100 us": Feeding(),
    }

    def rows() -> Iterable[Sequence[str]]:
        for known in (None, 50.0):
            machine = Machine(wrong=YEARS, known_ppm=known)
            for name, feeding in variants.items():
                runs = study.each(
                    lambda seed: simulate(
                        [*FINE, *rounds(seed, 2 * DAY, feeding)], end=2 * DAY, seed=seed, machine=machine
                    )
                )
                yield [
                    "right" if known else "none",
                    name,
                    settled(run.settles(0.05, 0, 10 * MINUTE) for run in runs),
                    worst(runs, 90, 15 * MINUTE),
                    worst(runs, 15 * MINUTE, DAY),
                    rms(runs, 15 * MINUTE, DAY),
                ]

    table(
        "driftfile | after the first round | < 50 ms after | worst 90 s to 15 min | worst to 24 h | rms to 24 h",
        rows(),
    )


def zigzag(study: Study) -> None:
    """How large the zigzag must be and may be: years wrong, 50 ppm and a driftfile that knows it."""

    def rows() -> Iterable[Sequence[str]]:
        for size in (0.0, 1e-6, 10e-6, 100e-6, 1e-3, 3e-3, 10e-3):
            feeding = Feeding(first=(size, -2 * size, size))
            machine = Machine(wrong=YEARS, known_ppm=50.0)
            runs = study.each(
                lambda seed: simulate([*FINE, *rounds(seed, 2 * DAY, feeding)], end=2 * DAY, seed=seed, machine=machine)
            )
            yield [
                f"{1e6 * size:.0f} us",
                settled(run.settles(0.05, 0, 10 * MINUTE) for run in runs),
                worst(runs, 15 * MINUTE, DAY),
                rms(runs, 15 * MINUTE, DAY),
            ]

    table("zigzag | < 50 ms after | worst 15 min to 24 h | rms to 24 h", rows())


def week(study: Study) -> None:
    """Seven days, as shipped."""

    def rows() -> Iterable[Sequence[str]]:
        for error in (0.002, 0.02, 0.5):
            for ppm, known in ((10.0, None), (50.0, None), (-100.0, None), (50.0, 50.0)):
                machine = Machine(wrong=YEARS, ppm=ppm, known_ppm=known)
                runs = study.each(
                    lambda seed: simulate(
                        [*FINE, *rounds(seed, WEEK, Feeding(error=error))], end=WEEK, seed=seed, machine=machine
                    )
                )
                yield [
                    f"{1e3 * error:.0f} ms",
                    f"{ppm:.0f} ppm" + (", known" if known else ""),
                    settled(run.settles(0.05, 0, 10 * MINUTE) for run in runs),
                    worst(runs, 90, HOUR),
                    worst(runs, HOUR, DAY),
                    rms(runs, DAY, WEEK),
                    worst(runs, DAY, WEEK),
                ]

    table(
        "error of a round | oscillator | < 50 ms after | worst 90 s to 1 h | worst to 24 h | rms days 2-7"
        " | worst days 2-7",
        rows(),
    )


def settings(study: Study) -> None:
    """One thing changed at a time: rms of the first day (from 15 minutes on), and of days 2 to 7."""
    shipped = (SHIPPED, Feeding())
    variants = {
        "as shipped": shipped,
        "`poll 0`, datagrams 1.5 s apart": (with_option("poll", "0"), Feeding(spacing=1.5)),
        "`poll 4`, 17 s apart": (with_option("poll", "4"), Feeding(spacing=17.0)),
        "`poll 6`, 65 s apart": (with_option("poll", "6"), Feeding(spacing=65.0)),
        "four datagrams in each round": (SHIPPED, Feeding(usual=(0.0,) * 4)),
        "zigzag in each round": (SHIPPED, Feeding(usual=FIRST)),
        "`maxupdateskew 1000` (default)": (with_line("maxupdateskew", "1000"), Feeding()),
        "`maxupdateskew 20`": (with_line("maxupdateskew", "20"), Feeding()),
        "`maxupdateskew 5`": (with_line("maxupdateskew", "5"), Feeding()),
        "`delay 1e-9`": (with_option("delay", "1e-9"), Feeding()),
        "`delay 1.0`": (with_option("delay", "1.0"), Feeding()),
        "`maxsamples 8`": (with_option("maxsamples", "8"), Feeding()),
        "`minsamples 24`": (with_option("minsamples", "24"), Feeding()),
        "`maxslewrate 1000`": (with_line("maxslewrate", "1000"), Feeding()),
        "`corrtimeratio 1`": (with_line("corrtimeratio", "1"), Feeding()),
        "`corrtimeratio 10`": (with_line("corrtimeratio", "10"), Feeding()),
        "`maxjitter 0.3`": (with_line("maxjitter", "0.3"), Feeding()),
        "`makestep 1 -1`": (with_line("makestep", "1 -1"), Feeding()),
    }

    def rows() -> Iterable[Sequence[str]]:
        for name, (config, feeding) in variants.items():
            cells = [name]
            for error in (0.002, 0.02, 0.5):
                runs = study.each(
                    lambda seed: simulate(
                        [*FINE, *rounds(seed, WEEK, replace(feeding, error=error))],
                        end=WEEK,
                        seed=seed,
                        machine=Machine(wrong=YEARS),
                        config=config,
                    )
                )
                if error == 0.02:
                    cells.insert(1, settled(run.settles(0.05, 0, 10 * MINUTE) for run in runs))
                cells += [rms(runs, 15 * MINUTE, DAY), rms(runs, DAY, WEEK)]
            yield cells

    table(
        "changed | < 50 ms after | 2 ms: day 1 | days 2-7 | 20 ms: day 1 | days 2-7 | 500 ms: day 1 | days 2-7",
        rows(),
    )


def after_jump(
    seed: int, what: str, when: float, feeding: Feeding, config: str = SHIPPED, lasting: float = DAY
) -> tuple[float, Run]:
    """A jump of the clock at `when`, which the daemon notices 5 s after it is over; the run, and that moment."""
    kind, length, *_ = what.split()
    noticed = when + (float(length) if kind in ("suspend", "pause") else 0.0) + 5.0
    end = noticed + lasting
    events = [
        *rounds(seed, end, feeding, jumps=[noticed], silent=[(when - MINUTE, noticed)]),
        Event(when, what),
        Event(0, "trace 0.5"),
        Event(HOUR, "trace 10"),
        Event(when, "trace 0.5"),
        Event(noticed + HOUR, "trace 10"),
    ]
    return noticed, simulate(events, end=end, seed=seed, machine=Machine(wrong=YEARS), config=config)


def jumps(study: Study) -> None:
    """After 30 hours of rounds good to 20 ms: how long from the daemon's notice until the clock is within 50 ms."""
    variants = {
        "reset and three": Feeding(),
        "reset, one": Feeding(first=(0.0,)),
        "three": Feeding(reset=False),
        "one": Feeding(first=(0.0,), reset=False),
    }
    happenings = {
        "someone steps it by 0.2 s": "step 0.2",
        "by 0.9 s": "step 0.9",
        "by 3 s": "step 3",
        "by 600 s": "step 600",
        "by -600 s": "step -600",
        "the machine is paused for 60 s": "pause 60",
        "an hour of suspend, clock right": "suspend 3600 0",
        "clock 0.3 s ahead": "suspend 3600 0.3",
        "clock 3 s behind": "suspend 3600 -3",
    }

    def rows() -> Iterable[Sequence[str]]:
        for name, what in happenings.items():
            cells = [name]
            for feeding in variants.values():
                runs = study.each(lambda seed: after_jump(seed, what, 30 * HOUR, feeding))
                cells.append(settled(run.settles(0.05, noticed, noticed + HOUR) for noticed, run in runs))
            yield cells

    table(f"what happens | {' | '.join(variants)}", rows())


def suspends(study: Study) -> None:
    """After suspends of 12 s to 2 min the clock is up to 0.95 s wrong: how many take over 60 s to come within 50 ms."""

    def one(seed: int, early: bool, config: str) -> float:
        draw = random.Random(seed)
        when = draw.uniform(60, 600) if early else draw.uniform(2 * HOUR, 24 * HOUR)
        what = f"suspend {draw.uniform(12, 120)!r} {draw.uniform(-0.95, 0.95)!r}"
        noticed, run = after_jump(seed, what, when, Feeding(), config)
        return run.reaches(0.05, noticed)

    def rows() -> Iterable[Sequence[str]]:
        for threshold in ("1", "0.5", "0.2", "0.1"):
            cells = [f"`makestep {threshold} -1`"]
            for early in (True, False):
                config = with_line("makestep", f"{threshold} -1")
                times = study.each(lambda seed: one(seed, early, config), times=10)
                late = sum(seconds > 60 for seconds in times)
                cells += [f"{late} of {len(times)}", settled(times)]
            yield cells

    table("setting | in the first 10 min | longest | later that day | longest", rows())


def steps(study: Study) -> None:
    """Steps beyond the first in seven days, mean over the seeds."""

    def rows() -> Iterable[Sequence[str]]:
        for threshold in ("1", "0.5", "0.2", "0.1"):
            config = with_line("makestep", f"{threshold} -1")
            cells = [f"`makestep {threshold} -1`"]
            for error in (0.02, 0.05, 0.1, 0.2, 0.5):
                runs = study.each(
                    lambda seed: simulate(
                        rounds(seed, WEEK, Feeding(error=error)),
                        end=WEEK,
                        seed=seed,
                        machine=Machine(wrong=YEARS),
                        config=config,
                    )
                )
                cells.append(f"{statistics.fmean(len(run.steps()) - 1 for run in runs):.1f}")
            yield cells

    table("setting | 20 ms | 50 ms | 100 ms | 200 ms | 500 ms", rows())


def mad(study: Study) -> None:
    """One round that is wrong by so much, and nobody notices: the worst error later, and how long it is over 100 ms."""

    def rows() -> Iterable[Sequence[str]]:
        for value in (3600.0, -3600.0, 5.0, 0.9):
            for number in (0, 1, 2, 4, 7, 12, 20):
                times = {seed: round_times(seed, 2 * DAY) for seed in study.seeds}
                runs = study.each(
                    lambda seed: (
                        times[seed][number],
                        simulate(
                            [*FINE, *rounds(seed, 2 * DAY, mad={number: value})],
                            end=2 * DAY,
                            seed=seed,
                            machine=Machine(wrong=YEARS),
                        ),
                    )
                )
                yield [
                    f"{value:g} s",
                    str(number + 1),
                    milliseconds(max(run.worst(max(when, 30), 2 * DAY) for when, run in runs)),
                    f"{max(run.settles(0.1, max(when, 30), 2 * DAY) for when, run in runs) / HOUR:.1f} h",
                    f"{max(max(map(abs, run.steps()[1:]), default=0) for _, run in runs):.1f} s",
                ]

    table("wrong by | round | worst error after it (ms) | over 100 ms for | largest later step", rows())


def silence(study: Study) -> None:
    """Three days of rounds, then three without: the error, and what `tracking` says of it."""

    def rows() -> Iterable[Sequence[str]]:
        for error in (0.002, 0.02, 0.5):
            runs = study.each(
                lambda seed: simulate(
                    [
                        *rounds(seed, 6 * DAY, Feeding(error=error), silent=[(3 * DAY, 6 * DAY)]),
                        Event(6 * DAY - 10, "chronyc tracking"),
                    ],
                    end=6 * DAY,
                    seed=seed,
                    machine=Machine(wrong=YEARS),
                )
            )
            # Fields of tracking: 10 root delay, 11 root dispersion, 13 leap status.
            said = [next(iter(run.chronyc.values())).split(",") for run in runs]
            distances = [float(fields[10]) / 2 + float(fields[11]) for fields in said]
            exceeded = sum(abs(run.error_at(6 * DAY - 10)) > distance for run, distance in zip(runs, distances))
            yield [
                f"{1e3 * error:.0f} ms",
                worst(runs, 4 * DAY - 60, 4 * DAY),
                worst(runs, 6 * DAY - 60, 6 * DAY),
                f"{milliseconds(min(distances))} to {milliseconds(max(distances))}",
                f"{exceeded} of {len(runs)}",
                "/".join(sorted({fields[13] for fields in said})),
            ]

    table(
        "error of a round | worst after 1 day | after 3 days | root distance then | error beyond it | leap status",
        rows(),
    )


def restart(study: Study) -> None:
    """chronyd is restarted after 36 hours of rounds at 20 ms; whether the daemon begins anew, or goes on."""

    def one(seed: int, anew: bool) -> Run:
        when = 1.5 * DAY
        events = [
            *rounds(seed, 3 * DAY, restarts=[when + 5] if anew else [], silent=[(when - MINUTE, when + 4)]),
            Event(when, "stop"),
            *(Event(when + 30 + 10 * MINUTE * i, "chronyc tracking") for i in range(72)),
        ]
        return simulate(events, end=3 * DAY, seed=seed, machine=Machine(wrong=YEARS))

    def unsynchronised(run: Run) -> float:
        return sum(answer.endswith("Not synchronised") for answer in run.chronyc.values()) / 6

    def rows() -> Iterable[Sequence[str]]:
        for name, anew in (("begins anew: three datagrams, then the ramp", True), ("goes on as before", False)):
            runs = study.each(lambda seed: one(seed, anew))
            yield [
                name,
                f"{max(map(unsynchronised, runs)):.1f} h",
                worst(runs, 1.5 * DAY, 2.5 * DAY),
                rms(runs, 1.5 * DAY, 2.5 * DAY),
            ]

    table("the daemon | \"Not synchronised\" for up to | worst next day | rms next day", rows())


# --- delay: the daemon's own rules decide -------------------------------------------------------------------------

MONTH = 30 * DAY
#: The attacker begins when the clock has been right for so long.
BEGINS = 5 * DAY
NEAR, FAR, SATELLITE = Path(0.02, 0.005), Path(0.1, 0.01), Path(0.6, 0.03)
PATHS = {
    "20 ms": lambda when: NEAR,
    "100 ms": lambda when: FAR,
    "satellite, 600 ms": lambda when: SATELLITE,
    "mobile, 60 ms, full queues": lambda when: Path(0.06, 0.01, queues=0.3),
    "20 and 600 ms in turn, 7 h each": lambda when: SATELLITE if int(when / (7 * HOUR)) % 2 else NEAR,
    "20 ms, from day 10 on satellite": lambda when: SATELLITE if when > 10 * DAY else NEAR,
}
CRYSTALS = {
    "constant": Machine(daily_ppm=0.0, walk=0.0),
    "wandering": Machine(),
    "3 ppm warmer by day": Machine(daily_ppm=1.5, walk=2e-9),
}


def attack(kind: str, much: float) -> Callable[[float], tuple[float, float]]:
    """What is added there and back at a moment."""

    def added(when: float) -> tuple[float, float]:
        if when < BEGINS:
            return 0.0, 0.0
        if kind == "there":
            return much, 0.0
        if kind == "back":
            return 0.0, much
        if kind == "10 % more each day":
            return min(much, 0.1 * much * (when - BEGINS) / DAY), 0.0
        if kind == "there and back in turn":
            return (much, 0.0) if int(when / (3 * HOUR)) % 2 else (0.0, much)
        return (much, 0.0) if int(when / (12 * HOUR)) % 2 else (0.0, 0.0)

    return added


ATTACKS = ("there", "back", "10 % more each day", "there and back in turn", "each second half day")


def honest(study: Study) -> None:
    """A month of rounds: the error's rms from day 2 on, if each round is fed as it is, and as by the product."""

    def rows() -> Iterable[Sequence[str]]:
        for name, path in PATHS.items():
            for crystal, machine in CRYSTALS.items():
                cells = [name, crystal]
                for steady in (False, True):
                    runs = study.each(
                        lambda seed: simulate(
                            [Event(0, "trace 60"), *over_paths(seed, MONTH, path)],
                            end=MONTH,
                            seed=seed,
                            machine=machine,
                            steady=steady,
                        )
                    )
                    cells.append(rms(runs, 2 * DAY, MONTH))
                yield cells

    table("path | oscillator | as it is | as by the product", rows())


def largest_shift(run: Run, alone: Run) -> float:
    """By how much an attack moved the clock in any day, against the same machine left alone."""
    shift = [moment.error - other.error for moment, other in zip(run.trace, alone.trace)]
    day = round(DAY / 600)
    return max(abs(later - earlier) for earlier, later in zip(shift, shift[day:]))


def delay(study: Study) -> None:
    """From day 5 on every answer is delayed: the largest shift in any of 30 days, each round fed as it is, and not."""

    def one(seed: int, path: Path, added: Callable[[float], tuple[float, float]], steady: bool) -> float:
        end = BEGINS + MONTH

        def month(events: list[Event]) -> Run:
            return simulate([Event(0, "trace 600"), *events], end=end, seed=seed, machine=Machine(), steady=steady)

        alone = month(over_paths(seed, end, lambda when: path))
        return largest_shift(month(over_paths(seed, end, lambda when: path, added)), alone)

    def rows() -> Iterable[Sequence[str]]:
        for path in (NEAR, FAR, SATELLITE):
            for kind in ATTACKS:
                cells = [f"{1e3 * path.delay:.0f} ms", kind]
                for much in (0.1, 0.3, 1.0):
                    for steady in (False, True):
                        shifts = study.each(lambda seed: one(seed, path, attack(kind, much), steady))
                        cells.append(milliseconds(max(shifts)))
                yield cells

    head = " | ".join(f"by {much} s: as it is | by the product" for much in ("0.1", "0.3", "1"))
    table(f"path | delayed | {head}", rows())


TABLES = (start, zigzag, week, settings, jumps, suspends, steps, mad, silence, restart, honest, delay)


def main() -> None:
    names = {function.__name__: function for function in TABLES}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(names))
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if unknown := set(arguments.tables) - set(names):
        parser.error(f"no such table: {', '.join(sorted(unknown))}")
    simulator.chronyd()  # copied before there are threads
    study = Study(arguments.seeds, arguments.jobs)
    for name in arguments.tables or names:
        print(f"\n{name}: {names[name].__doc__}\n")
        names[name](study)


if __name__ == "__main__":
    main()
