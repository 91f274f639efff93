"""All servers agree on a time before this version was made: nobody is believed, and the clock is left alone."""

from guest.qemu import Boot
from guest.scenario import MINUTE, YEAR, Scenario


class BeforeTheFloor(Scenario):
    def test(self) -> None:
        guest = self.boot(Boot(), servers=self.lab.servers(-YEAR))
        self.assert_refused(guest, since=self.wait_network(guest))
        self.assert_untouched(guest, seconds=MINUTE)
