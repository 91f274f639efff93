#!/usr/bin/python3
"""What becomes of chrony, of settings and of everything we made when the package is upgraded, removed, purged."""

from pathlib import Path

from machine import DROP_IN, OFFLINE, PACKAGE, Machine, MachineTest, main, package
from booted import build_deb, with_version

DEBIAN_CONFIGURATION = "/etc/chrony/chrony.conf"
OURS = "/etc/chrony/sdwdate.conf"


class Removal(MachineTest):
    """Each test has a machine of its own, a copy of one with the package installed."""

    installed: Machine
    machine: Machine

    @classmethod
    def set_up_machine(cls) -> None:
        cls.installed = Machine(cls.world)
        cls.installed.add_sources()
        cls.world.run(cls.installed)
        cls.installed.install()
        cls.installed.stop()

    def setUp(self) -> None:
        self.machine = Machine(self.world, self.installed)
        self.world.run(self.machine)
        self.addCleanup(self.machine.remove)

    def configuration_of_chronyd(self) -> str:
        """The file that the running chronyd was given."""
        self.assert_active(self.machine, "chrony.service")
        words = (self.machine.process("chrony.service") / "cmdline").read_text().split("\0")
        return words[words.index("-f") + 1] if "-f" in words else DEBIAN_CONFIGURATION

    def next_version(self) -> Path:
        return with_version(package(), "1000.0", self.machine.directory)

    # --- upgrades ---

    def test_upgrade_keeps_settings_and_restarts_the_daemon(self) -> None:
        changed = self.machine.tree / "etc/sdwdate/sdwdate.toml"
        changed.write_text("# mine\n")
        before = self.machine.main_pid("sdwdated")
        self.machine.install(self.next_version())
        self.assertEqual(self.machine.run("dpkg-query", "-W", "-f", "${Version}", PACKAGE).text, "1000.0")
        self.assertEqual(changed.read_text(), "# mine\n")
        self.assertEqual(self.configuration_of_chronyd(), OURS)
        self.assert_active(self.machine, "sdwdated.service", "sdwdate-chrony-report.socket")
        self.assertNotEqual(self.machine.main_pid("sdwdated"), before)

    def test_installing_again_changes_nothing(self) -> None:
        before = self.files()
        self.machine.apt("install", "--reinstall", self.machine.put(package()))
        self.assertEqual(self.files(), before)
        self.assertEqual(self.configuration_of_chronyd(), OURS)
        self.assert_active(self.machine, "sdwdated.service")

    def files(self) -> set[str]:
        """What there is in /etc and of ours elsewhere."""
        found = self.machine.run("find", "/etc", "/usr", "-xdev", "-not", "-name", "*-", "-not", "-name", "*.cache")
        return set(found.stdout.splitlines())

    def test_upgrade_does_not_take_chrony_back(self) -> None:
        """Who has given chrony its own configuration back meant it."""
        self.machine.run("sdwdate", "chrony", "disable")
        self.assertEqual(self.configuration_of_chronyd(), DEBIAN_CONFIGURATION)
        self.machine.install(self.next_version())
        self.assertEqual(self.configuration_of_chronyd(), DEBIAN_CONFIGURATION)

    # --- the end ---

    def test_removal_gives_chrony_back_and_return_takes_it_again(self) -> None:
        self.assertEqual(self.configuration_of_chronyd(), OURS)
        self.assertEqual(Path(self.machine.tree / DROP_IN).readlink(), Path(OFFLINE))
        self.machine.apt("remove", PACKAGE)
        self.assertEqual(self.configuration_of_chronyd(), DEBIAN_CONFIGURATION)
        self.assertFalse((self.machine.tree / DROP_IN).is_symlink())
        self.assertTrue((self.machine.tree / "etc/sdwdate/sdwdate.toml").exists(), "settings stay until the purge")
        self.machine.install()
        self.assertEqual(self.configuration_of_chronyd(), OURS)
        self.machine.wait_selected()

    def test_purge_leaves_nothing(self) -> None:
        self.machine.wait_selected()
        (self.machine.tree / f"root/{package().name}").unlink()
        # The administrator's own drop-in is not ours to delete.
        (self.machine.tree / "etc/sdwdate/sdwdate.toml.d/50-lab.toml").unlink()
        self.machine.apt("purge", PACKAGE)
        kernel = ("(", "-path", "/proc", "-o", "-path", "/sys", ")", "-prune")
        found = self.machine.run("find", "/", *kernel, "-o", "-name", "*sdwdate*", "-print")
        self.assertEqual(found.text, "")
        for database in ("passwd", "group", "shadow", "gshadow"):
            self.assertNotIn("sdwdate", (self.machine.tree / "etc" / database).read_text())
        self.assertEqual(self.machine.run("systemctl", "--failed", "--plain", "--no-legend").text, "")
        self.assertEqual(self.configuration_of_chronyd(), DEBIAN_CONFIGURATION)
        self.machine.reboot()
        self.assertEqual(self.configuration_of_chronyd(), DEBIAN_CONFIGURATION)

    def test_another_time_daemon_takes_over(self) -> None:
        """chrony goes, and we with it, in whatever order apt does that."""
        other = build_deb(
            self.machine.directory, "another-clock", "1", {"Provides": "time-daemon", "Conflicts": "time-daemon"}, {}
        )
        self.machine.install(other)
        self.assertFalse(self.machine.is_installed())
        self.assertFalse(self.machine.is_installed("chrony"))
        self.assertFalse((self.machine.tree / DROP_IN).is_symlink())


class WithoutSystemd(MachineTest):
    """In a chroot, as when an image is made, everything is put in place and nothing is started."""

    def test_installed_purged_and_booted(self) -> None:
        machine = Machine(self.world)
        machine.add_sources()
        install = ("apt-get", "install", "-q", "-y", "--no-install-recommends")
        machine.chroot(*install, "-o=Dpkg::Options::=--force-confold", machine.put(package()))
        self.assertEqual((machine.tree / DROP_IN).readlink(), Path(OFFLINE))
        machine.chroot("apt-get", "remove", "-q", "-y", PACKAGE)
        self.assertFalse((machine.tree / DROP_IN).is_symlink())
        machine.chroot(*install, "-o=Dpkg::Options::=--force-confold", machine.put(package()))
        self.world.run(machine)
        self.assert_active(machine, "sdwdated.service", "chrony.service")
        machine.wait_selected()
        machine.remove()


if __name__ == "__main__":
    main()
