"""What scenarios share: one guest at a time, and looks at its clock."""

import sys
import time
import unittest
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from lab import LabError, World

from .guest import REPORT, Event, Guest
from .image import Image
from .ports import Reading, duration
from .qemu import Boot
from .servers import Servers

MINUTE = 60.0
DAY = 86400.0
YEAR = 365.25 * DAY

#: A clock is right if it is off by no more than this.
RIGHT = 0.050
#: How long a guest may take to set its clock right.
PATIENCE = 90.0
#: How long the daemon may take to notice what it is told of. Emulated, everything takes its time.
AT_ONCE = 10.0
# A clock that was right for a moment only was passing by.
_HOLD = 10.0
_LOOK_EVERY = 0.5
# A clock that moves by more than this from one look to the next has been set.
_STEP = 0.1


@dataclass(frozen=True)
class Finding:
    """One line of the summary."""

    scenario: str
    what: str
    found: str


@dataclass
class Lab:
    """What outlives a scenario."""

    world: World
    image: Image
    #: Where the journals go.
    output: Path
    findings: list[Finding] = field(default_factory=list)
    _servers: dict[float, Servers] = field(default_factory=dict)
    _guest: Guest | None = None
    _honest: bool = True

    def servers(self, clock_offset: float = 0.0) -> Servers:
        """Web servers with the true time, or that much beside it; started when they are needed first."""
        if clock_offset not in self._servers:
            self._servers[clock_offset] = Servers(self.world, clock_offset)
        return self._servers[clock_offset]

    def boot(self, boot: Boot, servers: Servers | None = None) -> Guest:
        """A new guest, in place of the one before it: each takes half a gigabyte and a processor."""
        self.end_guest()
        files = (servers or self.servers()).files()
        self._guest = self.world.run(Guest(self.world.folder("guest"), self.image, files, boot))
        self._honest = servers is None
        return self._guest

    def guest(self) -> Guest:
        """A guest that asks honest servers: the one that runs, or a new one."""
        return self._guest if self._guest and self._honest else self.boot(Boot())

    def end_guest(self) -> None:
        if self._guest:
            self._guest.stop()
            self._guest = None


