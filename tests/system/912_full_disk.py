"""Nothing can be saved - the disk is full, read-only, or files may not grow - and chrony is fed all the same."""

import os
import sys
import time
import unittest
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    HONEST, HostileServer, LabTest, Pool, Result, SampleRecorder, Sdwdated, Settings, Source, in_namespaces, run,
    wait_until,
)  # fmt: skip

DAY = 86400
OLDER_STAYS = "the older one stays in force"

# "$1" becomes a small disk of its own, on which the last agreed time "$2" is kept, and which "$3" spoils. What is
# there when the program has ended comes last on standard error.
ON_A_DISK = """
set -e
disk=$1
mount -t tmpfs -o size=4k,mode=755 none "$disk"
printf '%s\\n' "$2" > "$disk/last-agreed"
cd "$disk"
eval "$3"
cd /
shift 3
status=0
"$@" || status=$?
echo "left: $(ls -A "$disk" | tr '\\n' ' ')says $(cat "$disk/last-agreed")" >&2
exit $status
"""

#: The file has the disk's only block.
FULL = "true"
READ_ONLY = 'mount --bind "$disk" "$disk" && mount -o remount,bind,ro "$disk"'


def on_a_disk(folder: Path, floor: int, spoil: str) -> list[str]:
    return [*in_namespaces("mount"), "sh", "-c", ON_A_DISK, "sh", str(folder), str(floor), spoil]


class OnDisks(Sdwdated):
    """The daemon, with spoilt disks in place of some folders."""

    def __init__(self, directory: Path, configuration: Path, disks: Sequence[tuple[Path, str]]) -> None:
        super().__init__(directory, configuration)
        mounts = [
            f'disk="{folder}"; mount -t tmpfs -o size=4k,mode=755 none "$disk" && cd "$disk" && {spoil} && cd /'
            for folder, spoil in disks
        ]
        self._prefix = [*in_namespaces("mount"), "sh", "-ec", "\n".join([*mounts, 'exec "$@"']), "sh"]

    def command(self) -> Sequence[str]:
        return [*self._prefix, *super().command()]


class FullDisk(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        cls.servers = cls.world.start(*(HostileServer(HONEST, cls.world.certificate) for _ in range(3)))

    def setUp(self) -> None:
        self.recorder = self.world.run(SampleRecorder(self.world.folder("chrony") / "web.sock"))
        self.state = self.world.folder("state")
        self.runtime = self.world.folder("run")
        self.floor = int(time.time()) - DAY
        self.configuration = Settings(
            pools=[Pool(server.url, [Source(server.url)]) for server in self.servers],
            chrony_socket=self.recorder.path,
            ca_file=self.ca_file,
            state_directory=self.state,
            more={
                "request": {"per_source": 1},
                "state": {"runtime": str(self.runtime)},
                "compat": {"state_files": True},
            },
        ).write(self.world.folder("configuration") / "sdwdate.toml")

    def sync(self, prefix: Sequence[str]) -> Result:
        return run("sdwdate", "sync", "--config", self.configuration, "--json", prefix=prefix)

    def assert_fed(self, result: Result, *parts: str) -> None:
        """The round is done; what could not be saved, and why, is a warning."""
        self.assert_exit(result, 0)
        self.assertTrue(result.json["fed"], f"\n{result}")
        self.assertEqual(len(self.recorder.datagrams()), 1)
        self.assert_message(result, "warning: cannot save the agreed time in", str(self.state), OLDER_STAYS, *parts)

    def assert_intact(self, result: Result) -> None:
        """The old file is as it was, and nothing is left beside it."""
        self.assertEqual(result.stderr.strip().splitlines()[-1], f"left: last-agreed says {self.floor}", f"\n{result}")

    def test_full(self) -> None:
        result = self.sync(on_a_disk(self.state, self.floor, FULL))
        self.assert_fed(result, "No space left on device")
        self.assert_intact(result)

    def test_read_only(self) -> None:
        result = self.sync(on_a_disk(self.state, self.floor, READ_ONLY))
        self.assert_fed(result, "Read-only file system")
        self.assert_intact(result)

    def test_files_may_not_grow(self) -> None:
        """A limit on the size of files ends a program that does not say that it wants an error instead."""
        file = self.state / "last-agreed"
        file.write_text(f"{self.floor}\n")
        # What it prints goes into pipes, for which there is no limit.
        script = 'set -o pipefail; prlimit --fsize=0 -- "$@" 2> >(cat >&2) | cat'
        result = self.sync(["bash", "-c", script, "bash"])
        self.assert_fed(result, "File too large")
        self.assertEqual(file.read_text(), f"{self.floor}\n")
        self.assertEqual([path.name for path in self.state.iterdir()], ["last-agreed"])

    def test_the_older_floor_is_in_force(self) -> None:
        """What could not be replaced still refuses a time before it."""
        ahead = int(time.time()) + 100 * DAY
        self.assert_exit(self.sync(on_a_disk(self.state, ahead, READ_ONLY)), 4)
        self.assertEqual(self.recorder.datagrams(), [])

    def daemon(self, *disks: tuple[Path, str]) -> OnDisks:
        daemon = self.world.run(OnDisks(self.world.folder("sdwdated"), self.configuration, disks))
        self.addCleanup(daemon.stop)
        return daemon

    def test_daemon_with_a_runtime_directory_that_cannot_be_written(self) -> None:
        daemon = self.daemon((self.runtime, READ_ONLY))
        rounds = daemon.wait_rounds(2, 40)
        self.assertTrue(all(each["fed"] for each in rounds), rounds)
        log = daemon.log_file.read_text()
        self.assertIn(f"cannot write {self.runtime}/report.json: Read-only file system", log)
        self.assertIn(f"cannot keep {self.runtime}/", log)
        floor = (self.state / "last-agreed").read_text()
        self.assertRegex(floor, r"^floor [0-9]+ rounds .*\nround [0-9]+ .*\n$")
        self.assertAlmostEqual(int(floor.split()[1]), time.time(), delta=60)

    def test_daemon_with_full_disks(self) -> None:
        # One block each, which is taken: as far as the daemon is concerned by a file of somebody else's.
        full = "head -c 4096 /dev/zero > other"
        daemon = self.daemon((self.runtime, full), (self.state, full))
        rounds = daemon.wait_rounds(2, 40)
        self.assertTrue(all(each["fed"] for each in rounds), rounds)
        wait_until(lambda: "report.json: No space left on device" in daemon.log_file.read_text(), 5, "the warning")
        log = daemon.log_file.read_text()
        self.assertIn(f"cannot save the agreed time in {self.state} (No space left on device); {OLDER_STAYS}", log)
        # The folders as the daemon sees them.
        seen = [Path(f"/proc/{daemon.pid}/root{folder}") for folder in (self.state, self.runtime)]
        self.assertEqual(os.listdir(seen[0] / "."), ["other"])
        self.assertNotIn("report.json.new", os.listdir(seen[1] / "."))


if __name__ == "__main__":
    unittest.main()
