"""Qubes: suspend hooks, net qubes, who sets the clock, by the real scripts in a qube that is none."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import BIN, LabTest
from lab.qubes import PACKAGING, FakeQube

PRE = "usr/libexec/sdwdate/suspend-pre"
POST = "usr/libexec/sdwdate/suspend-post"
JUMP = "usr/sbin/sdwdate-clock-jump"
FLAGS = ("run/sdwdate/first_success", "run/sdwdate/success", "run/sdwdate/fail")
RESTART = "--no-pager restart sdwdated.service"
STOP = "--no-pager stop sdwdated.service"
IS_ACTIVE = "is-active sdwdated.service"
TEMPLATE = "run/qubes/this-is-templatevm"


class QubesTest(LabTest):
    def qube(self, **options) -> FakeQube:
        return FakeQube(self.world.folder("qube"), **options)

    def assert_status(self, qube: FakeQube, script: str, expected: int, *, says: str = "") -> None:
        result = qube.run(script)
        self.assertEqual(result.returncode, expected, result)
        self.assertEqual(result.stdout, "")
        if says:
            self.assertIn(says, result.stderr)
            self.assertIn(script.rsplit("/", 1)[1], result.stderr)
        else:
            self.assertEqual(result.stderr, "")


class Suspend(QubesTest):
    def test_before_and_after(self) -> None:
        qube = self.qube()
        qube.touch(*FLAGS, "run/sdwdate/status")
        self.assert_status(qube, PRE, 0)
        self.assertEqual(qube.calls(), [IS_ACTIVE, STOP])
        for flag in FLAGS:
            self.assertFalse(qube.has(flag), "nobody is told any more that the clock is right")
        self.assertTrue(qube.has("run/sdwdate/status"), "sdwdate-gui watches it")
        qube.daemon("inactive", enabled=True)
        self.assert_status(qube, POST, 0)
        self.assertEqual(qube.calls(), [RESTART])
        self.assert_status(qube, POST, 0)
        self.assertEqual(qube.calls(), [], "only once")

    def test_a_daemon_on_its_way_counts_as_running(self) -> None:
        for state in ("activating", "reloading"):
            qube = self.qube()
            qube.daemon(state, enabled=True)
            self.assert_status(qube, PRE, 0)
            self.assertEqual(qube.calls(), [IS_ACTIVE, STOP])

    def test_who_stopped_it_meant_it(self) -> None:
        for state in ("inactive", "failed", "deactivating"):
            qube = self.qube()
            qube.daemon(state, enabled=True)
            qube.touch(*FLAGS)
            self.assert_status(qube, PRE, 0)
            self.assert_status(qube, POST, 0)
            self.assertEqual(qube.calls(), [IS_ACTIVE])
            self.assertTrue(qube.has(FLAGS[0]))

    def test_not_in_a_template(self) -> None:
        qube = self.qube()
        qube.touch(TEMPLATE, *FLAGS)
        for script in (PRE, POST):
            self.assert_status(qube, script, 0)
        self.assertEqual(qube.calls(), [])
        self.assertTrue(qube.has(FLAGS[0]))

    def test_only_root(self) -> None:
        qube = self.qube()
        qube.become("user")
        for script in (PRE, POST):
            self.assert_status(qube, script, 2, says="root")
        self.assertEqual(qube.calls(), [])

    def test_outside_of_qubes(self) -> None:
        qube = self.qube(qubes=False)
        for script in (PRE, POST):
            self.assert_status(qube, script, 3, says="not Qubes")
        self.assertEqual(qube.calls(), [])


class ClockJump(QubesTest):
    def test_begin_anew(self) -> None:
        qube = self.qube(qubes=False)
        qube.touch(*FLAGS, "run/sdwdate/status", "run/sdwdate/msg", "run/sdwdate/report.json")
        self.assert_status(qube, JUMP, 0)
        self.assertEqual(qube.calls(), [RESTART])
        self.assertEqual(sorted(os.listdir(qube.root / "run/sdwdate")), ["msg", "report.json", "status"])

    def test_a_link_is_removed_and_not_followed(self) -> None:
        qube = self.qube(qubes=False)
        qube.touch("precious")
        (qube.root / FLAGS[0]).symlink_to(qube.root / "precious")
        self.assert_status(qube, JUMP, 0)
        self.assertFalse(qube.has(FLAGS[0]))
        self.assertTrue(qube.has("precious"))

    def test_only_root(self) -> None:
        qube = self.qube(qubes=False)
        qube.touch(*FLAGS)
        qube.become("user")
        self.assert_status(qube, JUMP, 1, says="root")
        self.assertTrue(qube.has(FLAGS[0]))
        self.assertEqual(qube.calls(), [])

    def test_without_systemd(self) -> None:
        qube = self.qube(qubes=False)
        qube.touch(*FLAGS)
        (qube.root / "run/systemd/system").rmdir()
        self.assert_status(qube, JUMP, 1, says="systemd does not run here")
        self.assertFalse(qube.has(FLAGS[0]), "what can be done is done")
        self.assertEqual(qube.calls(), [])


class Network(QubesTest):
    HAS_NETVM = "usr/libexec/sdwdate/has-netvm"

    def test_a_net_qube_or_being_one(self) -> None:
        self.assert_status(self.qube(netvm=("/qubes-gateway",)), self.HAS_NETVM, 0)
        self.assert_status(self.qube(netvm=("/qubes-netvm-gateway",)), self.HAS_NETVM, 0)
        self.assert_status(self.qube(netvm=()), self.HAS_NETVM, 1)

    def test_outside_of_qubes_there_may_be_one(self) -> None:
        self.assert_status(self.qube(qubes=False), self.HAS_NETVM, 0)
        dom0 = self.qube(netvm=())
        (dom0.root / "usr/share/qubes/marker-vm").unlink()
        self.assert_status(dom0, self.HAS_NETVM, 0)


class WhoSetsTheClock(QubesTest):
    MAY_SYNC = "usr/libexec/sdwdate/may-sync"

    def test_not_qubes_where_sdwdated_does(self) -> None:
        self.assert_status(self.qube(), self.MAY_SYNC, 1)

    def test_qubes_where_sdwdated_does_not(self) -> None:
        template, told, offline, disabled = (self.qube(), self.qube(), self.qube(netvm=()), self.qube())
        template.touch(TEMPLATE)
        told.touch("run/qubes-service/no-sdwdate")
        disabled.daemon("active", enabled=False)
        for qube in (template, told, offline, disabled):
            self.assert_status(qube, self.MAY_SYNC, 0)

    def chronyd_starts(self, qube: FakeQube) -> bool:
        """By our drop-in, and in a qube by Qubes' own for the same unit, as systemd sees them together."""
        lines = (PACKAGING / "qubes/chrony.conf").read_text().splitlines()
        conditions = [line for line in lines if line.startswith("Condition")]
        self.assertEqual(len(conditions), 2)
        if qube.has("usr/share/qubes/marker-vm"):
            conditions.append("ConditionPathExists=|/run/qubes-service/clocksync")
        rooted = [line.replace("|/", f"|{qube.root}/").replace("|!/", f"|!{qube.root}/") for line in conditions]
        result = subprocess.run(["systemd-analyze", "condition", *rooted], capture_output=True, text=True, check=False)
        self.assertIn("Conditions", result.stdout + result.stderr)
        return result.returncode == 0

    def test_chronyd_starts_where_it_is_ours(self) -> None:
        ours = "etc/systemd/system/chrony.service.d/50-sdwdate.conf"
        for qubes in (False, True):
            for clocksync in (False, True):
                for enabled in (False, True):
                    with self.subTest(qubes=qubes, clocksync=clocksync, enabled=enabled):
                        qube = self.qube(qubes=qubes)
                        qube.touch(*[ours] * enabled, *["run/qubes-service/clocksync"] * clocksync)
                        self.assertEqual(self.chronyd_starts(qube), not qubes or clocksync or enabled)


