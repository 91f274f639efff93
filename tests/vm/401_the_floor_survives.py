"""What was agreed once is past, also after a reboot: servers that are all an hour behind are not believed."""

import time

from guest.scenario import MINUTE, Scenario
from guest.servers import SETTINGS_FILE

LIES_FILE = SETTINGS_FILE.replace("50-lab", "60-lies")


class TheFloorSurvives(Scenario):
    def test(self) -> None:
        guest = self.disciplined()
        guest.write(LIES_FILE, self.lab.servers(-60 * MINUTE).settings())
        guest.reboot()
        self.tell(f"  booted again in {guest.boot_seconds:.0f} s; its clock is off by {guest.clock()}")
        self.assert_refused(guest, since=self.wait_network(guest))
        self.assert_untouched(guest, seconds=MINUTE)
        guest.run(f"rm {LIES_FILE}; systemctl reload sdwdated")
        self.assert_right(guest, time.monotonic(), "the servers are honest again")
