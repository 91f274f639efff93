"""The whole machine stands still for a minute, and none of its clocks but the RTC can tell."""

from guest.scenario import AT_ONCE, MINUTE, PATIENCE, Scenario

# The daemon looks at the RTC when the watchdog is due: twice in WatchdogSec=3min.
TICK = 90.0


class Pause(Scenario):
    def test(self) -> None:
        guest = self.disciplined()
        planned = self.wait_quiet(guest, TICK + PATIENCE)
        resumed = guest.pause(MINUTE)
        self.assert_off_by(guest.clock().error, -MINUTE)
        # The guest has stood still, and so has its plan.
        self.assert_noticed(guest, resumed, "the pause", planned + MINUTE, limit=TICK + PATIENCE)
        self.assert_event(guest, "paused", resumed, "the pause", limit=TICK + AT_ONCE)
