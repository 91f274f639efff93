"""sdwdated as a daemon: rounds follow each other, servers come and go, chronyd comes and goes, it stops when asked."""

import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import Chronyd, HONEST, HostileServer, LabTest, Nginx, Pool, Sdwdated, Settings, Source, run, wait_until


def children_of(pid: int) -> list[int]:
    """The processes that this one has started and that still exist."""
    command = ["ps", "--no-headers", "-o", "pid", "--ppid", str(pid)]
    listed = subprocess.run(command, capture_output=True, check=False)
    return [int(line) for line in listed.stdout.split()]


def is_running(pid: int) -> bool:
    """Is there such a process, and is it more than an entry that nobody has collected yet?"""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


class Daemon(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.mortal = Nginx(world.folder("nginx"), world.certificate)
        cls.servers = world.start(cls.mortal, *(HostileServer(HONEST, world.certificate) for _ in range(3)))
        cls.chronyd = world.run(Chronyd(world.folder("chrony")))
        cls.configuration = Settings(
            pools=[Pool(f"pool {n}", [Source(server.url, f"operator {n}")]) for n, server in enumerate(cls.servers)],
            chrony_socket=cls.chronyd.socket,
            ca_file=world.ca.file,
            state_directory=world.folder("state"),
            more={"request": {"per_source": 2}},
        ).write(world.directory / "sdwdate.toml")

    def test_feeds_on_through_all_troubles_and_stops_when_asked(self) -> None:
        daemon = self.world.run(Sdwdated(self.world.folder("sdwdated"), self.configuration))
        self.check_selected(daemon)
        self.check_server_loss(daemon)
        self.check_chronyd_restart(daemon)
        self.check_stop(daemon)

    def check_selected(self, daemon: Sdwdated) -> None:
        """Its rounds agree, and chronyd selects the source."""
        (first,) = daemon.wait_rounds(1, timeout=25)[:1]
        self.assertEqual(first["schema"], 1)
        self.assertTrue(first["fed"], first)
        self.assert_within(first["selection"], 0.0)
        wait_until(self.chronyd.is_selected, 20, f"chronyd to select\n{daemon.log_tail()}")

    def check_server_loss(self, daemon: Sdwdated) -> None:
        """A server that dies is reported and costs nothing else."""
        self.mortal.stop()
        seen = len(daemon.rounds())
        last = daemon.wait_rounds(seen + 2, timeout=30)[-1]
        (lost,) = [source for source in last["sources"] if source["url"] == self.mortal.url]
        self.assert_source_failed(lost, "connect", last)
        self.assertTrue(last["fed"], last)
        self.assertEqual(last["selection"]["truechimers"], 3, last)

    def check_chronyd_restart(self, daemon: Sdwdated) -> None:
        """Without chronyd a round is not fed; a new chronyd, with a new socket, is fed again."""
        self.chronyd.stop()
        seen = len(daemon.rounds())
        self.assertFalse(daemon.wait_rounds(seen + 2, timeout=30)[-1]["fed"])
        self.chronyd.start()
        self.chronyd.wait_ready()
        seen = len(daemon.rounds())
        self.assertTrue(daemon.wait_rounds(seen + 2, timeout=30)[-1]["fed"])

    def check_stop(self, daemon: Sdwdated) -> None:
        """SIGTERM ends it at once, in the middle of a round, with everything it started."""
        children = wait_until(lambda: children_of(daemon.pid), 5, "a round to start")
        self.assertIn(daemon.stop(seconds=2), (0, -signal.SIGTERM), daemon.log_tail())
        wait_until(lambda: not any(map(is_running, children)), 1, "the end of what sdwdated had started")

    def test_once_does_one_round(self) -> None:
        result = run("sdwdated", "--config", self.configuration, "--once", "--json")
        self.assertEqual(len(result.stdout.splitlines()), 1, result)
        self.assertIn("selection", result.json)


if __name__ == "__main__":
    unittest.main()
