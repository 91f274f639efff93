"""A server that does what real ones will not: its behaviours are data, and it keeps what clients sent.

A behaviour is a list of steps for each new connection and one for each request on it; see behaviours.py.
"""

import contextlib
import math
import socket
import ssl
import struct
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Protocol

from .certificates import Certificate
from .ports import family_of, free_port, in_url

#: In what a server sends: the Date of the moment, by the server's own clock.
DATE = b"@DATE@"

_MOST_REQUEST_BYTES = 1 << 16


class Peer:
    """One connection to a client, as the steps see it."""

    def __init__(self, server: "HostileServer", client: socket.socket) -> None:
        self.server = server
        self.socket: socket.socket = client
        self.record = ConnectionRecord()

    def start_tls(self) -> None:
        # The server name is noted during the handshake, by the socket: so first the socket, then the handshake.
        self.socket = self.server.tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.socket.do_handshake()
        self.record.alpn = self.socket.selected_alpn_protocol()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data.replace(DATE, self.server.date().encode()))

    def read_request(self) -> bytes:
        """The next request up to its empty line; what is left when the client hangs up, maybe nothing."""
        received = b""
        while b"\r\n\r\n" not in received and len(received) < _MOST_REQUEST_BYTES:
            more = self.socket.recv(4096)
            if not more:
                break
            received += more
        return received

    def reset(self) -> None:
        """Throw the connection away: with no time to linger, close() sends RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Step(Protocol):
    """One thing to do. Returns whether the connection goes on."""

    def perform(self, peer: Peer) -> bool: ...


@dataclass(frozen=True)
class StartTls:
    def perform(self, peer: Peer) -> bool:
        peer.start_tls()
        return True


@dataclass(frozen=True)
class Receive:
    """Wait for the client to send something, and take it."""

    def perform(self, peer: Peer) -> bool:
        return bool(peer.socket.recv(4096))


@dataclass(frozen=True)
class Send:
    """Send bytes at once, with the Date of the moment where they say DATE."""

    data: bytes

    def perform(self, peer: Peer) -> bool:
        peer.send(self.data)
        return True


@dataclass(frozen=True)
class SendTwiceDated:
    """An answer with two Dates, of two machines on the way: the second is written that much later."""

    interval: float

    def perform(self, peer: Peer) -> bool:
        first = peer.server.date()
        time.sleep(self.interval)
        peer.send(f"HTTP/1.1 200 OK\r\nDate: {first}\r\nContent-Length: 0\r\nDate: ".encode() + DATE + b"\r\n\r\n")
        return True


@dataclass(frozen=True)
class AtFirst:
    """One step on a connection's first request, another one on all later ones."""

    first: "Step"
    later: "Step"

    def perform(self, peer: Peer) -> bool:
        return (self.first if len(peer.record.requests) == 1 else self.later).perform(peer)


@dataclass(frozen=True)
class Repeat:
    """Send the same bytes again and again, for ever, every `interval` seconds."""

    data: bytes
    interval: float = 0.0

    def perform(self, peer: Peer) -> bool:
        while not peer.server.stopping.wait(self.interval):
            peer.send(self.data)
        return False


@dataclass(frozen=True)
class Hang:
    """Do nothing any more, and leave the connection open."""

    def perform(self, peer: Peer) -> bool:
        peer.server.stopping.wait()
        return False


@dataclass(frozen=True)
class Reset:
    def perform(self, peer: Peer) -> bool:
        peer.reset()
        return False


@dataclass(frozen=True)
class Close:
    def perform(self, peer: Peer) -> bool:
        peer.hang_up()
        return False


@dataclass(frozen=True)
class Behaviour:
    """What a server does when a client connects, and on each of its requests."""

    on_request: tuple[Step, ...]
    on_connect: tuple[Step, ...] = (StartTls(),)


@dataclass
class ConnectionRecord:
    """What one client sent on one connection."""

    #: When it was accepted, by the monotonic clock.
    accepted: float = field(default_factory=time.monotonic)
    server_name: str | None = None
    alpn: str | None = None
    requests: list[bytes] = field(default_factory=list)


