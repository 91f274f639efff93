"""The clock is a day behind at boot."""

from guest.qemu import Boot
from guest.scenario import DAY, MINUTE, Scenario


class ADayBehind(Scenario):
    def test(self) -> None:
        guest = self.boot(Boot(rtc_error=-DAY), off_by=-DAY)
        up = self.wait_network(guest)
        self.assert_right(guest, up, "the network is up")
        self.assert_stays_right(guest, up, until=MINUTE)
