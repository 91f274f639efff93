"""Runs the real chronyd on a machine whose clock is made up (virtual_clock.cc), a week of it in less than a second."""

import array
import atexit
import functools
import math
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from lab.daemons import find_program  # noqa: E402

#: Where the build put virtual_clock.so and round_times.
BUILT = Path(os.environ.get("SDWDATE_TESTS_BIN", ROOT / "build" / "release" / "tests"))
#: What people install.
SHIPPED = (ROOT / "packaging" / "chrony" / "sdwdate.conf").read_text()

#: True time when a simulation begins: 1 December 2026, no leap second near.
START = 1796083200
HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True)
class Machine:
    """The simulated hardware, and what its clock shows at first."""

    wrong: float = 0.0  # seconds: system clock - true time
    ppm: float = 50.0  # constant part of the frequency error
    daily_ppm: float = 0.5  # amplitude of a sine with a period of a day, as from a warm afternoon
    walk: float = 1e-9  # random walk of the frequency, per square root of a second
    known_ppm: float | None = None  # what an earlier life left in the driftfile

    def settings(self) -> list[str]:
        return [
            f"set start {START}",
            f"set error {self.wrong!r}",
            f"set frequency {self.ppm * 1e-6!r}",
            f"set daily {self.daily_ppm * 1e-6!r}",
            f"set walk {self.walk!r}",
        ]


class Event(NamedTuple):
    """Something that happens: README.md describes the words."""

    when: float  # seconds of true time since the beginning
    words: str


class Moment(NamedTuple):
    """One line of the trace."""

    when: float
    error: float  # seconds: system clock - true time
    frequency_error: float  # as a fraction, adjustments included


@dataclass
class Run:
    """What came of a simulation."""

    trace: list[Moment]
    log: str
    chronyc: dict[str, str]  # answers, by time and question
    driftfile: str

    def between(self, begin: float, end: float = math.inf) -> list[Moment]:
        return [moment for moment in self.trace if begin <= moment.when <= end]

    def error_at(self, when: float) -> float:
        return min(self.trace, key=lambda moment: abs(moment.when - when)).error

    def rms(self, begin: float, end: float = math.inf) -> float:
        moments = self.between(begin, end)
        return math.sqrt(sum(moment.error**2 for moment in moments) / len(moments))

    def worst(self, begin: float, end: float = math.inf) -> float:
        return max(abs(moment.error) for moment in self.between(begin, end))

    def settles(self, limit: float, begin: float, end: float) -> float:
        """Seconds after `begin` from when on the clock stays within the limit until `end`; inf if it does not."""
        settled = math.inf
        for moment in reversed(self.between(begin, end)):
            if abs(moment.error) > limit:
                break
            settled = moment.when
        return settled - begin

    def reaches(self, limit: float, begin: float) -> float:
        """Seconds after `begin` until the clock is first within the limit; inf if it never is."""
        return next((moment.when - begin for moment in self.between(begin) if abs(moment.error) <= limit), math.inf)

    def steps(self) -> list[float]:
        """By how many seconds chronyd stepped the clock, each time."""
        return [float(line.split()[-2]) for line in self.log.splitlines() if "clock was stepped by" in line]


def configuration(text: str, directory: Path) -> str:
    """A configuration with its paths moved into the directory."""
    for place, name in (
        ("/run/chrony.sdwdate.sock", "sock"),
        ("/var/lib/chrony", "lib"),
        ("/var/log/chrony", "log"),
        ("/etc/chrony/sdwdate.d", "sdwdate.d"),
    ):
        text = text.replace(place, str(directory / name))
    return (
        f"{text}\n"
        f"bindcmdaddress {directory}/command/chronyd.sock\n"
        f"pidfile {directory}/chronyd.pid\n"
        f"user {pwd.getpwuid(os.geteuid()).pw_name}\n"
    )


