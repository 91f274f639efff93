"""The clock is three days ahead at boot, so that it has to be set back."""

from guest.qemu import Boot
from guest.scenario import DAY, MINUTE, Scenario


class ThreeDaysAhead(Scenario):
    def test(self) -> None:
        guest = self.boot(Boot(rtc_error=3 * DAY), off_by=3 * DAY)
        up = self.wait_network(guest)
        self.assert_right(guest, up, "the network is up")
        self.assert_stays_right(guest, up, until=MINUTE)
