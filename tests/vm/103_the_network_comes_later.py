"""The clock is a day behind at boot, and the network cable is plugged in a minute later."""

import time

from guest.qemu import Boot
from guest.scenario import AT_ONCE, DAY, MINUTE, Scenario


class TheNetworkComesLater(Scenario):
    def test(self) -> None:
        guest = self.boot(Boot(rtc_error=-DAY, linked=False), off_by=-DAY)
        time.sleep(MINUTE)
        self.assertIsNone(guest.network_up())
        self.assert_off_by(guest.clock().error, -DAY)
        plugged = guest.set_link(True)
        self.assert_right(guest, plugged, "the cable is plugged in")
        self.assert_event(guest, "link-up", plugged, "the cable is plugged in", limit=AT_ONCE)
