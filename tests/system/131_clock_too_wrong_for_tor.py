"""A clock that is too wrong for Tor: from what Tor knows, a rough time is had, Tor goes on, and a full round follows.

Tor and our programs run with the same wrong clock; the recorder stands for chronyd, and the test for what chronyd then
does with the clock.
"""

import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    LabTest, Pool, Result, SampleRecorder, Sdwdated, Settings, Source, faketime_environment, in_parallel, run, wait_until,
)  # fmt: skip
from lab.caches import PlainNginx
from lab.tor import TorClient, TorNetwork

DAY = 86400.0
#: By how much the newest entry of CHANGELOG, which is the build's floor, may be old.
FLOOR_IS_WITHIN = 200 * DAY


class FakedSdwdated(Sdwdated):
    """The daemon with a wrong clock."""

    def __init__(self, directory: Path, configuration: Path, clock_offset: float) -> None:
        super().__init__(directory, configuration)
        self._clock_offset = clock_offset

    def environment(self) -> dict[str, str]:
        return faketime_environment(self._clock_offset)


class ClockTooWrongForTor(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        plain = world.run(PlainNginx(world.folder("plain")))
        names = ("first", "second", "third")
        cls.network = world.run(TorNetwork(world.folder("tor"), {name: {80: plain.port} for name in names}))
        cls.sources = [Source(f"http://{cls.network.onions[name]}/", operator=name) for name in names]

    def client(self, **clock: object) -> TorClient:
        client = self.network.add_client(**clock)
        wait_until(lambda: client.cookie.exists() and "Opened Control" in client.said(), 20, "the control port")
        return client

    def configuration(self, client: TorClient, socket: Path, **tor: object) -> Path:
        return Settings(
            pools=[Pool(f"pool {number}", [source]) for number, source in enumerate(self.sources)],
            chrony_socket=socket,
            ca_file=self.ca_file,
            state_directory=self.world.folder("state"),
            transport="tor",
            more={
                "tor": {
                    "socks": client.socks, "control": f"unix:{client.control_path}", "cookie": str(client.cookie), **tor,
                },
                "request": {"timeout": "60s", "per_source": 3},
                "state": {"runtime": str(self.world.folder("run"))},
            },
        ).write(self.world.folder("configuration") / "tor.toml")  # fmt: skip

    def test_rough_times(self) -> None:
        """What docs/tor.md has a table of; all at once, since Tor needs its time."""
        since_1970 = time.time()
        works, nothing = "Tor works", "Nothing that Tor knows"
        cases = {
            "-3 h": (-DAY / 8, works),
            "+3 h": (DAY / 8, works),
            "-1 d": (-DAY, works),
            "+1 d": (DAY, works),
            "-2 d": (-2 * DAY, "relays"),
            "+2 d": (2 * DAY, "relays"),
            "-30 d": (-30 * DAY, "relays"),
            "1970": (DAY - since_1970, "floor"),
            "+30 d": (30 * DAY, nothing),
            "+1 y": (365 * DAY, nothing),
        }
        prepared = []
        for off, _ in cases.values():
            recorder = self.world.run(SampleRecorder(self.world.folder("recorder") / "socket"))
            client = self.client(clock_offset=off)
            prepared.append((off, recorder, self.configuration(client, recorder.path)))

        def rough(job: tuple[float, SampleRecorder, Path]) -> Result:
            off, _, configuration = job
            return run("sdwdate", "rough", "--json", "--config", configuration,
                       environment=faketime_environment(off), timeout=120)  # fmt: skip

        results = in_parallel(rough, prepared)
        for name, (off, recorder, _), result in zip(cases, prepared, results, strict=True):
            with self.subTest(name):
                expected = cases[name][1]
                if expected in (works, nothing):
                    self.assert_exit(result, 1)
                    self.assert_message(result, expected)
                    self.assertEqual(recorder.samples(), [])
                    self.assertIsNone(result.json["rough"])
                    continue
                self.assert_exit(result, 0)
                found = result.json["rough"]
                self.assertEqual(found["basis"], expected)
                # Relays are right to a second or two; the floor is that of a build that may be old.
                right = 5 if expected == "relays" else FLOOR_IS_WITHIN
                self.assertLess(abs(found["offset"] + off), right)
                self.assertEqual(len(recorder.samples()), 3)
                for sample in recorder.samples():
                    self.assertAlmostEqual(sample.offset, found["offset"], delta=0.01)

    def test_a_dry_run_feeds_nobody(self) -> None:
        client = self.client(clock_offset=-2 * DAY)
        result = run("sdwdate", "rough", "--dry-run", "--config", self.configuration(client, Path("/nowhere/socket")),
                     environment=faketime_environment(-2 * DAY), timeout=120)  # fmt: skip
        self.assert_exit(result, 0)
        self.assert_message(result, "clocks of relays in 3 networks", "slow")

    def test_the_daemon_heals_by_itself(self) -> None:
        """With the clock set by its rough time, Tor goes on, and a full round follows."""
        directory = self.world.folder("clock")
        clock = directory / "offset"
        clock.write_text(f"{2 * DAY:+.6f}\n")
        recorder = self.world.run(SampleRecorder(directory / "socket"))
        client = self.client(clock_file=clock)
        configuration = self.configuration(client, recorder.path)
        daemon = self.world.run(FakedSdwdated(self.world.folder("daemon"), configuration, 2 * DAY))
        wait_until(lambda: len(recorder.samples()) >= 3, 60, "a rough sample")
        daemon.stop()
        (first,) = daemon.rounds()[:1]
        self.assertEqual(first["rough"]["basis"], "relays")
        self.assertIn("By the clocks of relays", daemon.log_tail())
        off = recorder.samples()[0].offset
        self.assertLess(abs(off + 2 * DAY), 5)

        # Tor has to live through it.
        wrong_by = 2 * DAY + off
        (directory / "new").write_text(f"{wrong_by:+.6f}\n")
        (directory / "new").rename(clock)
        daemon = self.world.run(FakedSdwdated(self.world.folder("daemon"), configuration, wrong_by))
        wait_until(lambda: any(one["selection"]["agreed"] for one in daemon.rounds()), 120, "a full round")
        last = daemon.rounds()[-1]
        self.assertIsNone(last["rough"])
        self.assertLess(abs(last["selection"]["offset"] + wrong_by), 1.5)
        daemon.stop()

    def test_the_daemon_may_be_told_not_to(self) -> None:
        recorder = self.world.run(SampleRecorder(self.world.folder("recorder") / "socket"))
        configuration = self.configuration(self.client(clock_offset=-2 * DAY), recorder.path, rough=False)
        daemon = self.world.run(FakedSdwdated(self.world.folder("daemon"), configuration, -2 * DAY))
        (first,) = daemon.wait_rounds(1, 60)[:1]
        self.assertIsNone(first["rough"])
        self.assertEqual(recorder.samples(), [])
        daemon.stop()


class OneRelayLies(LabTest):
    """The one relay that Tor reaches, and an authority at that, says that it is three days later."""

    def test_it_moves_nothing(self) -> None:
        world = self.world
        plain = world.run(PlainNginx(world.folder("plain")))
        network = world.run(TorNetwork(world.folder("tor"), {"news": {80: plain.port}}))
        liar = network.relays[0]
        liar.stop()
        liar.set_clock(3 * DAY)
        liar.start()
        client = network.add_client(lines=[f"ReachableAddresses accept {network.address(0)}:*, reject *:*"])
        wait_until(lambda: client.cookie.exists() and "Opened Control" in client.said(), 20, "the control port")
        with client.control() as control:
            control.ask("SETEVENTS STATUS_GENERAL")
            self.assertIn("CLOCK_SKEW", control.event(40), "Tor believes that its clock is wrong")
        recorder = world.run(SampleRecorder(world.folder("recorder") / "socket"))
        configuration = Settings(
            pools=[Pool("only", [Source(f"http://{network.onions['news']}/")])],
            chrony_socket=recorder.path,
            ca_file=self.ca_file,
            state_directory=world.folder("state"),
            transport="tor",
            more={"tor": {"socks": client.socks, "control": f"unix:{client.control_path}",
                          "cookie": str(client.cookie)}},
        ).write(world.folder("configuration") / "tor.toml")  # fmt: skip
        result = run("sdwdate", "rough", "--json", "--config", configuration, timeout=120)
        self.assert_exit(result, 1)
        self.assertIsNone(result.json["rough"], f"\n{result}")
        self.assertEqual(recorder.samples(), [])


if __name__ == "__main__":
    unittest.main()
