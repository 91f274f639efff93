"""`sdwdate chrony enable` and `disable` on a tree of files, with a systemctl that writes down what it is asked."""

import os
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import LabTest, Result, as_nobody, copy_of_executables, run
from lab.chrony_service import CONFIGURATION, DROP_IN, OFFLINE_DROP_IN, SERVE_CONFIGURATION, SHIPPED

SYSTEMCTL = """#!/bin/sh
cd "$(dirname "$0")" && echo "$*" >> asked
case $1 in
  show) printf 'Id=chrony.service\\nActiveState=%s\\nUnitFileState=%s\\nMainPID=0\\n' $(cat state) ;;
  restart) [ ! -e fails ] || { echo 'Job for chrony.service failed.' >&2; exit 1; } ;;
esac
"""
RESTARTED = ["daemon-reload", "show --property=Id,ActiveState,UnitFileState,MainPID -- chrony.service",
             "restart chrony.service"]  # fmt: skip


class ChronyEnable(LabTest):
    def setUp(self) -> None:
        self.root = self.world.folder("root")
        self.put("/lib/systemd/system/chrony.service", "[Service]\n")
        self.put(CONFIGURATION, (SHIPPED / "sdwdate.conf").read_text())
        for name in ("offline.conf", "serve.conf"):
            self.put(OFFLINE_DROP_IN.with_name(name), (SHIPPED / name).read_text())
        self.systemd = self.world.folder("systemd")
        self.systemctl = self.systemd / "systemctl"
        self.systemctl.write_text(SYSTEMCTL)
        self.systemctl.chmod(0o755)
        self.unit_is("active", "enabled")
        self.before = self.files()

    def at(self, path: Path | str) -> Path:
        return self.root / str(path).lstrip("/")

    def put(self, path: Path | str, text: str) -> None:
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.at(path).write_text(text)

    def files(self) -> dict[str, str]:
        """Everything below the root: a file's text, or where a link leads."""
        entries = [entry for entry in self.root.rglob("*") if entry.is_symlink() or entry.is_file()]
        return {
            "/" + str(entry.relative_to(self.root)): os.readlink(entry) if entry.is_symlink() else entry.read_text()
            for entry in entries
        }

    def added(self) -> dict[str, str]:
        return dict(self.files().items() - self.before.items())

    def unit_is(self, active: str, enabled: str) -> None:
        (self.systemd / "state").write_text(f"{active} {enabled}")

    def chrony(self, *arguments: str) -> Result:
        return run("sdwdate", "chrony", *arguments, "--root", self.root, "--systemctl", self.systemctl)

    def asked(self) -> list[str]:
        """What systemctl was asked since this was last looked at."""
        log = self.systemd / "asked"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def done(self, *arguments: str) -> Result:
        result = self.chrony(*arguments)
        self.assert_exit(result, 0)
        return result

    def refused(self, *arguments: str, says: str) -> None:
        """Nothing is changed, nobody is asked."""
        before = self.files()
        result = self.chrony(*arguments)
        self.assert_exit(result, 2)
        self.assert_message(result, says)
        self.assertEqual(self.files(), before)
        self.assertEqual(self.asked(), [])

    def test_offline_and_back(self) -> None:
        result = self.done("enable")
        self.assertEqual(self.added(), {str(DROP_IN): str(OFFLINE_DROP_IN)})
        self.assertEqual(self.asked(), RESTARTED)
        self.assertIn("offline", result.stdout)
        self.done("disable")
        self.assertEqual(self.files(), self.before)
        self.assertFalse(self.at(DROP_IN.parent).exists())
        self.assertEqual(self.asked(), RESTARTED)

    def test_disabling_what_is_not_enabled(self) -> None:
        result = self.done("disable")
        self.assertIn("not enabled", result.stdout)
        self.assertEqual(self.asked(), [])

    def test_serving(self) -> None:
        self.done("enable", "--serve", "192.0.2.0/24", "--serve", "2001:DB8::/32")
        self.assertEqual(set(self.added()), {str(DROP_IN), str(SERVE_CONFIGURATION)})
        served = self.at(SERVE_CONFIGURATION).read_text().splitlines()[1:]
        self.assertEqual(served, ["port 123", "allow 192.0.2.0/24", "allow 2001:db8::/32"])
        drop_in = self.at(DROP_IN).read_text()
        self.assertIn("\nIPAddressDeny=any\nIPAddressAllow=192.0.2.0/24 2001:db8::/32\n", drop_in)
        self.assertNotIn("@", drop_in)
        self.assertNotIn("PrivateNetwork=yes", drop_in)
        self.assertEqual(self.asked(), RESTARTED)

    def test_the_last_enabling_counts(self) -> None:
        self.done("enable", "--serve", "192.0.2.0/24")
        self.done("enable", "--serve", "198.51.100.0/24")
        self.assertNotIn("192.0.2", "".join(self.added().values()))
        self.done("enable")
        self.assertEqual(self.added(), {str(DROP_IN): str(OFFLINE_DROP_IN)})
        self.done("enable")
        self.assertEqual(self.added(), {str(DROP_IN): str(OFFLINE_DROP_IN)})
        self.done("disable")
        self.assertEqual(self.files(), self.before)

    def test_nts(self) -> None:
        arguments = ("enable", "--serve", "192.0.2.0/24", "--nts-certificate", "/etc/chrony/nts.pem")
        self.refused(*arguments, says="--nts-key")
        arguments += ("--nts-key", "/etc/chrony/nts.key")
        self.refused(*arguments, says="there is no")
        self.put("/etc/chrony/nts.pem", "")
        self.put("/etc/chrony/nts.key", "")
        self.before = self.files()
        self.at("/etc/chrony/nts.key").chmod(0o644)
        self.done(*arguments)
        text = self.at(SERVE_CONFIGURATION).read_text()
        self.assertIn("\nntsservercert /etc/chrony/nts.pem\nntsserverkey /etc/chrony/nts.key\n", text)
        self.asked()
        elsewhere = ("--nts-certificate", "/etc/ssl/nts.pem", "--nts-key", "/etc/chrony/nts.key")
        self.refused("enable", "--serve", "192.0.2.0/24", *elsewhere, says="AppArmor")
        certificate = ("--nts-certificate", "/etc/chrony/nts.pem", "--nts-key", "/etc/chrony/nts.key")
        self.refused("enable", *certificate, says="--serve")

    def test_a_unit_that_nobody_wants_stays_as_it_is(self) -> None:
        self.unit_is("inactive", "disabled")
        self.assertIn("neither running nor enabled", self.done("enable").stdout)
        self.assertEqual(self.asked(), RESTARTED[:2])
        for state in (("active", "disabled"), ("inactive", "enabled")):
            self.unit_is(*state)
            self.done("enable")
            self.assertEqual(self.asked(), RESTARTED, state)

    def test_no_restart(self) -> None:
        self.assertIn("was not restarted", self.done("enable", "--no-restart").stdout)
        self.assertEqual(self.asked(), ["daemon-reload"])

    def test_a_restart_that_fails_is_a_failure(self) -> None:
        (self.systemd / "fails").touch()
        result = self.chrony("enable")
        self.assert_exit(result, 1)
        self.assert_message(result, "Job for chrony.service failed.", "journalctl", "disable")

    def test_a_tree_has_no_systemd(self) -> None:
        """In a chroot, or when an image is made."""
        result = run("sdwdate", "chrony", "enable", "--root", self.root)
        self.assert_exit(result, 0)
        self.assertIn("takes effect when", result.stdout)
        self.assertEqual(self.added(), {str(DROP_IN): str(OFFLINE_DROP_IN)})

    def test_what_is_in_the_way(self) -> None:
        self.refused("enable", "--serve", "192.0.2.5/24", says="192.0.2.0/24")
        self.refused("enable", "--serve", "lan", says="not a network")
        self.refused("enable", "--server", "192.0.2.0/24", says="--server")
        self.refused("begin", says="subcommand")
        self.put("/etc/systemd/system/chrony.service.d/99-mine.conf", "[Service]\nExecStart=\n")
        self.refused("enable", says="99-mine.conf")
        shutil.rmtree(self.at("/etc/systemd"))
        self.at(CONFIGURATION).unlink()
        self.refused("enable", says="sdwdate.conf")
        self.at("/lib/systemd/system/chrony.service").unlink()
        self.refused("enable", says="apt-get install chrony")

    def test_only_root_changes_a_machine(self) -> None:
        folder = copy_of_executables(self.world.folder("bin"))
        for command in ("enable", "disable"):
            result = run("sdwdate", "chrony", command, prefix=as_nobody(), folder=folder)
            self.assert_exit(result, 2)
            self.assert_message(result, "only root")


if __name__ == "__main__":
    unittest.main()
