"""Whom the accuracy benchmark compares, each asked for one measurement of one server."""

import http.client
import json
import math
import os
import random
import re
import ssl
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

from lab import LabError, executable

TIMEOUT = 120.0
DANROC_REQUESTS = 8

Exchange = tuple[float, float, float]


@dataclass
class Cost:
    """Seconds of CPU; the largest process's peak and the sum of all peaks, in MiB."""

    cpu: float
    peak: float
    peaks: float


@dataclass
class Measurement:
    """What one contender said and cost. Offsets are server minus local clock, in seconds."""

    offset: float
    lower: float | None = None
    upper: float | None = None
    requests: int = 0
    wall: float = 0.0
    cost: Cost | None = None
    #: Of those that are formulas: when each request was sent, when the answer was there, and its Date.
    exchanges: list[Exchange] = field(default_factory=list)


Contender = Callable[[int, Path, Path], Measurement]


def _run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> tuple[str, float, Cost]:
    """Output, seconds, and what it cost."""
    file = folder / f"cost-{random.getrandbits(64):x}"
    measured = executable("run_measured")
    started = time.monotonic()
    try:
        done = subprocess.run(
            [measured, str(file), *command],
            capture_output=True, text=True, timeout=TIMEOUT, check=False, env={**os.environ, **environment},
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise LabError(f"{' '.join(command)}: not done after {TIMEOUT:.0f} s") from late
    wall = time.monotonic() - started
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    cpu, peak, peaks = map(float, file.read_text().split())
    file.unlink()
    return done.stdout, wall, Cost(cpu, peak / 1024, peaks / 1024)


def ours(requests: int) -> Contender:
    def measure(port: int, ca_file: Path, folder: Path) -> Measurement:
        said, wall, cost = _run(
            [
                executable("sdwdate"), "query", "--json", "--direct", "--ca-file", str(ca_file),
                "--requests", str(requests), f"https://127.0.0.1:{port}/",
            ],
            folder, {},
        )  # fmt: skip
        source = json.loads(said)["sources"][0]
        return Measurement(source["offset"], source["lower"], source["upper"], source["requests"], wall, cost)

    return measure


def htpdate(program: str, precision: int = 9) -> Contender:
    def measure(port: int, ca_file: Path, folder: Path) -> Measurement:
        said, wall, cost = _run(
            [program, "-q", "-d", "-c", "-n", "-p", str(precision), f"https://127.0.0.1:{port}"],
            folder, {"SSL_CERT_FILE": str(ca_file)},
        )  # fmt: skip
        # Not what it prints as its result, which is half of this below a second.
        raw = re.search(r"^offset: (-?[0-9.]+)$", said, re.MULTILINE)
        if raw is None:
            raise LabError(f"htpdate gives no offset\n{said}")
        return Measurement(float(raw[1]), requests=precision + 1, wall=wall, cost=cost)

    return measure


class _Connection:
    """A keep-alive connection whose exchanges are recorded on the system clock."""

    def __init__(self, port: int, ca_file: Path) -> None:
        context = ssl.create_default_context(cafile=str(ca_file))
        self._http = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        self._began = time.monotonic()
        self._exchanges: list[Exchange] = []
        try:
            self._http.connect()
        except OSError:
            self._http.close()
            raise

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self) -> Exchange:
        try:
            sent = time.time()
            self._http.request("HEAD", "/")
            answer = self._http.getresponse()
            received = time.time()
            answer.read()
            self._exchanges.append((sent, received, parsedate_to_datetime(answer.headers["Date"]).timestamp()))
        except http.client.HTTPException as error:
            raise LabError(f"no answer: {error!r}") from error
        return self._exchanges[-1]

    def measured(self, offset: float, lower: float | None = None, upper: float | None = None) -> Measurement:
        wall = time.monotonic() - self._began
        return Measurement(offset, lower, upper, len(self._exchanges), wall, exchanges=self._exchanges)


def sdwdate_python(port: int, ca_file: Path, folder: Path) -> Measurement:
    """The Python sdwdate's formula over one exchange: whole seconds of Date less those of the local clock then."""
    time.sleep(random.random())  # it asks at any time
    with _Connection(port, ca_file) as connection:
        _, received, date = connection.ask()
        return connection.measured(math.floor(date) - math.floor(received))


def danroc(port: int, ca_file: Path, folder: Path) -> Measurement:
    """The method of danroc's htp: the middle of what its answers leave, each asked when that is expected to tick.

    Its number of requests unless told otherwise. It takes the time of sending after the fact, which makes it fail when
    the answer is quick; here it is taken before.
    """
    low, high, wait, usual = -math.inf, math.inf, 0.0, 0.0
    time.sleep(random.random())
    with _Connection(port, ca_file) as connection:
        for _ in range(DANROC_REQUESTS):
            time.sleep(wait)
            sent, received, date = connection.ask()
            low, high = max(low, sent - date - 1), min(high, received - date)
            ahead = (low + high) / 2  # of the local clock
            usual = (usual + received - sent) / 2  # a moving average that begins at nothing
            wait = (ahead - usual / 2 - time.time()) % 1
        return connection.measured(-(low + high) / 2, -high, -low)
