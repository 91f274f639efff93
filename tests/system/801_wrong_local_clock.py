"""The client's own clock is years off, as after a flat battery: it still finds the time, and trusts only then."""

import sys
import time
import unittest
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    HONEST, HostileServer, LabTest, Nginx, Pool, SampleRecorder, Settings, Source, Validity, faketime_environment,
    in_parallel, query, run,
)  # fmt: skip

DAY = 86400.0
YEAR = 365.25 * DAY
LOCAL = ("localhost", "127.0.0.1")


def since(year: int) -> float:
    """How far a clock is behind that says it is this year's first day."""
    return datetime(year, 1, 1, tzinfo=timezone.utc).timestamp() - time.time()


class WrongLocalClock(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        # A month of validity around now, as people have who renew often: nothing that a wrong clock would like.
        cls.certificate = world.ca.issue(LOCAL, Validity.days(-15, 15))
        cls.servers = world.start(*(HostileServer(HONEST, cls.certificate) for _ in range(3)))
        cls.nginx = world.run(Nginx(world.folder("nginx"), cls.certificate))

    def query_with_clock(self, off: float, server):
        return query(server.url, ca_file=self.ca_file, environment=faketime_environment(off))

    def test_measures_from_any_year(self) -> None:
        """Behind, ahead, at the dawn of UNIX, after 2038: the offset is what the clock is off, the other way round."""
        clocks = (-5 * YEAR, 5 * YEAR, -90 * DAY, -600.0, since(1971), since(2040), since(2105))
        results = in_parallel(lambda off: self.query_with_clock(off, self.nginx), clocks)
        for off, result in zip(clocks, results, strict=True):
            with self.subTest(off=off):
                self.assert_measured(result, -off)

    def test_certificates_are_checked_at_the_claimed_time(self) -> None:
        """Expired is expired, also for a client whose clock would not notice, or even likes the certificate better."""
        ca = self.world.ca
        expired = self.world.run(HostileServer(HONEST, ca.issue(LOCAL, Validity.days(-400, -300))))
        future = self.world.run(HostileServer(HONEST, ca.issue(LOCAL, Validity.days(300, 400))))
        for off, server in ((-350 * DAY, expired), (350 * DAY, future), (-5 * YEAR, expired), (5 * YEAR, expired)):
            with self.subTest(off=off):
                self.assert_failed(self.query_with_clock(off, server), "tls_certificate", server.url)

    def test_sync_feeds_the_way_back(self) -> None:
        for off in (-3 * YEAR, 2 * YEAR):
            with self.subTest(off=off):
                self.check_sync(off)

    def check_sync(self, off: float) -> None:
        recorder = self.world.run(SampleRecorder(self.world.folder("recorder") / "web.sock"))
        folder = self.world.folder("configuration")
        configuration = Settings(
            pools=[Pool(server.url, [Source(server.url)]) for server in self.servers],
            chrony_socket=recorder.path,
            ca_file=self.ca_file,
            state_directory=self.world.folder("state"),
            more={"request": {"per_source": 2}},
        ).write(folder / "sdwdate.toml")
        result = run("sdwdate", "sync", "--config", configuration, "--json", environment=faketime_environment(off))
        self.assert_exit(result, 0)
        self.assert_within(result.selection, -off)
        for sample in recorder.samples():
            self.assertAlmostEqual(sample.offset, -off, delta=1.5)
            self.assertAlmostEqual(sample.taken, time.time() + off, delta=10, msg="taken on the wrong clock")

    def test_tool_feeds_the_way_back(self) -> None:
        recorder = self.world.run(SampleRecorder(self.world.folder("recorder") / "web.sock"))
        off = -5 * YEAR
        arguments = ("--socket", recorder.path, str(int(time.time())))
        result = run("unixtime-to-chrony-socket", *arguments, environment=faketime_environment(off))
        self.assert_exit(result, 0)
        (sample,) = recorder.samples()
        self.assertAlmostEqual(sample.offset, -off, delta=3)


if __name__ == "__main__":
    unittest.main()
