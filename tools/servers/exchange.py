"""One request to a server that has our clock."""

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from lab import Daemon, LabError, WebServer

SECOND = 1_000_000_000
MS = 1_000_000


def sleep_until(moment: int) -> None:
    time.sleep(max(0, moment - time.time_ns()) / SECOND)


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
    """A keep-alive connection on which HEAD requests are made one after another; or a new one for each, if `anew`."""

    def __init__(self, server: Daemon, *, anew: bool = False) -> None:
        self._server = server
        self._anew = anew
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
        if self._anew:
            self.connect()
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
