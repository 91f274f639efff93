"""Servers that are late in refreshing their Date, each as a program that people run is; see docs/servers.md.

All have the right time. What differs is when they write it down anew.
"""

import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

from .behaviours import answer
from .certificates import Certificate
from .hostile import DATE, Behaviour, HostileServer, Peer, StartTls

#: Says, at each instant (seconds since 1970), which second a server's Date claims. It may remember what it said.
Shape = Callable[[float], int]


def prompt() -> Shape:
    """nginx, Apache and most others: the second of the moment."""
    return math.floor


def constant(late: float | None = None) -> Shape:
    """lighttpd with visitors: the Date changes at some time of the second, always the same."""
    late = random.uniform(0, 1) if late is None else late
    return lambda now: math.floor(now - late)


def own_timer(period: float = 1.001) -> Shape:
    """Cowboy: a timer of its own writes the Date down, and is a little late itself each time."""
    begun = random.uniform(0, 1)
    return lambda now: math.floor(now - (now - begun) % period)


def half_second() -> Shape:
    """Envoy: a timer of 500 ms."""
    return own_timer(0.5)


def when_asked() -> Shape:
    """Tomcat until 2022: written down anew by the first request after more than a second."""
    lock = threading.Lock()
    written = 0.0

    def second(now: float) -> int:
        nonlocal written
        with lock:
            if math.floor(now * 1000) - math.floor(written * 1000) > 1000:
                written = now
            return math.floor(written)

    return second


@dataclass(frozen=True)
class NoteDate:
    """Has the server remember the Date that it had when this connection began."""

    def perform(self, peer: Peer) -> bool:
        peer.server.first_dates[peer] = peer.server.date()
        return True


@dataclass(frozen=True)
class AnswerFromAfar:
    """Answers as if the path were as long as the request's own says: /600 is 600 ms away, there and back."""

    def perform(self, peer: Peer) -> bool:
        way = float(peer.record.requests[-1].split()[1].decode()[1:] or 0) / 2000
        time.sleep(way)
        data = answer("200 OK", "Content-Length: 0").replace(DATE, peer.server.date_on(peer).encode())
        time.sleep(way)
        peer.socket.sendall(data)
        return True


class LateServer(HostileServer):
    """An HTTPS server whose Date has a shape of lateness.

    With `keeps`, as uvicorn, a connection keeps its first Date.
    """

    def __init__(self, shape: Shape, certificate: Certificate, *, keeps: bool = False) -> None:
        super().__init__(Behaviour((AnswerFromAfar(),), on_connect=(StartTls(), NoteDate())), certificate)
        self.first_dates: dict[Peer, str] = {}
        self._shape = shape
        self._keeps = keeps

    def date_on(self, peer: Peer) -> str:
        return self.first_dates[peer] if self._keeps else self.date()

    def url_of(self, round_trip: int) -> str:
        """Where it is so many milliseconds away; only the handshake is shorter."""
        return self.url_at("127.0.0.1", f"/{round_trip}")

    def date(self) -> str:
        return formatdate(self._shape(time.time()), usegmt=True)
