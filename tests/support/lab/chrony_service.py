"""chronyd as the installed service runs it, for a private machine: our configuration, in its own places."""

import os
import re
import shlex
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from .commands import REPOSITORY
from .daemons import Daemon, find_program

SHIPPED = REPOSITORY / "packaging" / "chrony"
UNITS = REPOSITORY / "packaging" / "systemd"

CONFIGURATION = Path("/etc/chrony/sdwdate.conf")
SERVE_CONFIGURATION = Path("/etc/chrony/sdwdate.d/serve.conf")
DROP_IN = Path("/etc/systemd/system/chrony.service.d/50-sdwdate.conf")
OFFLINE_DROP_IN = Path("/usr/share/sdwdate/chrony/offline.conf")
SAMPLES = Path("/run/chrony.sdwdate.sock")
COMMANDS = Path("/run/chrony/chronyd.sock")
REPORT = Path("/run/sdwdate-chrony/report")
RESET = Path("/run/sdwdate-chrony/reset")


def install_configuration(*, quick: bool = False) -> None:
    """The shipped file in its place; `quick` takes a sample each second, for tests that cannot wait for a poll."""
    text = (SHIPPED / "sdwdate.conf").read_text()
    if quick:
        text, count = re.subn(r"(?m)^(refclock SOCK .*)\bpoll -?\d+", r"\1poll 0", text)
        assert count == 1, "the shipped configuration has one refclock with a poll"
    CONFIGURATION.parent.mkdir(parents=True, exist_ok=True)
    SERVE_CONFIGURATION.parent.mkdir(exist_ok=True)
    CONFIGURATION.write_text(text)


def enable_offline() -> None:
    """What `sdwdate chrony enable` leaves."""
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.unlink(missing_ok=True)
    DROP_IN.symlink_to(OFFLINE_DROP_IN)


def let_sdwdated_in() -> None:
    """What the drop-in's ExecStartPost= does: the group's id is root's here (private_machine)."""
    os.chown(SAMPLES, 0, 0)
    SAMPLES.chmod(0o660)


def is_socket(path: Path) -> bool:
    return path.exists() and stat.S_ISSOCK(path.stat().st_mode)


class ServiceChronyd(Daemon):
    """chronyd with the configuration at its place, but for -x and root: it can neither set the clock nor change users.

    `prefix` puts it into a network.
    """

    def __init__(self, directory: Path, prefix: Sequence[str], configuration: Path = CONFIGURATION) -> None:
        super().__init__("chronyd", directory)
        self._prefix = prefix
        self._configuration = configuration

    def command(self) -> Sequence[str]:
        # A copy, because Debian's AppArmor profile confines chronyd by its path and knows nothing of this machine.
        program = self.directory / "chronyd"
        if not program.exists():
            shutil.copy2(find_program("chronyd", "chrony"), program)
        for folder in ("/var/lib/chrony", "/run/chrony"):
            Path(folder).mkdir(mode=0o750, exist_ok=True)
        return [*self._prefix, str(program), "-x", "-d", "-u", "root", "-f", str(self._configuration)]

    def is_ready(self) -> bool:
        return COMMANDS.exists() and (self._configuration != CONFIGURATION or SAMPLES.exists())


class AnswerSocket(Daemon):
    """A socket behind which systemd runs one fixed chronyc for each connection: the unit's own command line."""

    def __init__(self, directory: Path, name: str, *, commands: Path = COMMANDS, path: Path | None = None) -> None:
        super().__init__(f"sdwdate-chrony-{name}", directory)
        self.path = path or Path("/run/sdwdate-chrony") / name
        self._name = name
        self._commands = commands

    def command(self) -> Sequence[str]:
        self.path.parent.mkdir(exist_ok=True)
        chronyc = [word.replace(str(COMMANDS), str(self._commands)) for word in unit_command(self._name)]
        activate = find_program("systemd-socket-activate", "systemd")
        complaints_too = ["sh", "-c", 'exec "$@" 2>&1', "sh"]  # the unit's StandardError=socket
        return [activate, "--accept", "--inetd", f"--listen={self.path}", *complaints_too, *chronyc]

    def is_ready(self) -> bool:
        return is_socket(self.path)

    def wait_ready(self) -> None:
        super().wait_ready()
        self.path.chmod(0o660 if self._name == "reset" else 0o666)


def unit_command(name: str) -> list[str]:
    """The command of sdwdate-chrony-NAME@.service."""
    text = (UNITS / f"sdwdate-chrony-{name}@.service").read_text()
    (command,) = re.findall(r"(?m)^ExecStart=-?(.+)$", text)
    return shlex.split(command)
