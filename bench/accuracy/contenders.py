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
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from lab import LabError, executable

TIMEOUT = 120.0


@dataclass
class Measurement:
    """What one contender said and cost. Offsets are server minus local clock, in seconds."""

    offset: float
    lower: float | None = None
    upper: float | None = None
    requests: int = 0
    bytes: int = 0
    wall: float = 0.0
    cpu: float | None = None
    peak: float | None = None  #: MiB

    @property
    def width(self) -> float | None:
        return None if self.lower is None or self.upper is None else self.upper - self.lower


Contender = Callable[[int, Path, Path], Measurement]


def _run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> tuple[str, float, float, float]:
    """Output, wall and CPU seconds, MiB."""
    cost = folder / f"cost-{random.getrandbits(64):x}"
    measured = executable("run_measured")
    started = time.monotonic()
    done = subprocess.run(
        [measured, str(cost), *command],
        capture_output=True, text=True, timeout=TIMEOUT, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    wall = time.monotonic() - started
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    cpu, peak = map(float, cost.read_text().split())
    cost.unlink()
    return done.stdout, wall, cpu, peak / 1024


def ours(requests: int) -> Contender:
    def measure(port: int, ca_file: Path, folder: Path) -> Measurement:
        said, wall, cpu, peak = _run(
            [
                executable("sdwdate"), "query", "--json", "--direct", "--ca-file", str(ca_file),
                "--requests", str(requests), f"https://127.0.0.1:{port}/",
            ],
            folder, {},
        )  # fmt: skip
        source = json.loads(said)["sources"][0]
        sizes = source["bytes_sent"] + source["bytes_received"]
        return Measurement(
            source["offset"], source["lower"], source["upper"], source["requests"], sizes, wall, cpu, peak
        )

    return measure


def htpdate(program: str, precision: int = 9) -> Contender:
    def measure(port: int, ca_file: Path, folder: Path) -> Measurement:
        said, wall, cpu, peak = _run(
            [program, "-q", "-d", "-c", "-n", "-p", str(precision), f"https://127.0.0.1:{port}"],
            folder, {"SSL_CERT_FILE": str(ca_file)},
        )  # fmt: skip
        # Not what it prints as its result, which is half of this below a second.
        raw = re.search(r"^offset: (-?[0-9.]+)$", said, re.MULTILINE)
        if raw is None:
            raise LabError(f"htpdate gives no offset\n{said}")
        return Measurement(float(raw[1]), requests=precision + 1, wall=wall, cpu=cpu, peak=peak)

    return measure


class _Connection:
    """A keep-alive connection whose exchanges are recorded on the system clock."""

    def __init__(self, port: int, ca_file: Path) -> None:
        context = ssl.create_default_context(cafile=str(ca_file))
        self._http = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        self._http.connect()

    def ask(self) -> tuple[float, float, float]:
        """When the request was sent, when the answer was there, and its Date."""
        sent = time.time()
        self._http.request("HEAD", "/")
        answer = self._http.getresponse()
        received = time.time()
        answer.read()
        return sent, received, parsedate_to_datetime(answer.headers["Date"]).timestamp()

    def close(self) -> None:
        self._http.close()


def sdwdate_python(port: int, ca_file: Path, folder: Path) -> Measurement:
    """The Python sdwdate's formula over one exchange: whole seconds of Date less those of the local clock then."""
    connection = _Connection(port, ca_file)
    started = time.monotonic()
    time.sleep(random.random())  # it asks at any time
    _, received, date = connection.ask()
    connection.close()
    return Measurement(math.floor(date) - math.floor(received), requests=1, wall=time.monotonic() - started)


def danroc(port: int, ca_file: Path, folder: Path) -> Measurement:
    """The method of danroc's htp: the middle of what eight answers leave, each asked when that is expected to tick."""
    connection = _Connection(port, ca_file)
    started = time.monotonic()
    low, high, wait = -math.inf, math.inf, 0.0
    for _ in range(8):
        time.sleep(wait)
        sent, received, date = connection.ask()
        low, high = max(low, sent - date - 1), min(high, received - date)
        ahead = (low + high) / 2  # of the local clock
        wait = (ahead - (received - sent) / 2 - received) % 1
    connection.close()
    return Measurement(-(low + high) / 2, -high, -low, requests=8, wall=time.monotonic() - started)
