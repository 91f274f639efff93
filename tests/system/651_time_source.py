"""The snippets of packaging/time-source/ on a real nginx and a real Apache: fine stamps, true, and used by sdwdate."""

import contextlib
import http.client
import re
import socket
import ssl
import sys
import threading
import time
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "support"))

from lab import Apache, LabTest, Nginx, WebServer, free_port, query

SNIPPETS = REPOSITORY / "packaging" / "time-source"
PATH = ".well-known/time"
DIGITS = {"nginx": 3, "Apache": 6}


class SlowPath:
    """A way to a server that takes `one_way` seconds in each direction, whatever is sent, for one connection."""

    def __init__(self, port: int, one_way: float) -> None:
        self.port = free_port()
        self._to = port
        self._one_way = one_way
        self._listener: socket.socket | None = None

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was shut down
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        """Questions and answers take turns, so there is never more than one message under way."""
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                time.sleep(self._one_way)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def wait_ready(self) -> None:
        """It listens since `start`."""

    def ask_to_stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self.ask_to_stop()
        self._listener.close()


class TimeSource(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        nginx, apache = SNIPPETS / "nginx.conf", SNIPPETS / "apache.conf"
        cls.servers = world.start(
            Nginx(world.folder("nginx"), world.certificate, directives=f"include {nginx};"),
            Apache(
                world.folder("apache"), world.certificate, modules=("alias", "headers"), directives=f"Include {apache}"
            ),
        )

    def connect(self, server: WebServer) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connection = http.client.HTTPSConnection("localhost", server.port, timeout=5, context=context)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.addCleanup(connection.close)
        return connection

    def ask(
        self, connection: http.client.HTTPSConnection, method: str
    ) -> tuple[float, http.client.HTTPResponse, float]:
        sent = time.time()
        connection.request(method, f"/{PATH}")
        answer = connection.getresponse()
        received = time.time()
        self.assertEqual(answer.read(), b"")
        return sent, answer, received

    def test_the_stamp_is_when_the_request_came(self) -> None:
        """At once, after a pause, and again on the same connection: it stays open."""
        for server in self.servers:
            with self.subTest(server.name):
                digits = DIGITS[server.name]
                connection = self.connect(server)
                first_socket = connection.sock
                for number in range(20):
                    time.sleep(0.07 * (number % 3))
                    sent, answer, received = self.ask(connection, "GET" if number % 2 else "HEAD")
                    stamp = answer.headers["X-HTTPSTIME"]
                    self.assertRegex(stamp, rf"\A[0-9]{{10}}\.[0-9]{{{digits}}}\Z")
                    # The stamp is cut off after its digits, never rounded up.
                    self.assertGreater(float(stamp) + 10**-digits, sent)
                    self.assertLess(float(stamp), received)
                    self.assertIs(connection.sock, first_socket, "it must stay open")

    def test_the_answer_is_empty_dated_and_never_stored(self) -> None:
        for server in self.servers:
            with self.subTest(server.name):
                for method in ("HEAD", "GET"):
                    _, answer, _ = self.ask(self.connect(server), method)
                    self.assertEqual(answer.status, 204)
                    self.assertEqual(answer.headers["Cache-Control"], "no-store")
                    self.assertTrue(re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer.headers["Date"]))
                    stamp = time.gmtime(int(answer.headers["X-HTTPSTIME"].partition(".")[0]))
                    self.assertIn(time.strftime("%H:%M:%S", stamp), answer.headers["Date"], "both of the same second")

    def test_nothing_else_has_a_stamp(self) -> None:
        for server in self.servers:
            with self.subTest(server.name):
                connection = self.connect(server)
                for path in ("/", "/.well-known/", f"/{PATH}r", f"/{PATH}/more"):
                    connection.request("HEAD", path)
                    answer = connection.getresponse()
                    answer.read()
                    self.assertIsNone(answer.headers["X-HTTPSTIME"], path)

    def measure_once(self, url: str) -> dict:
        result = query(url, ca_file=self.ca_file, requests=1)
        self.assert_measured(result)
        (source,) = result.sources
        self.assertEqual(source["evidence"], "x-httpstime", f"\n{result}")
        self.assertEqual(source["requests"], 1, f"\n{result}")
        return source

    def test_one_request_is_enough_for_sdwdate(self) -> None:
        for server in self.servers:
            with self.subTest(server.name):
                source = self.measure_once(server.url + PATH)
                self.assertLess(source["upper"] - source["lower"], 0.020, source)

    def test_the_estimate_is_good_to_a_tenth_of_the_round_trip(self) -> None:
        for server in self.servers:
            with self.subTest(server.name):
                path = self.world.run(SlowPath(server.port, 0.050))
                source = self.measure_once(f"https://127.0.0.1:{path.port}/{PATH}")
                self.assertGreater(source["delay"], 0.100, source)
                self.assertLess(source["upper"] - source["lower"], source["delay"] + 0.015, source)
                self.assertLess(abs(source["offset"]), 0.1 * source["delay"], source)


if __name__ == "__main__":
    unittest.main()
