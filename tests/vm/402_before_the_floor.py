"""All servers agree on a time before this version was made: nobody is believed, and the clock is left alone."""

from guest.qemu import Boot
from guest.scenario import MINUTE, PATIENCE, YEAR, Scenario


class BeforeTheFloor(Scenario):
    def test(self) -> None:
        guest = self.boot(Boot(), servers=self.lab.servers(-YEAR))
        self.assert_event(guest, "round-refused", self.wait_network(guest), "the network is up", limit=PATIENCE)
        self.assert_untouched(guest, seconds=MINUTE)
