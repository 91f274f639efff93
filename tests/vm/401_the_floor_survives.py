"""What was agreed once is past, also after a reboot: servers that are all an hour behind are not believed."""

import time

from guest.scenario import MINUTE, PATIENCE, Scenario
from guest.servers import SETTINGS_FILE

LIES_FILE = SETTINGS_FILE.replace("50-lab", "60-lies")


class TheFloorSurvives(Scenario):
    def test(self) -> None:
        guest = self.disciplined()
        guest.write(LIES_FILE, self.lab.servers(-60 * MINUTE).settings())
        self.reboot(guest)
        self.assert_event(guest, "round-refused", self.wait_network(guest), "the network is up", limit=PATIENCE)
        self.assert_untouched(guest, seconds=MINUTE)
        guest.run(f"rm {LIES_FILE}; systemctl reload sdwdated")
        self.assert_right(guest, time.monotonic(), "the servers are honest again")