class Scenario(unittest.TestCase):
    """One story, told while it goes on. Set `guest` as soon as there is one: its journal is kept."""

    lab: ClassVar[Lab]
    guest: Guest

    def setUp(self) -> None:
        self.name = type(self).__module__
        self._told: list[str] = []
        self._since = 0.0
        self.tell(f"\n{self.name}: {sys.modules[self.name].__doc__}")

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """After a failure the next scenario starts with a guest of its own."""
        result = super().run(result)
        if result and any(test is self for test, _ in [*result.failures, *result.errors]):
            self.lab.end_guest()
        return result

    def tearDown(self) -> None:
        if not hasattr(self, "guest"):
            return
        try:
            known = self.guest.run(f"cat {REPORT}; chronyc -n sources; chronyc -n tracking", check=False)
            story = [self.guest.journal(self._since), "", known]
        except LabError as error:
            story = [f"The guest does not tell: {error}"]
        part = self._testMethodName.removeprefix("test")
        target = self.lab.output / f"{self.name}{part}.txt"
        target.write_text("\n".join([*self._told, "", *story, ""]))

    def tell(self, text: str) -> None:
        print(text, flush=True)
        self._told.append(text)

    def find(self, what: str, found: str) -> None:
        self.lab.findings.append(Finding(self.name, what, found))

    # --- guests ---

    def boot(self, boot: Boot = Boot(), servers: Servers | None = None, off_by: float = 0.0) -> Guest:
        """A new guest. Its clock has to be off by so much when the services start, or the scenario shows nothing."""
        self.guest = self.lab.boot(boot, servers)
        error = self.guest.error_at_start_of("chrony.service")
        self.tell(f"  booted in {self.guest.boot_seconds:.0f} s; at first its clock is off by {duration(error)}")
        self.assert_off_by(error, off_by)
        return self.guest

    def disciplined(self) -> Guest:
        """A guest whose clock is right: the one of the scenario before, or a new one."""
        self.guest = self.lab.guest()
        self.wait_right(self.guest, time.monotonic(), 120.0)
        self._since = self.guest.clock().monotonic
        return self.guest

    def reboot(self, guest: Guest) -> None:
        guest.reboot()
        self._since = 0.0  # the journal has begun anew, too
        self.tell(f"  booted again in {guest.boot_seconds:.0f} s; its clock is off by {guest.clock()}")

    def wait_quiet(self, guest: Guest, seconds: float, timeout: float = 420.0) -> float:
        """Wait until the daemon plans no round for so long. For when it plans the next one, by our CLOCK_MONOTONIC:
        what has become right by then was noticed, and not just asked for in passing."""
        deadline = time.monotonic() + timeout
        while True:
            report = guest.report()
            pause = (report.get("next_round") or 0) - (time.time() + guest.clock().error)
            if report.get("state") == "waiting" and pause >= seconds:
                self.tell(f"  the next round is planned in {pause:.0f} s")
                return time.monotonic() + pause
            if time.monotonic() > deadline:
                raise LabError(f"the daemon does not come to rest: {report}")
            time.sleep(2)

    def wait_network(self, guest: Guest) -> float:
        """When the guest's network was up, by our CLOCK_MONOTONIC."""
        deadline = time.monotonic() + 60
        while (up := guest.network_up()) is None:
            if time.monotonic() > deadline:
                raise LabError(f"the guest has no network\n{guest.journal()}")
            time.sleep(1)
        return up

    # --- looks at chronyd and the clock ---

    def assert_off_by(self, error: float, expected: float) -> None:
        """Is the clock as wrong as it should be? The RTC and `date` know whole seconds only."""
        self.assertAlmostEqual(error, expected, delta=3.0)

    def assert_right_now(self, guest: Guest) -> None:
        reading = guest.clock()
        self.assertLessEqual(abs(reading.error), RIGHT, f"{reading}\n{guest.journal(self._since)}")

    def assert_event(self, guest: Guest, name: str, since: float, what: str, limit: float) -> Event:
        """The daemon's journal tells of this, at most so long after `since`."""
        while True:
            for event in guest.events(self._since):
                if event.name == name:
                    after = guest.at(event.monotonic) - since
                    self.tell(f"  {after:.1f} s after {what}: {event.message}")
                    self.assertLessEqual(after, limit)
                    self.find(f"'{name}' after {what}", f"{after:.1f} s")
                    return event
            self.assertLess(time.monotonic() - since, limit, f"no '{name}' after {what}\n{guest.journal(self._since)}")
            time.sleep(2)

    def assert_untouched(self, guest: Guest, seconds: float) -> None:
        """Nobody sets the clock, nor makes it run faster or slower."""
        first = guest.clock()
        while (now := guest.clock()).at - first.at < seconds:
            self.assertAlmostEqual(now.error, first.error, delta=0.01)
            self.assertFalse(guest.is_selected(), guest.run("chronyc -n sources"))
            time.sleep(2)
        self.tell(f"  {seconds:.0f} s later it is still off by {now}")
        self.find("moved", duration(now.error - first.error))


    def wait_right(self, guest: Guest, since: float, limit: float) -> float:
        """Wait until the clock is right and stays so for a while. How long after `since` it became right."""
        previous: Reading | None = None
        right_since: float | None = None
        while True:
            reading = guest.clock()
            after = reading.at - since
            stepped = previous is None or abs(reading.error - previous.error) > _STEP
            previous = reading
            if is_right(reading):
                if right_since is None:
                    right_since = after
                    self.tell_reading(after, reading, "right")
                if after - right_since >= _HOLD:
                    return right_since
            else:
                right_since = None
                if stepped:
                    self.tell_reading(after, reading)
                if after > limit:
                    self.fail(f"after {after:.0f} s the clock is off by {reading}\n{guest.journal(self._since)}")
            time.sleep(_LOOK_EVERY)

    def assert_right(self, guest: Guest, since: float, what: str, limit: float = PATIENCE) -> None:
        """The product's promise: right within `limit` seconds of `since`."""
        self.tell(f"  seconds after {what:24} the guest's clock is off by")
        seconds = self.wait_right(guest, since, limit)
        self.assertLessEqual(seconds, limit, f"right only {seconds:.0f} s after {what}")
        self.find(f"right after {what}", f"{seconds:.1f} s")

    def assert_noticed(self, guest: Guest, since: float, what: str, planned: float, limit: float = PATIENCE) -> None:
        """The same, and not thanks to the round that was planned anyway."""
        self.assert_right(guest, since, what, min(limit, planned - since))

    def assert_stays_right(self, guest: Guest, since: float, until: float, marks: tuple[float, ...] = ()) -> None:
        """It stays right until `until` seconds after `since`; tell how right at each of `marks`."""
        worst: Reading | None = None
        left = list(marks)
        while True:
            reading = guest.clock()
            after = reading.at - since
            worst = max(filter(None, (worst, reading)), key=lambda each: abs(each.error))
            if left and after >= left[0]:
                self.tell_reading(after, reading)
                self.find(f"off after {left.pop(0) / 60:.0f} min", duration(reading.error))
            self.assertTrue(is_right(reading), f"{after:.0f} s after: {reading}\n{guest.journal(self._since)}")
            if after >= until:
                break
            time.sleep(1)
        self.tell(f"  {'':27} off by {worst} at most until then")

    def tell_reading(self, after: float, reading: Reading, remark: str = "") -> None:
        self.tell(f"  {after:27.1f}    {reading} {remark}".rstrip())


def is_right(reading: Reading) -> bool:
    return abs(reading.error) <= RIGHT
