"""A container in which systemd boots, as on a machine, but without a network or the right to set the clock."""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import Daemon, LabError, wait_until

_CAP_SYS_TIME = 25
_BOOT_SECONDS = 60.0
_STOP_SECONDS = 30.0

_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_PAGER": "",
}
# Before the namespaces are entered, so that nothing in there ever has the right to set the clock.
_WITHOUT_CLOCK = ("setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time")


@dataclass(frozen=True)
class Output:
    """How a command inside ended."""

    command: str
    exit_code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout.strip()

    def __str__(self) -> str:
        return f"$ {self.command}\nexit status {self.exit_code}\n{self.stdout.strip()}\n{self.stderr.strip()}"


class Container(Daemon):
    """A copy of a base system. Give it files before it boots by way of `tree`; afterwards, look at it under `root`."""

    ready_seconds = _BOOT_SECONDS

    def __init__(self, directory: Path, base: Path) -> None:
        super().__init__("the container", directory)
        if os.geteuid() != 0:
            raise LabError("booting a container needs root: sudo ./dev package test")
        self.tree = directory / "tree"
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(self.tree)], check=True)
        # Unique also among the tests of other working copies.
        self._machine = f"booted-{os.getpid()}-{id(self):x}"
        self._leader: int | None = None

    # --- life ---

    def command(self) -> Sequence[str]:
        # Where systemd does not run there is no manager to register with or to take a scope from.
        unregistered = [] if Path("/run/systemd/system").exists() else ["--keep-unit"]
        return [
            "systemd-nspawn", "--quiet", f"--directory={self.tree}", f"--machine={self._machine}", "--boot",
            "--private-network", "--drop-capability=CAP_SYS_TIME", "--register=no", *unregistered, "--console=pipe",
            "--link-journal=no", "--kill-signal=SIGRTMIN+4",
        ]  # fmt: skip

    def is_ready(self) -> bool:
        self._leader = _child_of(self.pid)
        if self._leader is None or not _is_systemd(self._leader):
            return False
        _refuse_clock(self._leader)
        return self.run("systemctl", "is-system-running", check=False).text in ("running", "degraded")

    def boot(self) -> None:
        self.start()
        self.wait_ready()

    def stop(self, seconds: float = _STOP_SECONDS) -> int | None:
        """Power off, or if that fails, pull the plug."""
        stopped = super().stop(seconds)
        # Left behind where /run is no tmpfs.
        shutil.rmtree(f"/run/systemd/nspawn/propagate/{self._machine}", ignore_errors=True)
        self._leader = None
        return stopped

    def remove(self) -> None:
        """Stop it and delete its files, which take more room than many tests should hold at once."""
        self.stop()
        shutil.rmtree(self.tree)

    def reboot(self) -> None:
        self.stop()
        self.boot()

    def chroot(self, *command: str) -> Output:
        """Run a command in the tree before it boots, as when an image is made: no systemd runs, there is no network."""
        proc = self.tree / "proc"
        own = ("unshare", "--mount", "--net", "--pid", "--fork", f"--mount-proc={proc}", "chroot", str(self.tree))
        return _execute([*_WITHOUT_CLOCK, *own, *_environment()], command, check=True, timeout=120)

    # --- looking in ---

    @property
    def leader(self) -> int:
        if self._leader is None:
            raise LabError("the container is not running")
        return self._leader

    @property
    def root(self) -> Path:
        """The running container's files, those in memory too."""
        return Path(f"/proc/{self.leader}/root")

    def run(
        self, *command: str, user: str = "", groups: str = "", check: bool = True, timeout: float = 120.0,
        environment: Mapping[str, str] | None = None,
    ) -> Output:  # fmt: skip
        """Run a command inside, as root or as `user` with no group but `groups`."""
        if user:
            group = groups or "nogroup"
            command = ("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--", *command)
        enter = ("nsenter", f"--target={self.leader}", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup")
        return _execute([*_WITHOUT_CLOCK, *enter, *_environment(environment)], command, check, timeout)

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        """What systemd knows of a unit."""
        shown = self.run("systemctl", "show", unit, *(f"--property={name}" for name in names)).stdout
        return dict(line.partition("=")[::2] for line in shown.splitlines())

    def property(self, unit: str, name: str) -> str:
        return self.properties(unit, name)[name]

    def journal(self, unit: str, lines: int = 30) -> str:
        return self.run("journalctl", "--no-pager", "--output=short-precise", f"-u{unit}", f"-n{lines}").stdout

    def wait_for_property(self, unit: str, name: str, value: str, timeout: float = 20.0) -> None:
        try:
            wait_until(lambda: self.property(unit, name) == value, timeout, f"{name} of {unit} to become '{value}'")
        except LabError as error:
            raise LabError(f"{error}; it is '{self.property(unit, name)}'\n{self.journal(unit)}") from None


def _environment(more: Mapping[str, str] | None = None) -> Sequence[str]:
    """A command that starts another with these variables alone."""
    variables = {**_ENVIRONMENT, **(more or {})}
    return ["env", "--ignore-environment", *(f"{name}={value}" for name, value in variables.items())]


def _execute(prefix: Sequence[str], command: Sequence[str], check: bool, timeout: float) -> Output:
    ended = subprocess.run(
        [*prefix, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
    )
    output = Output(shlex.join(command), ended.returncode, ended.stdout, ended.stderr)
    if check and output.exit_code != 0:
        raise LabError(str(output))
    return output


def _child_of(parent: int) -> int | None:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[1]) == parent:
            return int(stat.parent.name)
    return None


def _is_systemd(process: int) -> bool:
    """Is it the container's systemd already, rather than systemd-nspawn preparing to become it?"""
    return Path(f"/proc/{process}/comm").read_text() == "systemd\n"


def _refuse_clock(leader: int) -> None:
    """A container that could set this machine's clock is ended before anything is done in it."""
    status = Path(f"/proc/{leader}/status").read_text()
    bounding = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:"))
    if int(bounding, 16) >> _CAP_SYS_TIME & 1:
        os.kill(leader, signal.SIGKILL)
        raise LabError("the container could set this machine's clock")
