"""The machine sleeps (S3) until the RTC's alarm wakes it."""

from guest.scenario import AT_ONCE, Scenario

ASLEEP = 30


class Suspend(Scenario):
    def test(self) -> None:
        guest = self.disciplined()
        planned = self.wait_quiet(guest, seconds=ASLEEP + 45)
        before = guest.clock()
        resumed = guest.suspend(ASLEEP)
        after = guest.clock()
        slept = (after.boottime - before.boottime) - (after.monotonic - before.monotonic)
        self.tell(f"  asleep for {slept:.1f} s by its own clocks; off by {after} on waking")
        self.assertGreater(slept, ASLEEP - 2)
        self.assert_noticed(guest, resumed, "waking up", planned)
        self.assert_event(guest, "slept", resumed, "waking up", limit=AT_ONCE)
