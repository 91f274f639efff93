#!/usr/bin/python3
"""What the package holds, without installing it: every command documented and completed, one truth about versions."""

import gzip
import subprocess
import sys
import unittest
from pathlib import PurePosixPath

from machine import ROOT, main, package
from booted import fields_of

sys.path.insert(0, str(ROOT / "tools" / "package"))

from changelog import check_versions, debian_changelog, maintainer_of, releases  # noqa: E402

SECTIONS = {"usr/bin": "1", "usr/sbin": "8"}


def content(path: str) -> bytes:
    """A file of the package."""
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", package()], check=True, capture_output=True).stdout
    extract = ["tar", "--extract", "--to-stdout", f"./{path}"]
    return subprocess.run(extract, input=tar, check=True, capture_output=True).stdout


class Contents(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        listed = subprocess.run(["dpkg-deb", "--contents", package()], check=True, capture_output=True, text=True)
        rows = [line.split() for line in listed.stdout.splitlines()]
        cls.modes = {row[5].removeprefix("./"): row[0] for row in rows}

    def commands(self) -> list[PurePosixPath]:
        return [path for name in self.modes if str((path := PurePosixPath(name)).parent) in SECTIONS]

    def test_every_command_has_a_manual(self) -> None:
        self.assertGreater(len(self.commands()), 2)
        for command in self.commands():
            section = SECTIONS[str(command.parent)]
            self.assertIn(f"usr/share/man/man{section}/{command.name}.{section}.gz", self.modes)

    def test_every_command_is_completed(self) -> None:
        zsh = content("usr/share/zsh/vendor-completions/_sdwdate").decode().splitlines()[0].split()
        for command in self.commands():
            self.assertIn(f"usr/share/bash-completion/completions/{command.name}", self.modes)
            self.assertIn(f"usr/share/fish/vendor_completions.d/{command.name}.fish", self.modes)
            self.assertIn(command.name, zsh)

    def test_configuration_files_say_where_they_are_explained(self) -> None:
        self.assertIn("usr/share/man/man5/sdwdate.toml.5.gz", self.modes)
        for path in ("etc/sdwdate/sdwdate.toml", "etc/sdwdate/sdwdate.toml.d/README"):
            self.assertIn("sdwdate.toml(5)", content(path).decode())
        self.assertIn("chrony.conf(5)", content("etc/chrony/sdwdate.d/README").decode())

    def test_shipped_configuration_changes_nothing(self) -> None:
        lines = content("etc/sdwdate/sdwdate.toml").decode().splitlines()
        self.assertEqual([line for line in lines if line and not line.startswith("#")], [])

    def test_nothing_is_set_user_id_or_writable_by_others(self) -> None:
        for name, mode in self.modes.items():
            self.assertRegex(mode, r"^([d-]rw[x-]r-[x-]r-[x-]|l.*)$", name)

    def test_units_name_files_that_are_there(self) -> None:
        for name in self.modes:
            if name.endswith(".service") and not self.modes[name].startswith("l"):
                start = next(line for line in content(name).decode().splitlines() if line.startswith("ExecStart="))
                program = start.removeprefix("ExecStart=").lstrip("-").split()[0]
                self.assertTrue(program == "/usr/bin/chronyc" or program.lstrip("/") in self.modes, start)


class Versions(unittest.TestCase):
    def test_all_of_them_are_the_same(self) -> None:
        newest = check_versions(ROOT)
        self.assertEqual(fields_of(package())["Version"], newest.version)
        changelog = gzip.decompress(content("usr/share/doc/sdwdated/changelog.gz")).decode()
        self.assertTrue(changelog.startswith(f"sdwdated ({newest.version}) "), changelog[:80])

    def test_changelog_reads_as_debian_wants_it(self) -> None:
        text = debian_changelog(ROOT / "CHANGELOG.md", "sdwdated", maintainer_of(ROOT / "packaging/debian/control"))
        parsed = subprocess.run(
            ["dpkg-parsechangelog", "--all", "-l-"], input=text, check=True, capture_output=True, text=True
        )
        self.assertEqual(parsed.stderr, "")
        self.assertEqual(text.count("\n -- "), len(releases(ROOT / "CHANGELOG.md")))
        self.assertLessEqual(max(len(line) for line in text.splitlines() if line.startswith("  ")), 80)


if __name__ == "__main__":
    main()
