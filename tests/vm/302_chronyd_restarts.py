"""chronyd is restarted, and with it goes what it knew."""

import time

from guest.scenario import MINUTE, Scenario


class ChronydRestarts(Scenario):
    def test(self) -> None:
        guest = self.disciplined()
        guest.run("systemctl restart chrony")
        restarted = time.monotonic()
        self.assertFalse(guest.is_selected())
        while not guest.is_selected():
            self.assertLess(time.monotonic() - restarted, 2 * MINUTE, guest.run("chronyc -n sources"))
            self.assert_right_now(guest)
            time.sleep(1)
        self.tell(f"  chronyd has selected our source again after {time.monotonic() - restarted:.0f} s")
        self.find("selected after a restart", f"{time.monotonic() - restarted:.1f} s")
        self.assert_stays_right(guest, restarted, until=time.monotonic() - restarted + MINUTE / 2)
