"""A qube that is none: a folder for its root, and commands that note how they are called."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .commands import REPOSITORY

PACKAGING = REPOSITORY / "packaging"

_SYSTEMCTL = """#!/bin/sh
echo "$*" >> '{calls}'
case $* in
  *is-active*) cat '{active}' ;;
  *is-enabled*) grep -q enabled '{enabled}' ;;
esac
"""

_QUBESDB_READ = """#!/bin/sh
grep -x -F -e "$1" '{database}' || {{ echo "no such path" >&2; exit 2; }}
"""


class FakeQube:
    """A root with our scripts where they are installed, and systemctl, qubesdb-read and id on the PATH.

    `qubes` puts in what makes a machine a qube, `netvm` what its database says of the network.
    """

    def __init__(self, directory: Path, *, qubes: bool = True, netvm: tuple[str, ...] = ("/qubes-gateway",)) -> None:
        self.root = directory / "root"
        self._commands = directory / "bin"
        self._calls = directory / "calls"
        self._active = directory / "active"
        self._enabled = directory / "enabled"
        for folder in ("run/sdwdate", "run/systemd/system", "run/qubes", "run/qubes-service", "usr/sbin"):
            (self.root / folder).mkdir(parents=True)
        self._install("usr/sbin/sdwdate-clock-jump", "compat/sdwdate-clock-jump")
        for name in ("has-netvm", "may-sync", "suspend-pre", "suspend-post"):
            self._install(f"usr/libexec/sdwdate/{name}", f"qubes/{name}")
        self._commands.mkdir()
        self._command("systemctl", _SYSTEMCTL.format(calls=self._calls, active=self._active, enabled=self._enabled))
        self.become("root")
        self.daemon("active", enabled=True)
        if qubes:
            database = directory / "database"
            database.write_text("".join(f"{path}\n" for path in ("/name", *netvm)))
            self._command("qubesdb-read", _QUBESDB_READ.format(database=database))
            self.touch("usr/share/qubes/marker-vm")

    def _install(self, path: str, source: str) -> None:
        link = self.root / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(PACKAGING / source)

    def _command(self, name: str, text: str) -> None:
        path = self._commands / name
        path.write_text(text)
        path.chmod(0o755)

    def become(self, user: str) -> None:
        """Who runs what follows: root, or anybody else."""
        self._command("id", f"#!/bin/sh\necho {0 if user == 'root' else 1000}\n")

    def daemon(self, state: str, *, enabled: bool) -> None:
        """What systemctl says of sdwdated."""
        self._active.write_text(f"{state}\n")
        self._enabled.write_text("enabled\n" if enabled else "no\n")

    def touch(self, *paths: str) -> None:
        for path in paths:
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()

    def has(self, path: str) -> bool:
        return os.path.lexists(self.root / path)

    def run(self, script: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """One of the scripts, by its path below the root, as the root's argument makes it see this tree."""
        path = f"{self._commands}:{os.defpath}"
        return subprocess.run(
            [self.root / script, self.root],
            env={"PATH": path, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )

    def calls(self) -> list[str]:
        """How systemctl was called since the last time."""
        calls = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        return calls