def simulate(
    events: Iterable[Event],
    *,
    end: float,
    seed: int,
    machine: Machine = Machine(),
    config: str = SHIPPED,
    steady: bool = True,
    keep: Path | None = None,
) -> Run:
    """Runs chronyd through the events until `end`; after each "stop" among them it is started again.

    `steady`: measured rounds are weighed by what was usual (src/timecore/steadiness.h), as in the product.

    `keep` names a folder for all that was written, for a closer look.
    """
    story = [event for event in sorted(events, key=lambda event: event.when) if event.when < end]
    story.append(Event(end, "stop"))
    with tempfile.TemporaryDirectory(prefix="sdwdate-sim-") as name:
        directory = Path(name)
        for folder in ("lib", "log", "command", "sdwdate.d"):
            (directory / folder).mkdir(mode=0o750)
        (directory / "chrony.conf").write_text(configuration(config, directory))
        if machine.known_ppm is not None:
            (directory / "lib" / "chrony.drift").write_text(f"{machine.known_ppm:.6f} 0.5\n")
        scenario = [
            *machine.settings(),
            f"set seed {seed}",
            f"set steady {int(steady)}",
            f"set socket {directory}/sock",
            f"set chronyc {find_program('chronyc', 'chrony')}",
            f"set command-socket {directory}/command/chronyd.sock",
            *(f"{event.when!r} {event.words}" for event in story),
        ]
        (directory / "scenario").write_text("\n".join(scenario) + "\n")
        try:
            for _ in range(sum(event.words == "stop" for event in story)):
                _run(directory)
        finally:
            if keep:
                unreadable = shutil.ignore_patterns("sock", "*.sock")
                shutil.copytree(directory, keep, dirs_exist_ok=True, ignore=unreadable)
        return _results(directory)


def _run(directory: Path) -> None:
    if not (BUILT / "virtual_clock.so").exists():
        raise RuntimeError(f"no virtual_clock.so in {BUILT}: build it, or set SDWDATE_TESTS_BIN")
    log = directory / "output.log"
    command = [
        *_without_power_over_the_clock(),
        "env",  # what comes before it must not be preloaded into
        f"LD_PRELOAD={BUILT / 'virtual_clock.so'}",
        f"VIRTUAL_MACHINE={directory}",
        *[chronyd(), "-d", "-U", "-f", directory / "chrony.conf"],
    ]
    with log.open("ab") as output:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if ended.returncode != 0:
        raise RuntimeError(f"chronyd ended with status {ended.returncode}:\n{log.read_text()[-2000:]}")


def _without_power_over_the_clock() -> list[str]:
    """Should a call slip past the library, the kernel refuses it. The library insists on this."""
    if os.geteuid() != 0:
        return []
    return [find_program("setpriv", "util-linux"), "--bounding-set", "-sys_time", "--inh-caps", "-sys_time", "--"]


@functools.cache
def chronyd() -> Path:
    """A copy of chronyd: Debian's AppArmor profile confines it by its path, away from temporary folders.

    CHRONYD names another one than the system's.
    """
    folder = tempfile.TemporaryDirectory(prefix="sdwdate-sim-chronyd-")
    atexit.register(folder.cleanup)
    return Path(shutil.copy2(os.environ.get("CHRONYD") or find_program("chronyd", "chrony"), folder.name))


def _results(directory: Path) -> Run:
    numbers = array.array("d", (directory / "trace").read_bytes())
    answers = {}
    chronyc = directory / "chronyc.log"
    if chronyc.exists():
        for part in chronyc.read_text().split("# ")[1:]:
            question, _, answer = part.partition("\n")
            answers[question] = answer.strip()
    drift = directory / "lib" / "chrony.drift"
    return Run(
        trace=[Moment(*numbers[i : i + 3]) for i in range(0, len(numbers), 3)],
        log=(directory / "output.log").read_text(),
        chronyc=answers,
        driftfile=drift.read_text() if drift.exists() else "",
    )
