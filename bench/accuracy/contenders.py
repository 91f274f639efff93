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
#: HTTPSDate's allowance for drift, and how many times as long as others its first exchange is taken to be.
FUCHSIA_DRIFT = 200e-6
FUCHSIA_FIRST = 5

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
    #: What was allowed for the server's lateness, where it was not what is usual.
    lag: float | None = None
    #: Of those that are formulas: when each request was sent, when the answer was there, and its Date.
    exchanges: list[Exchange] = field(default_factory=list)


@dataclass(frozen=True)
class Server:
    """Whom to ask: a port of this machine, where it leads to, and by how much at most its Date was seen to be late."""

    port: int
    ca_file: Path
    lag: float


#: Asks a server once; what it has to write goes into the folder.
Contender = Callable[[Server, Path], Measurement]


def _run(
    command: Sequence[str], folder: Path, environment: dict[str, str], fine: Sequence[int] = (0,)
) -> tuple[str, float, Cost]:
    """Output, seconds, and what it cost. `fine`: which exit statuses are no failure."""
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
    if done.returncode not in fine:
        raise LabError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    cpu, peak, peaks = map(float, file.read_text().split())
    file.unlink()
    return done.stdout, wall, Cost(cpu, peak / 1024, peaks / 1024)


def ours(requests: int) -> Contender:
    def measure(server: Server, folder: Path) -> Measurement:
        said, wall, cost = _run(
            [
                executable("sdwdate"), "query", "--json", "--direct", "--ca-file", str(server.ca_file),
                "--requests", str(requests), f"https://127.0.0.1:{server.port}/",
            ],
            folder, {},
        )  # fmt: skip
        return _of_source(said, wall, cost)

    return measure


def ours_knowing_lag(requests: int) -> Contender:
    """Ours, configured with the lag that was measured of this server, in whole milliseconds."""

    def measure(server: Server, folder: Path) -> Measurement:
        lag = math.ceil(server.lag * 1e3)
        configuration = folder / f"lag-{random.getrandbits(64):x}.toml"
        configuration.write_text(f'[request]\nlag = "{lag}ms"\n')
        said, wall, cost = _run(
            [
                executable("sdwdate"), "survey", "--json", "--direct", "--config", str(configuration),
                "--ca-file", str(server.ca_file), "--requests", str(requests), f"https://127.0.0.1:{server.port}/",
            ],
            folder, {},
        )  # fmt: skip
        configuration.unlink()
        measured = _of_source(said, wall, cost)
        measured.lag = lag / 1e3
        return measured

    return measure


def _of_source(said: str, wall: float, cost: Cost) -> Measurement:
    source = json.loads(said)["sources"][0]
    if "offset" not in source:
        raise LabError(f"no measurement\n{said}")
    return Measurement(source["offset"], source["lower"], source["upper"], source["requests"], wall, cost)


def htpdate(program: str, precision: int = 9) -> Contender:
    def measure(server: Server, folder: Path) -> Measurement:
        said, wall, cost = _run(
            [program, "-q", "-d", "-c", "-n", "-p", str(precision), f"https://127.0.0.1:{server.port}"],
            folder, {"SSL_CERT_FILE": str(server.ca_file)},
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
        #: When connecting began, on the system clock.
        self.opened = time.time()
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


def sdwdate_python(server: Server, folder: Path) -> Measurement:
    """The Python sdwdate's formula over one exchange: whole seconds of Date less those of the local clock then."""
    time.sleep(random.random())  # it asks at any time
    with _Connection(server.port, server.ca_file) as connection:
        _, received, date = connection.ask()
        return connection.measured(math.floor(date) - math.floor(received))


def danroc(server: Server, folder: Path) -> Measurement:
    """The method of danroc's htp: the middle of what its answers leave, each asked when that is expected to tick.

    Its number of requests unless told otherwise. It takes the time of sending after the fact, which makes it fail when
    the answer is quick; here it is taken before.
    """
    low, high, wait, usual = -math.inf, math.inf, 0.0, 0.0
    time.sleep(random.random())
    with _Connection(server.port, server.ca_file) as connection:
        for _ in range(DANROC_REQUESTS):
            time.sleep(wait)
            sent, received, date = connection.ask()
            low, high = max(low, sent - date - 1), min(high, received - date)
            ahead = (low + high) / 2  # of the local clock
            usual = (usual + received - sent) / 2  # a moving average that begins at nothing
            wait = (ahead - usual / 2 - time.time()) % 1
        return connection.measured(-(low + high) / 2, -high, -low)


def httpsdate(polls: int) -> Contender:
    """The method of Fuchsia's HTTPSDate time source: intersected bounds, each poll aimed at their middle.

    An answer bounds the time by its second, widened by half of the round trip on either side; the first round trip
    contains connecting. Where bounds contradict, the newest stays alone. The estimate is the middle.
    """

    def measure(server: Server, folder: Path) -> Measurement:
        time.sleep(random.random())
        with _Connection(server.port, server.ca_file) as connection:
            known = _Polled()
            for number in range(polls):
                if number:
                    time.sleep(max(known.next() - time.time(), 0))
                sent, received, date = connection.ask()
                known.add(sent if number else connection.opened, received, date)
            return connection.measured((known.low + known.high) / 2, known.low, known.high)

    return measure


class _Polled:
    """What HTTPSDate knows of the offset, server less local, at a moment."""

    def __init__(self) -> None:
        self.low, self.high = -math.inf, math.inf
        self._at = 0.0
        self._trips: list[float] = []

    def add(self, sent: float, received: float, date: float) -> None:
        middle = (sent + received) / 2
        drift = FUCHSIA_DRIFT * (middle - self._at) if self._trips else 0.0
        low, high = max(date - received, self.low - drift), min(date + 1 - sent, self.high + drift)
        if low > high:
            low, high = date - received, date + 1 - sent
            self._trips.clear()
        self.low, self.high, self._at = low, high, middle
        self._trips.append(received - sent)

    def next(self) -> float:
        """When to ask, for the server to see the question as its second begins if the middle is right."""
        first, *others = self._trips
        trip = sum(others) / len(others) if others else first / FUCHSIA_FIRST
        ideal = self._at + 1 - (self._at + (self.low + self.high) / 2) % 1 - trip / 2
        past = time.time() - ideal
        return ideal if past < 0 else ideal + 1 + math.floor(past)


def measured_lag(server: Server, clock_offset: float, times: int = 3) -> float:
    """By how much at most a server's Date is late, asked without pause from before its second begins until it shows it.

    The server's clock is the local one and `clock_offset`, and nothing is between. A second that the machine was too
    busy to see begin within a millisecond does not count, unless there is no other.
    """
    sharp, blurred = [], []
    with _Connection(server.port, server.ca_file) as connection:
        while len(sharp) < times and len(blurred) < 3 * times:
            begins = math.ceil(time.time() + clock_offset + 0.1) - clock_offset
            time.sleep(begins - 0.005 - time.time())
            before = date = -math.inf
            while date < round(begins + clock_offset):
                asked = before
                before, received, date = connection.ask()
            (sharp if received - asked < 0.001 else blurred).append(received - begins)
    return max(*(sharp or blurred), 0.0)