class Installed(QubesTest):
    def test_hooks_and_drop_ins_lie_where_qubes_looks(self) -> None:
        root = self.world.folder("installed")
        for part in ("qubes", "compat"):
            subprocess.run(
                ["cmake", "-DCMAKE_INSTALL_PREFIX=/usr", "-P", BIN.parent / "packaging" / part / "cmake_install.cmake"],
                env={**os.environ, "DESTDIR": str(root)},
                capture_output=True,
                check=True,
            )
        found = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
        units = "usr/lib/systemd/system"
        for path in (
            f"{units}/qubes-sync-time.service.d/40_sdwdate.conf",
            f"{units}/chrony.service.d/40-sdwdate-qubes.conf",
            "usr/lib/qubes-bind-dirs.d/40_sdwdate.conf",
        ):
            self.assertEqual(found.pop(path).stat().st_mode & 0o777, 0o644, path)
        for path in ("suspend-pre.d/30_sdwdate.sh", "suspend-post.d/30_sdwdate.sh", "has-netvm", "may-sync",
                     "suspend-pre", "suspend-post", "sdwdate-clock-jump"):  # fmt: skip
            (full,) = [name for name in found if name.endswith(f"/{path}")]
            self.assertEqual(found.pop(full).stat().st_mode & 0o777, 0o755, path)
        self.assertEqual([name.rsplit("/", 3)[1:] for name in found], [["privleap", "conf.d", "sdwdate.conf"]])

    def test_what_is_named_is_there(self) -> None:
        """Commands in hooks, drop-ins and actions are those that are installed."""
        hooks = {
            "qubes/suspend-pre.sh": "/usr/libexec/sdwdate/suspend-pre",
            "qubes/suspend-post.sh": "/usr/libexec/sdwdate/suspend-post",
            "qubes/qubes-sync-time.conf": "ExecCondition=/usr/libexec/sdwdate/may-sync",
            "compat/privleap.conf": "Command=/usr/sbin/sdwdate-clock-jump",
        }
        for file, words in hooks.items():
            self.assertIn(words, (PACKAGING / file).read_text().replace("exec ", "").splitlines(), file)

    def test_bind_dirs(self) -> None:
        """Qubes reads the file with bash."""
        script = f'binds=(/first); . "{PACKAGING}/qubes/bind-dirs.conf"; echo "${{binds[@]}}"'
        result = subprocess.run(["bash", "-eu", "-c", script], capture_output=True, text=True, check=True)
        self.assertEqual(result.stdout, "/first /var/lib/sdwdate\n")


if __name__ == "__main__":
    unittest.main()
