"""What tests of whole rounds share: `sdwdate sync` over given pools, and what may reach chrony afterwards."""

from collections.abc import Sequence

from .behaviours import HONEST
from .checks import LabTest
from .chrony import SampleRecorder
from .commands import Result, run
from .hostile import Behaviour, HostileServer
from .settings import Pool, Settings, Source


class RoundTest(LabTest):
    """Each test has a recorder in chrony's place, and a state directory of its own."""

    @classmethod
    def serve(cls, clock_offset: float = 0.0, behaviour: Behaviour = HONEST) -> HostileServer:
        """A server that answers as it should, by its own clock."""
        return cls.world.run(HostileServer(behaviour, cls.world.certificate, clock_offset=clock_offset))

    def setUp(self) -> None:
        self.recorder = self.world.run(SampleRecorder(self.world.folder("recorder") / "web.sock"))
        self.state = self.world.folder("state")

    def sync(self, *pools: Sequence[Source | HostileServer], transport: str = "direct", **more) -> Result:
        """One round over these pools."""
        named = [
            Pool(f"pool {number}", [each if isinstance(each, Source) else Source(each.url) for each in pool])
            for number, pool in enumerate(pools)
        ]
        tables = {"request": {"per_source": 2, "timeout": "5s"}, **more}
        settings = Settings(named, self.recorder.path, self.ca_file, self.state, transport, more=tables)
        path = settings.write(self.world.folder("configuration") / "sdwdate.toml")
        return run("sdwdate", "sync", "--config", path, "--json")

    def assert_not_fed(self, result: Result, exit_code: int) -> None:
        self.assert_exit(result, exit_code)
        self.assertFalse(result.json["fed"], f"\n{result}")
        self.assertEqual(self.recorder.datagrams(), [], "nothing may reach chrony")
        self.assert_message(result)

    def assert_fed(self, result: Result, truth: float = 0.0) -> None:
        self.assert_exit(result, 0)
        self.assertTrue(result.json["fed"], f"\n{result}")
        self.assert_within(result.selection, truth)
        samples = self.recorder.samples()
        self.assertTrue(samples, "a sample must have arrived")
        for sample in samples:
            # The sample is made a moment later than the selection: a clock drifts by less than this meanwhile.
            self.assertAlmostEqual(sample.offset, result.selection["offset"], delta=0.01)
        taken = [sample.taken for sample in samples]
        self.assertEqual(taken, sorted(set(taken)), "chrony wants times that grow")

    def outcomes(self, result: Result) -> dict[str, str]:
        return {source["url"]: source["outcome"] for source in result.sources}
