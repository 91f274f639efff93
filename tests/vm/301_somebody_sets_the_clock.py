"""Somebody sets the clock, a little ahead and a lot behind."""

import time

from guest.scenario import AT_ONCE, MINUTE, Scenario


class SomebodySetsTheClock(Scenario):
    def test_three_seconds_ahead(self) -> None:
        self.check(3.0)

    def test_ten_minutes_behind(self) -> None:
        self.check(-10 * MINUTE)

    def check(self, step: float) -> None:
        guest = self.disciplined()
        planned = self.wait_quiet(guest, seconds=45)
        guest.run(f"date --set='{step:+.0f} seconds'")
        stepped = time.monotonic()
        self.assert_off_by(guest.clock().error, step)
        self.assert_noticed(guest, stepped, f"a step of {step:+.0f} s", planned)
        self.assert_event(guest, "clock-stepped", stepped, f"a step of {step:+.0f} s", limit=AT_ONCE)