class HostileServer:
    """Serves one behaviour, on threads of this process. `clock_offset` shifts the clock its Dates come from."""

    def __init__(
        self,
        behaviour: Behaviour,
        certificate: Certificate,
        *,
        clock_offset: float = 0.0,
        addresses: Sequence[str] = ("127.0.0.1",),
        newest_tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ) -> None:
        self.behaviour = behaviour
        self.clock_offset = clock_offset
        self.addresses = tuple(addresses)
        self.port = free_port(self.addresses)
        self.connections: list[ConnectionRecord] = []
        self.stopping = threading.Event()
        self.tls = self._tls_context(certificate, newest_tls)
        self._lock = threading.Lock()
        self._listeners: list[socket.socket] = []
        self._peers: list[Peer] = []
        self._threads: list[threading.Thread] = []

    def _tls_context(self, certificate: Certificate, newest: ssl.TLSVersion) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.chain, certificate.key)
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = self._note_server_name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that old versions are deprecated is why they are here
            context.minimum_version = min(newest, ssl.TLSVersion.TLSv1_2)
            context.maximum_version = newest
        if newest < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")  # Debian's OpenSSL refuses them otherwise
        return context

    def _note_server_name(self, connection: ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
        with self._lock:
            peer = next(peer for peer in self._peers if peer.socket is connection)
        peer.record.server_name = name

    def date(self) -> str:
        return formatdate(math.floor(time.time() + self.clock_offset), usegmt=True)

    @property
    def url(self) -> str:
        return self.url_at(self.addresses[0])

    def url_at(self, host: str, path: str = "/") -> str:
        return f"https://{in_url(host)}:{self.port}{path}"

    @property
    def requests(self) -> list[bytes]:
        """Every request so far, of all connections in their order."""
        return [request for connection in self.connections for request in connection.requests]

    def start(self) -> None:
        for address in self.addresses:
            listener = socket.create_server((address, self.port), family=family_of(address), backlog=64)
            self._listeners.append(listener)
            self._run(self._accept, listener)

    def wait_ready(self) -> None:
        """It listens since `start`."""

    def _run(self, target, *arguments: object) -> None:  # noqa: ANN001
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the listener was shut down
            while True:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer = Peer(self, client)
                with self._lock:
                    self._peers.append(peer)
                    self.connections.append(peer.record)
                self._run(self._serve, peer)

    def _serve(self, peer: Peer) -> None:
        with contextlib.suppress(OSError):  # clients hang up, and so does `stop`; both are everyday life
            alive = self._perform(self.behaviour.on_connect, peer)
            while alive and (request := peer.read_request()):
                peer.record.requests.append(request)
                alive = self._perform(self.behaviour.on_request, peer)
        peer.hang_up()

    @staticmethod
    def _perform(steps: Sequence[Step], peer: Peer) -> bool:
        return all(step.perform(peer) for step in steps)

    def ask_to_stop(self) -> None:
        self.stopping.set()
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            for peer in self._peers:
                with contextlib.suppress(OSError):
                    peer.socket.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self.ask_to_stop()
        for thread in self._threads:
            thread.join(timeout=2)
        for listener in self._listeners:
            listener.close()


class BlackHole:
    """An address where TCP connections are neither accepted nor refused: the queue of its listener is full."""

    def __init__(self, address: str, port: int) -> None:
        self._address = address
        self._port = port
        self._sockets: list[socket.socket] = []

    def start(self) -> None:
        family = family_of(self._address)
        self._sockets.append(socket.create_server((self._address, self._port), family=family, backlog=0))

    def wait_ready(self) -> None:
        """Fill the queue until a connection gets no answer."""
        while self._connects():
            pass

    def _connects(self) -> bool:
        client = socket.socket(family_of(self._address), socket.SOCK_STREAM)
        self._sockets.append(client)
        client.settimeout(0.2)
        try:
            client.connect((self._address, self._port))
        except TimeoutError:
            return False
        return True

    def ask_to_stop(self) -> None:
        """Nothing runs that would have to be asked."""

    def stop(self) -> None:
        for each in self._sockets:
            each.close()
