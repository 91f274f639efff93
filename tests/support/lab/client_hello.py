"""The first bytes of a TLS connection, taken apart (RFC 8446, section 4.1.2)."""

import socket
import threading
from dataclasses import dataclass
from types import TracebackType

_KEY_SHARE = 51


@dataclass(frozen=True)
class ClientHello:
    """`masked` is all of it, with zeros for what has to be fresh each time: `random`, `session` and `keys`."""

    masked: bytes
    random: bytes
    session: bytes
    keys: bytes


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self.data):
            raise ValueError("a ClientHello that is cut short")
        return self.data[self.at - count : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")


def parse(record: bytes) -> ClientHello:
    """Of one TLS record with one whole ClientHello."""
    masked = bytearray(record)

    def mask(start: int, end: int) -> bytes:
        masked[start:end] = bytes(end - start)
        return record[start:end]

    reader = _Reader(record)
    reader.take(5 + 4 + 2)  # the record's header, the handshake message's, the version
    random = mask(reader.at, reader.at + 32)
    reader.take(32)
    size = reader.number(1)
    session = mask(reader.at, reader.at + size)
    reader.take(size)
    reader.take(reader.number(2))  # cipher suites
    reader.take(reader.number(1))  # compression methods
    end = reader.number(2) + reader.at
    keys = b""
    while reader.at < end:
        kind, size = reader.number(2), reader.number(2)
        if kind == _KEY_SHARE:
            shares = _Reader(record)
            shares.at = reader.at + 2
            while shares.at < reader.at + size:
                shares.take(2)  # the group
                length = shares.number(2)
                keys += mask(shares.at, shares.at + length)
                shares.take(length)
        reader.take(size)
    return ClientHello(bytes(masked), random, session, keys)


class HelloCatcher:
    """Takes connections, keeps the first record of each, and hangs up."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.hellos: list[ClientHello] = []
        self._thread = threading.Thread(target=self._catch)

    def __enter__(self) -> "HelloCatcher":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _catch(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # shut down
                return
            with client:
                client.settimeout(5)
                header = client.recv(5, socket.MSG_WAITALL)
                body = client.recv(int.from_bytes(header[3:5], "big"), socket.MSG_WAITALL)
                self.hellos.append(parse(header + body))
