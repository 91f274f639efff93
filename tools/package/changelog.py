#!/usr/bin/python3
"""CHANGELOG.md as Debian wants it: the one place where versions and their days are kept.

Run by itself, it says whether CHANGELOG.md and CMakeLists.txt agree on the version.
"""

import re
import sys
import textwrap
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from email.utils import format_datetime
from pathlib import Path

_RELEASE = re.compile(r"## (?P<version>\d+(?:\.\d+)*) - (?P<day>\d{4}-\d{2}-\d{2})")
_MARKUP = re.compile(r"`|\*\*")


@dataclass
class Release:
    version: str
    day: date
    changes: list[str] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """The day's first second: SOURCE_DATE_EPOCH of a build, and the programs' floor."""
        return int(self._midnight.timestamp())

    @property
    def _midnight(self) -> datetime:
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=timezone.utc)

    def debian(self, package: str, maintainer: str) -> str:
        changes = "\n".join(
            textwrap.fill(change, 80, initial_indent="  * ", subsequent_indent="    ", break_on_hyphens=False)
            for change in self.changes
        )
        head = f"{package} ({self.version}) unstable; urgency=medium"
        return f"{head}\n\n{changes}\n\n -- {maintainer}  {format_datetime(self._midnight)}\n"


def releases(changelog: Path) -> list[Release]:
    """The dated releases, newest first. What stands above the first of them is not released."""
    found: list[Release] = []
    for line in changelog.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            if heading := _RELEASE.fullmatch(line):
                found.append(Release(heading["version"], date.fromisoformat(heading["day"])))
            elif found:
                raise ValueError(f"{changelog.name}: '{line}' is no heading like '## 1.2.3 - 2026-01-31'")
        elif found:
            _add(found[-1].changes, line)
    if not found:
        raise ValueError(f"{changelog.name} has no release")
    return found


def _add(changes: list[str], line: str) -> None:
    text = _MARKUP.sub("", line)
    if text.startswith("- "):
        changes.append(text[2:])
    elif text.startswith("  ") and changes:
        changes[-1] += " " + text.strip()


def debian_changelog(changelog: Path, package: str, maintainer: str) -> str:
    return "\n".join(release.debian(package, maintainer) for release in releases(changelog))


def declared_version(cmake_lists: Path) -> str:
    """The version that the programs print."""
    found = re.search(r"project\(\S+ VERSION ([\d.]+)", cmake_lists.read_text(encoding="utf-8"))
    if not found:
        raise ValueError(f"{cmake_lists.name} declares no version")
    return found[1]


def check_versions(root: Path) -> Release:
    """The newest release; ValueError unless it is the version that the programs print."""
    newest, declared = releases(root / "CHANGELOG.md")[0], declared_version(root / "CMakeLists.txt")
    if newest.version != declared:
        raise ValueError(f"CHANGELOG.md ends with {newest.version}, CMakeLists.txt says {declared}: make them agree")
    return newest


def maintainer_of(control: Path) -> str:
    found = re.search(r"^Maintainer: (.+)$", control.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise ValueError(f"{control} names no Maintainer")
    return found[1]


if __name__ == "__main__":
    try:
        check_versions(Path(__file__).resolve().parents[2])
    except ValueError as problem:
        sys.exit(str(problem))
