#!/usr/bin/python3
"""Our package takes the place of the Python sdwdate: its settings are imported, its state files are kept up."""


from machine import PACKAGE, Machine, MachineTest, main, package
from booted import build_deb
from lab import wait_until

# As its package has them; the onions are made up.
SETTINGS = """## Please use "/etc/sdwdate.d/50_user.conf" for your own settings.
PROXY_IP=10.152.152.10
PROXY_PORT=9108
MAX_FAILURE_RATIO=0.34
RANDOMIZE_TIME=false
SDWDATE_POOL_ZERO=(
   "https://alder.test # https://web.archive.org/alder of alder"
   [
   "https://birch.test # https://web.archive.org/birch of birch"
   "https://cedar.test # https://web.archive.org/cedar of birch"
   ]
)
SDWDATE_POOL_ONE=(
   "https://elm.test # https://web.archive.org/elm of elm"
)
SDWDATE_POOL_TWO=(
   "https://fir.test # https://web.archive.org/fir of fir"
)
"""
UNIT = """[Unit]
Description=The older sdwdate
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
"""
POSTINST = """#!/bin/sh
set -e
adduser --system --group --quiet --home /run/sdwdate --no-create-home sdwdate
deb-systemd-helper enable sdwdate.service >/dev/null
systemctl daemon-reload
systemctl start sdwdate
"""
PRERM = """#!/bin/sh
set -e
systemctl stop sdwdate
"""
# sdwdate-gui and others depend on it by name.
DEPENDENT = {"Depends": "sdwdate"}


class TakeOver(MachineTest):
    machine: Machine

    def setUp(self) -> None:
        self.machine = Machine(self.world)
        self.world.run(self.machine)
        self.addCleanup(self.machine.remove)

    def install_older(self, settings: str) -> None:
        files = {
            "etc/sdwdate.d/30_default.conf": settings,
            "etc/privleap/conf.d/sdwdate.conf": "[action:sdwdate-clock-jump]\nCommand=/usr/bin/the-older-one\n",
            "lib/systemd/system/sdwdate.service": UNIT,
            "usr/bin/sdwdate": "#!/bin/sh\necho the older sdwdate\n",
            "usr/bin/url_to_unixtime": "#!/bin/sh\necho the older one\n",
            "usr/sbin/sdwdate-clock-jump": "#!/bin/sh\necho the older one\n",
            "DEBIAN/postinst": POSTINST,
            "DEBIAN/prerm": PRERM,
        }
        fields = {"Provides": "time-daemon", "Conflicts": "time-daemon"}
        older = build_deb(self.machine.directory, "sdwdate", "3:28.6-1", fields, files)
        dependent = build_deb(self.machine.directory, "older-gui", "1", DEPENDENT, {})
        self.machine.install(older, dependent)
        self.assertEqual(self.machine.property("sdwdate.service", "ActiveState"), "active")

    def drop_in(self, name: str) -> str:
        return (self.machine.tree / "etc/sdwdate/sdwdate.toml.d" / name).read_text()

    def test_settings_are_imported_and_state_files_written(self) -> None:
        self.install_older(SETTINGS)
        self.machine.install()
        self.assertFalse(self.machine.is_installed("sdwdate"))
        self.assertTrue(self.machine.is_installed("older-gui"), "we provide what others depend on")
        self.assertRegex(self.drop_in("10-compat.toml"), r"(?m)^\[compat\]\nstate_files = true$")
        imported = self.drop_in("20-imported.toml")
        for word in ("10.152.152.10:9108", "https://alder.test", "https://fir.test"):
            self.assertIn(word, imported)
        self.assert_active(self.machine, "sdwdated.service")
        wait_until(lambda: (self.machine.root / "run/sdwdate/status").exists(), 10, "the state files")
        self.assertNotIn("the older", self.machine.run("sdwdate", "--version").stdout)
        self.assertNotIn("older", (self.machine.tree / "etc/privleap/conf.d/sdwdate.conf").read_text())
        self.machine.run("systemctl", "restart", "sdwdate")  # the name is known to people
        self.assert_active(self.machine, "sdwdated.service")
        # What is left of the older package can go.
        self.machine.apt("purge", "sdwdate")
        self.assertTrue((self.machine.tree / "etc/privleap/conf.d/sdwdate.conf").exists())
        self.assert_active(self.machine, "sdwdated.service")

    def test_settings_that_cannot_be_imported_are_a_message(self) -> None:
        self.install_older("PROXY_PORT=many\n")
        said = self.machine.install()
        self.assertTrue(self.machine.is_installed())
        self.assertIn("sdwdate import /etc/sdwdate.d", said.stderr + said.stdout)
        self.assertFalse((self.machine.tree / "etc/sdwdate/sdwdate.toml.d/20-imported.toml").exists())

    def test_purge_after_going_back_leaves_the_older_one_alone(self) -> None:
        self.install_older(SETTINGS)
        self.machine.install()
        self.machine.install(self.machine.directory / "sdwdate_3%3a28.6-1_all.deb")
        self.assertFalse(self.machine.is_installed())
        (self.machine.tree / "var/lib/sdwdate").mkdir(exist_ok=True)
        self.machine.apt("purge", PACKAGE)
        self.assertTrue((self.machine.tree / "var/lib/sdwdate").exists())
        self.machine.run("id", "sdwdate")
        self.assertEqual(self.machine.property("sdwdate.service", "ActiveState"), "active")
        self.assertFalse((self.machine.tree / "etc/sdwdate").exists(), package().name)


if __name__ == "__main__":
    main()
