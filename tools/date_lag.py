#!/usr/bin/python3
"""`./dev servers`: how late real web servers are in refreshing their Date, and what caches do to it.

Every server runs on this machine's loopback and by its clock, so that the second in which an answer was written is
known as well as sending and receiving it can be timed. docs/servers.md says what the numbers mean, and has some.
"""

import argparse
import contextlib
import ctypes
import heapq
import json
import random
import socket
import ssl
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from lab import (
    Apache, Caddy, Daemon, HaproxyCache, HaproxyInFront, Interrupted, LabError, Lighttpd, Nginx, NginxCache,
    NginxCacheOldDate, PlainNginx, Squid, Varnish, WebServer, World, accepts, find_program,
)  # fmt: skip

SECOND = 1_000_000_000
MS = 1_000_000
#: Requests follow each other without pause from this long before a Date is expected to change.
LEAD = 15 * MS
#: Where requests are put that should meet a late Date, counted from when it is expected to change.
AIM = (-2 * MS, 8 * MS)


# --- servers that only this tool starts ----------------------------------------------------------------------------


class Node(WebServer):
    """Node's own HTTP server, as programs written for it have it."""

    implementation = "Node"

    def command(self) -> Sequence[str]:
        program = self.write(
            "server.js",
            f"""const fs = require("fs"), https = require("https");
const tls = {{ cert: fs.readFileSync("{self.certificate.chain}"), key: fs.readFileSync("{self.certificate.key}") }};
const server = https.createServer(tls, (request, answer) => answer.end("What time is it?"));
server.keepAliveTimeout = 60000;
server.listen({self.port}, "127.0.0.1");
""",
        )
        return [find_program("node", "nodejs"), str(program)]


class PythonServer(WebServer):
    """The http.server of Python's standard library."""

    implementation = "Python"

    def command(self) -> Sequence[str]:
        program = self.write(
            "server.py",
            f"""import ssl
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
SimpleHTTPRequestHandler.protocol_version = "HTTP/1.1"
SimpleHTTPRequestHandler.log_message = lambda *arguments: None
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("{self.certificate.chain}", "{self.certificate.key}")
server = ThreadingHTTPServer(("127.0.0.1", {self.port}), SimpleHTTPRequestHandler)
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
""",
        )
        return [sys.executable, str(program)]


class HaproxyOwnDate(HaproxyInFront):
    """Answers itself; it writes a Date only if told to."""

    def command(self) -> Sequence[str]:
        command = super().command()
        configuration = self.directory / "haproxy.cfg"
        own = "  http-request return status 200 hdr Date %[date,http_date]\n  default_backend"
        configuration.write_text(configuration.read_text().replace("  default_backend", own, 1))
        return command


class VarnishPassing(Varnish):
    """Passes everything on."""

    receive = "return (pass);"

    def command(self) -> Sequence[str]:
        command = list(super().command())
        at = command.index("-b")
        host, port = command[at + 1].split(":")
        program = self.directory / "site.vcl"
        backend = f'backend origin {{ .host = "{host}"; .port = "{port}"; }}'
        program.write_text(f"vcl 4.1;\n{backend}\nsub vcl_recv {{ {self.receive} }}\n")
        command[at : at + 2] = ["-f", str(program)]
        return command


class VarnishOwnAnswer(VarnishPassing):
    """Answers itself."""

    receive = "return (synth(200));"


class SquidPassing(Squid):
    """Passes everything on."""

    lines = "cache deny all"

    def command(self) -> Sequence[str]:
        command = super().command()
        configuration = self.directory / "squid.conf"
        configuration.write_text(f"{self.lines}\n{configuration.read_text()}")
        return command


class SquidOwnAnswer(SquidPassing):
    """Answers itself, with a refusal."""

    lines = "acl everything urlpath_regex .\nhttp_access deny everything"

    def is_ready(self) -> bool:
        return accepts(self.port)


def caching_apache(world: World, origin: int) -> Apache:
    """Apache with mod_cache in front of a server without TLS."""
    folder, stored = world.folder("apache-cache"), world.folder("apache-stored")
    stored.chmod(0o777)  # for the user that it becomes
    modules = "\n".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
        for name in ("proxy", "proxy_http", "cache", "cache_disk")
    )
    pieces = folder / "cache.conf"
    pieces.write_text(f"{modules}\nCacheRoot {stored}\nCacheEnable disk /\nProxyPass / http://127.0.0.1:{origin}/\n")
    return Apache(folder, world.certificate, include=[pieces])


