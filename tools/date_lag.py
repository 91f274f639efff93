#!/usr/bin/python3
"""How late real web servers are in refreshing their Date: ./dev servers [--ticks N] [--json].

For each server it watches some changes of the second on a busy connection: the last answer that still has the old
second, and the first that has the new one, bracket the moment. Then it asks at random phases, over a connection that
has been idle and over a new one, and counts answers whose second was over before the request was sent.
"""

import argparse
import http.client
import json
import math
import random
import ssl
import statistics
import sys
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from lab import Apache, Caddy, Daemon, Lighttpd, Nginx, WebServer, World, find_program  # noqa: E402

_NODE = """
const {{ readFileSync }} = require("node:fs");
const options = {{ cert: readFileSync("{chain}"), key: readFileSync("{key}"), keepAliveTimeout: 60000 }};
require("node:https").createServer(options, (_, answer) => answer.end()).listen({port}, "127.0.0.1");
"""
_PYTHON = """
import http.server, ssl
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("{chain}", "{key}")
server = http.server.ThreadingHTTPServer(("127.0.0.1", {port}), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


class Node(WebServer):
    implementation = "Node"

    def command(self) -> Sequence[str]:
        script = self.write("server.js", _NODE.format(port=self.port, **vars(self.certificate)))
        return [find_program("node", "nodejs"), str(script)]


class Python(WebServer):
    implementation = "Python http.server"

    def command(self) -> Sequence[str]:
        script = self.write("server.py", _PYTHON.format(port=self.port, **vars(self.certificate)))
        return [sys.executable, str(script)]


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        context = ssl._create_unverified_context()  # noqa: S323 - a throw-away server on loopback
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
        self._connection.connect()

    def ask(self) -> tuple[float, int, float]:
        """When the request was sent, the Date, when the answer was there."""
        sent = time.time()
        self._connection.request("HEAD", "/")
        answer = self._connection.getresponse()
        received = time.time()
        answer.read()
        return sent, int(parsedate_to_datetime(answer.headers["Date"]).timestamp()), received

    def close(self) -> None:
        self._connection.close()


def watch_ticks(port: int, ticks: int) -> list[tuple[float, float]]:
    """For each change of Date: at least, and at most, how long after the clock's second it came."""
    client, found = Client(port), []
    before = client.ask()
    while len(found) < ticks:
        now = client.ask()
        if now[1] != before[1]:
            found.append((before[0] - now[1], now[2] - now[1]))
        before = now
        time.sleep(0.0005)
    client.close()
    return found


def ask_rarely(port: int, times: int) -> tuple[int, float]:
    """Answers whose second was over when they were asked for, and by how much at the most."""
    late, most, idle = 0, 0.0, Client(port)
    for number in range(times):
        time.sleep(random.random())
        client = idle if number % 2 else Client(port)
        time.sleep(random.random() * 0.2)
        sent, date, received = client.ask()
        if client is not idle:
            client.close()
        if date < math.floor(sent):
            late, most = late + 1, max(most, sent - date - 1)
        if date > received:
            raise SystemExit(f"a Date from the future: {date} at {received}")
    idle.close()
    return late, most


def measure(server: Daemon, ticks: int, rare: int) -> dict:
    brackets = watch_ticks(server.port, ticks)
    late, most = ask_rarely(server.port, rare)
    return {
        "server": server.name,
        "ticks": ticks,
        "surely_late": max(0.0, statistics.median(low for low, _ in brackets)),
        "late_at_most": statistics.median(high for _, high in brackets),
        "worst_surely_late": max(0.0, *(low for low, _ in brackets)),
        "worst_late_at_most": max(high for _, high in brackets),
        "asked_rarely": rare,
        "over_before_asked": late,
        "over_by_at_most": most,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=20, help="changes of the second to watch (20)")
    parser.add_argument("--rare", type=int, default=60, help="answers asked for at random phases (60)")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each server")
    arguments = parser.parse_args()
    with World() as world:
        kinds = (Nginx, Apache, Lighttpd, Caddy, Node, Python)
        servers = world.start(*(kind(world.folder("server"), world.certificate) for kind in kinds))
        phase = (time.time_ns() - time.monotonic_ns()) % 1_000_000_000 / 1e6
        if not arguments.json:
            print(f"The monotonic clock's second comes {phase:.1f} ms after the clock's.\nMilliseconds:\n")
            print(f"{'server':<20}{'late by (median)':>18}{'late by (worst)':>18}{'over before asked':>22}")
        for server in servers:
            found = measure(server, arguments.ticks, arguments.rare)
            if arguments.json:
                print(json.dumps(found), flush=True)
                continue
            usual = f"{found['surely_late'] * 1e3:.1f} to {found['late_at_most'] * 1e3:.1f}"
            worst = f"{found['worst_surely_late'] * 1e3:.1f} to {found['worst_late_at_most'] * 1e3:.1f}"
            over = f"{found['over_before_asked']} of {found['asked_rarely']}, {found['over_by_at_most'] * 1e3:.1f}"
            print(f"{found['server']:<20}{usual:>18}{worst:>18}{over:>22}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
