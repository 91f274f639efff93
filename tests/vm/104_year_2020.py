"""The clock says 2020 at boot, as with an empty battery: before anything that the machine could believe."""

import time
from datetime import datetime, timezone

from guest.qemu import Boot
from guest.scenario import MINUTE, Scenario


class Year2020(Scenario):
    def test(self) -> None:
        error = datetime(2020, 1, 1, tzinfo=timezone.utc).timestamp() - time.time()
        guest = self.boot(Boot(rtc_error=error, trust_rtc=True), off_by=error)
        up = self.wait_network(guest)
        self.assert_right(guest, up, "the network is up")
        self.assert_stays_right(guest, up, until=10 * MINUTE, marks=(5 * MINUTE, 10 * MINUTE))
