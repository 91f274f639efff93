"""Running the product's own executables, with a watch on time and memory."""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from .daemons import Daemon
from .waiting import LabError, wait_until

REPOSITORY = Path(__file__).resolve().parents[3]

#: Where the executables under test are.
BIN = Path(os.environ.get("SDWDATE_BIN") or REPOSITORY / "build" / "release" / "bin").resolve()

NOBODY = 65534

A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True)
class Result:
    """How one run of a command ended."""

    command: Sequence[str]
    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    #: The largest resident size of the command or any process it started, in bytes. Python's own size (some
    #: 30 MiB) is its least value: that much the child was between fork and exec.
    peak_memory: int

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object it printed."""
        try:
            return json.loads(self.stdout)
        except json.JSONDecodeError as error:
            raise LabError(f"not JSON ({error})\n{self}") from None

    @property
    def sources(self) -> list[dict[str, Any]]:
        return self.json["sources"]

    @property
    def selection(self) -> dict[str, Any]:
        return self.json["selection"]

    def __str__(self) -> str:
        return (
            f"$ {shlex.join(self.command)}\n"
            f"exit status {self.exit_code} after {self.seconds:.2f} s\n"
            f"stdout: {self.stdout.strip() or '(nothing)'}\nstderr: {self.stderr.strip() or '(nothing)'}"
        )


def executable(name: str, folder: Path = BIN) -> str:
    """The path of one of our executables."""
    path = folder / name
    if not path.exists():
        raise LabError(f"{path} does not exist: build first (./dev build), or set SDWDATE_BIN to their folder")
    return str(path)


def run(
    program: str,
    *arguments: str | Path,
    folder: Path = BIN,
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout: float = 35.0,
) -> Result:
    """Run one of our executables to its end; `prefix` is a command that starts it, such as setpriv."""
    command = [*prefix, executable(program, folder), *map(str, arguments)]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin.encode())
        given.seek(0)
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdin=given, stdout=out, stderr=err, env={**os.environ, **(environment or {})}
        )
        exit_code, peak = _wait(process, timeout)
        return Result(command, exit_code, _text(out), _text(err), time.monotonic() - started, peak)


def _wait(process: subprocess.Popen[bytes], timeout: float) -> tuple[int, int]:
    """Wait with wait4, which alone tells the memory of this one process and its children."""
    watchdog = threading.Timer(timeout, process.kill)
    watchdog.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:  # an interrupt: leave nothing running
        process.kill()
        raise
    finally:
        watchdog.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss * 1024


def _text(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def query(*arguments: str | Path, ca_file: Path, requests: int = 3, seconds: float = 5, **options: Any) -> Result:
    """`sdwdate query --json` with few requests and little patience."""
    limits = ("--requests", str(requests), "--timeout", f"{seconds:g}")
    return run("sdwdate", "query", "--json", "--ca-file", ca_file, *limits, *arguments, **options)


def in_parallel(function: Callable[[A], R], items: Iterable[A], workers: int = 12) -> list[R]:
    """Call `function` on each item, many at a time: our commands wait more than they work."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


def copy_of_executables(folder: Path) -> Path:
    """The executables in a folder that any user can reach, and where a test may replace one."""
    for program in BIN.iterdir():
        if program.is_file():
            shutil.copy2(program, folder)
    return folder


def as_nobody() -> list[str]:
    """A prefix that runs a command as an ordinary user, if we are root; if not, we are one already."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]


class Sdwdated(Daemon):
    """The daemon, run with --json: one line on standard output for each round."""

    def __init__(self, directory: Path, configuration: Path, *, folder: Path = BIN) -> None:
        super().__init__("sdwdated", directory)
        self._command = [executable("sdwdated", folder), "--config", str(configuration), "--json"]
        self._rounds_file = directory / "rounds.jsonl"

    def command(self) -> Sequence[str]:
        return self._command

    def _open_stdout(self) -> BinaryIO:
        return self._rounds_file.open("ab")

    def is_ready(self) -> bool:
        """It has no sign of readiness but its rounds; those are waited for with `wait_rounds`."""
        return True

    def rounds(self) -> list[dict[str, Any]]:
        """What each finished round came to."""
        lines = self._rounds_file.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait_rounds(self, count: int, timeout: float) -> list[dict[str, Any]]:
        """Wait until `count` rounds are finished in all."""
        wait_until(lambda: len(self._rounds_or_death()) >= count, timeout, f"round {count} of sdwdated")
        return self.rounds()

    def _rounds_or_death(self) -> list[dict[str, Any]]:
        if not self.running:
            raise LabError(f"sdwdated ended with status {self.exit_code}\n{self.log_tail()}")
        return self.rounds()
