"""Loopback ports that nobody else gets."""

import os
import random
import socket
import threading
from collections.abc import Iterable

from .waiting import LabError

# Below the range from which the kernel takes ports for outgoing connections (32768), and a share for each process:
# tests run side by side, and a port that one has just given up is soon taken by another.
_SHARE = 200
_FIRST = 20000 + os.getpid() % 60 * _SHARE
_random = random.SystemRandom()
_given: set[int] = set()
_held: list[socket.socket] = []
_lock = threading.Lock()


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def in_url(address: str) -> str:
    """The address as URLs have it: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def _is_free(address: str, port: int) -> bool:
    with socket.socket(family_of(address), socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def free_port(addresses: Iterable[str] = ("127.0.0.1", "::1")) -> int:
    """A port at which nothing listens on any of `addresses`; never the same one twice."""
    wanted = tuple(addresses)
    with _lock:
        for _ in range(1000):
            port = _random.randrange(_FIRST, _FIRST + _SHARE)
            if port not in _given and all(_is_free(address, port) for address in wanted):
                _given.add(port)
                return port
    raise LabError(f"no free port on {', '.join(wanted)}")


def accepts(port: int) -> bool:
    """Does somebody on loopback take connections there?"""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def dead_port() -> int:
    """A port that refuses connections for as long as this program runs, whatever others start meanwhile."""
    port = free_port()
    for address in ("127.0.0.1", "::1"):
        holder = socket.socket(family_of(address), socket.SOCK_STREAM)  # bound, but it never listens
        holder.bind((address, port))
        _held.append(holder)
    return port