# --- one request ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Exchange:
    """One answer, in nanoseconds of the clock that the server has, too."""

    sent: int
    received: int
    date: int
    age: str | None = None

    @property
    def late(self) -> int:
        """The Date had been over for at least so long when it was asked for. Above zero: proof of a late refresh."""
        return self.sent - (self.date + SECOND)

    @property
    def current_for(self) -> int:
        """The Date had been current for at most so long when the answer was there. Below zero: it was early."""
        return self.received - self.date

    @property
    def inside(self) -> bool:
        """Is the Date one that the clock showed between sending and receiving?"""
        return self.sent // SECOND * SECOND <= self.date <= self.received


class Connection:
    """A keep-alive connection on which HEAD requests are made one after another."""

    def __init__(self, server: Daemon) -> None:
        self._server = server
        self._socket: socket.socket | None = None
        self.connect()

    def connect(self) -> None:
        self.close()
        self._socket = socket.create_connection(("127.0.0.1", self._server.port), timeout=5)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if isinstance(self._server, WebServer):  # the others are caches without TLS
            trusting = ssl._create_unverified_context()  # noqa: S323 - nothing here is believed
            self._socket = trusting.wrap_socket(self._socket, server_hostname="localhost")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def ask(self, path: str = "/", method: str = "HEAD") -> Exchange:
        """One request; on a new connection if the server has closed this one, as it may after many requests."""
        for _ in range(2):
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                if (exchange := self._exchange(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")) is not None:
                    return exchange
            self.connect()
        raise LabError(f"{self._server.name} closes connections without an answer")

    def _exchange(self, request: str) -> Exchange | None:
        sent = time.time_ns()
        self._socket.sendall(request.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = self._socket.recv(1 << 16)
            if not more:
                return None
            answer += more
        received = time.time_ns()
        lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        header = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        date = int(parsedate_to_datetime(header["date"]).timestamp()) * SECOND
        if header.get("connection", "").lower() == "close":
            self.connect()
        return Exchange(sent, received, date, header.get("age"))


# --- how late ------------------------------------------------------------------------------------------------------


@dataclass
class Regime:
    """What was seen of one server on one kind of connection."""

    exchanges: list[Exchange] = field(default_factory=list)

    def summary(self) -> dict[str, float | int]:
        return {
            "exchanges": len(self.exchanges),
            "inside": sum(exchange.inside for exchange in self.exchanges),
            "late_ms": max(exchange.late for exchange in self.exchanges) / MS,
            "early_ms": -min(exchange.current_for for exchange in self.exchanges) / MS,
        }


class Station:
    """One server, and all that is measured of it."""

    def __init__(self, name: str, server: Daemon) -> None:
        self.name = name
        self.server = server
        self.busy, self.idle, self.fresh = Regime(), Regime(), Regime()
        #: For each change of the Date seen: when it happened, at the earliest and the latest, after the second began.
        self.ticks: list[tuple[int, int]] = []

    def expected(self) -> int:
        """When after the beginning of a second the Date is expected to change."""
        return statistics.median_low([(low + high) // 2 for low, high in self.ticks]) if self.ticks else 0

    def measure_busy(self, ticks: int) -> None:
        """Requests without a pause around changes of the Date."""
        connection = Connection(self.server)
        self._watch_one_change(connection, pause=0.002)
        self.ticks.clear()  # it was a rough look, to know where to look closely
        self.busy.exchanges.clear()
        rough = self._rough
        for _ in range(ticks):
            start = (time.time_ns() // SECOND + 1) * SECOND + rough - LEAD
            if start < time.time_ns():
                start += SECOND
            sleep_until(start)
            self._watch_one_change(connection)
        connection.close()

    def _watch_one_change(self, connection: Connection, pause: float = 0.0) -> None:
        last = connection.ask()
        while (new := connection.ask()).date == last.date:
            self.busy.exchanges.append(last)
            last = new
            time.sleep(pause)
        self.busy.exchanges += [last, new]
        self.ticks.append((last.sent - new.date, new.received - new.date))
        self._rough = max(last.sent - new.date, 0)

    def keep_asking(self, regime: Regime, until: int) -> Iterator[int]:
        """A request now and then; yields when it wants to be woken. On one connection, or on a fresh one each time."""
        fresh = regime is self.fresh
        connection = None if fresh else Connection(self.server)
        while (now := time.time_ns()) < until:
            moment = now + random.randrange(50 * MS, 2000 * MS)
            if random.random() < 0.7:
                second = (moment + SECOND - 1) // SECOND * SECOND
                moment = second + self.expected() + random.randrange(*AIM)
            if fresh:
                yield max(now, moment - random.randrange(20 * MS, 900 * MS))
                connection = Connection(self.server)
            yield moment
            regime.exchanges.append(connection.ask())
            if fresh:
                connection.close()

    def report(self) -> dict[str, object]:
        lows, highs = zip(*self.ticks)
        return {
            "server": self.name,
            "tick_low_ms": statistics.median(lows) / MS,
            "tick_high_ms": statistics.median(highs) / MS,
            "busy": self.busy.summary(),
            "idle": self.idle.summary(),
            "fresh": self.fresh.summary(),
        }


def sleep_until(moment: int) -> None:
    time.sleep(max(0, moment - time.time_ns()) / SECOND)


def run_together(tasks: Sequence[Iterator[int]]) -> None:
    """Run each until it wants to sleep, the one that wants to be woken first before the others."""
    queue = [(next(task), number, task) for number, task in enumerate(tasks)]
    heapq.heapify(queue)
    while queue:
        moment, number, task = heapq.heappop(queue)
        sleep_until(moment)
        with contextlib.suppress(StopIteration):
            heapq.heappush(queue, (next(task), number, task))


def start_stations(world: World) -> list[Station]:
    certificate = world.certificate
    origin = world.run(PlainNginx(world.folder("origin"))).port

    def web(kind: type[WebServer], *more: int) -> WebServer:
        return kind(world.folder(kind.__name__.lower()), certificate, *more)

    def plain(kind: type[Varnish | Squid]) -> Daemon:
        return kind(world.folder(kind.__name__.lower()), origin)

    stations = [
        Station("nginx", web(Nginx)),
        Station("Apache", web(Apache)),
        Station("lighttpd", web(Lighttpd)),
        Station("Caddy", web(Caddy)),
        Station("Node", web(Node)),
        Station("Python http.server", web(PythonServer)),
        Station("HAProxy, its http_date", web(HaproxyOwnDate, origin)),
        Station("HAProxy before nginx", web(HaproxyInFront, origin)),
        Station("Varnish, its own answer", plain(VarnishOwnAnswer)),
        Station("Varnish before nginx, pass", plain(VarnishPassing)),
        Station("Squid, its own answer", plain(SquidOwnAnswer)),
        Station("Squid before nginx, pass", plain(SquidPassing)),
    ]
    world.start(*(station.server for station in stations))
    return stations


def measure_lag(stations: Sequence[Station], ticks: int, seconds: float, say: Callable[[str], None]) -> None:
    for station in stations:
        say(f"{station.name}: {ticks} changes of its Date, busy")
        station.measure_busy(ticks)
    say(f"all of them for {seconds:g} s, on idle and on fresh connections")
    until = time.time_ns() + round(seconds * SECOND)
    tasks = [station.keep_asking(regime, until) for station in stations for regime in (station.idle, station.fresh)]
    random.shuffle(tasks)
    run_together(tasks)


# --- what caches do ------------------------------------------------------------------------------------------------


def start_caches(world: World) -> dict[str, Daemon]:
    certificate = world.certificate
    origin = world.run(PlainNginx(world.folder("origin"))).port
    caches = {
        "Varnish": Varnish(world.folder("varnish-cache"), origin),
        "Squid": Squid(world.folder("squid-cache"), origin),
        "HAProxy cache": HaproxyCache(world.folder("haproxy-cache"), certificate, origin),
        "Apache mod_cache": caching_apache(world, origin),
        "nginx proxy_cache": NginxCache(world.folder("nginx-cache"), certificate, origin),
        "nginx proxy_cache, proxy_pass_header Date": NginxCacheOldDate(
            world.folder("nginx-cache"), certificate, origin
        ),
    }
    world.start(*caches.values())
    return caches


def measure_caches(caches: dict[str, Daemon], wait: float = 3.0) -> list[dict[str, object]]:
    """What a HEAD is answered after a GET, and after another HEAD, of the same page."""
    for server in caches.values():
        connection = Connection(server)
        connection.ask("/", "GET")
        connection.close()  # its body is still to be read
        Connection(server).ask("/index.html")
    time.sleep(wait)
    rows = []
    for name, server in caches.items():
        row: dict[str, object] = {"cache": name}
        for key, path in (("after_get", "/"), ("after_head", "/index.html")):
            answer = Connection(server).ask(path)
            row[key] = {"date_old_by_s": (answer.sent - answer.date) // SECOND, "age": answer.age}
        rows.append(row)
    return rows


# --- words ---------------------------------------------------------------------------------------------------------


def print_lag(reports: Sequence[dict[str, object]]) -> None:
    print("Changes of the Date on a busy connection: median of when after the second they happened, at least and at")
    print("most. Then the latest request that was answered with the old Date, and how many Dates were right.\n")
    print(f"{'ms':28} {'change':>17} {'busy':>8} {'idle':>8} {'fresh':>8}   {'right on idle, fresh':>22}")
    for report in reports:
        change = f"{report['tick_low_ms']:+.2f} to {report['tick_high_ms']:+.2f}"
        late = " ".join(f"{report[regime]['late_ms']:+8.2f}" for regime in ("busy", "idle", "fresh"))
        regimes = (report[regime] for regime in ("idle", "fresh"))
        right = ", ".join(f"{regime['inside']} of {regime['exchanges']}" for regime in regimes)
        print(f"{report['server']:28} {change:>17} {late}   {right:>22}")
    early = [report["server"] for report in reports for regime in ("busy", "idle", "fresh")
             if report[regime]["early_ms"] > 0]  # fmt: skip
    print(f"\nA Date before its second began: {', '.join(sorted(set(early))) or 'never'}.")


def print_caches(rows: Sequence[dict[str, object]], wait: float) -> None:
    print(f"\nA HEAD {wait:g} s after a GET or a HEAD of the same page: how old its Date is, and its Age.\n")
    print(f"{'':44} {'after a GET':>16} {'after a HEAD':>16}")
    for row in rows:
        cells = [f"{row[key]['date_old_by_s']} s, {row[key]['age'] or 'none'}" for key in ("after_get", "after_head")]
        print(f"{row['cache']:44} {cells[0]:>16} {cells[1]:>16}")


def lateness_of_time() -> int:
    """How late time(2), which many programs ask, reaches the next second."""
    library = ctypes.CDLL(None)
    library.time.restype = ctypes.c_long
    second = time.time_ns() // SECOND + 1
    sleep_until(second * SECOND)
    while library.time(None) < second:
        pass
    return time.time_ns() - second * SECOND


def circumstances() -> dict[str, float]:
    """What of this machine the numbers depend on."""
    apart = time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    coarse = 5  # CLOCK_REALTIME_COARSE, which Python does not name
    return {
        "coarse_clock_ms": time.clock_getres(coarse) * 1000,
        "time_late_ms": lateness_of_time() / MS,
        "monotonic_phase_ms": apart % SECOND / MS,
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev servers", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--ticks", type=int, default=20, help="changes of each server's Date to watch, busy (20)")
    parser.add_argument("--seconds", type=float, default=120, help="how long to ask on idle, fresh connections (120)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    options = parser.parse_args()
    if options.ticks < 1 or options.seconds < 10:
        parser.error("at least 1 tick and 10 seconds")
    wait = 3.0
    try:
        with World() as world:
            stations = start_stations(world)
            measure_lag(stations, options.ticks, options.seconds, lambda text: print(text, file=sys.stderr, flush=True))
            reports = [station.report() for station in stations]
            caches = measure_caches(start_caches(world), wait)
    except LabError as error:
        print(f"./dev servers: {error}", file=sys.stderr)
        return 1
    except Interrupted as interrupt:
        return 128 + interrupt.signal_number
    machine = circumstances()
    if options.json:
        print(json.dumps({**machine, "lag": reports, "caches": caches}))
        return 0
    print_lag(reports)
    print_caches(caches, wait)
    print(f"\nThe coarse clock advances every {machine['coarse_clock_ms']:.2f} ms; time(2), which reads it, was")
    phase = f"{machine['monotonic_phase_ms']:.1f} ms"
    print(f"{machine['time_late_ms']:.2f} ms late. The monotonic clock's seconds begin {phase} after")
    print("the wall clock's, and lighttpd's Dates with them.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
