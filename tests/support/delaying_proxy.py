#!/usr/bin/env python3
"""A SOCKS5 proxy that makes links as long, as uneven and as moody as those of the Internet.

    delaying_proxy.py PORT MILLISECONDS SEED

Nothing is late before SIGUSR1. Then each connection is a link with a length of its own, of which MILLISECONDS one way
is the median, not quite the same there and back; each piece is a little later than that, and some are much later.
Order is kept, as by TCP.
"""

import asyncio
import random
import signal
import sys

#: Logarithmic standard deviation of the links' lengths: two in three are within a factor of 1.6.
_SPREAD = 0.5
#: How much longer or shorter one way of a link is than the other.
_LOPSIDED = 0.2
#: Each piece is late by this part of the link's length on average; of some, that is the multiple.
_USUAL_JITTER = 0.05
_RARELY = 0.03
_RARE_JITTER = 3.0


class Link:
    """One way of a connection."""

    def __init__(self, delays: "Delays", length: float) -> None:
        self._delays = delays
        self._length = length

    def draw(self) -> float:
        """Seconds that the next piece takes."""
        if not self._delays.begun:
            return 0.0
        rare = self._delays.random.random() < _RARELY
        return self._length * (1 + self._delays.random.expovariate(1 / (_RARE_JITTER if rare else _USUAL_JITTER)))


class Delays:
    def __init__(self, median: float, seed: int) -> None:
        self.random = random.Random(seed)
        self.begun = False
        self._median = median

    def begin(self) -> None:
        self.begun = True

    def links(self) -> tuple[Link, Link]:
        length = self._median * self.random.lognormvariate(0, _SPREAD)
        lopsided = self.random.uniform(-_LOPSIDED, _LOPSIDED)
        return Link(self, length * (1 + lopsided)), Link(self, length * (1 - lopsided))


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
    """One way of a connection, until its end."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def take() -> None:
        last = 0.0
        while True:
            try:
                piece = await reader.read(65536)
            except OSError:
                piece = b""
            last = max(last, loop.time() + link.draw())
            pieces.put_nowait((last, piece))
            if not piece:
                return

    taking = asyncio.create_task(take())
    try:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(due - loop.time())
            if not piece:
                break
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        taking.cancel()
        writer.close()


async def serve(delays: Delays, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One client: what it asks for is an IPv4 address and a port."""
    try:
        (methods,) = (await reader.readexactly(2))[1:]
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        request = await reader.readexactly(10)
        host, port = ".".join(map(str, request[4:8])), int.from_bytes(request[8:], "big")
        there, back = await asyncio.open_connection(host, port)
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
    except (OSError, ValueError, asyncio.IncompleteReadError):
        writer.close()
        return
    out, home = delays.links()
    await asyncio.gather(carry(reader, back, out), carry(there, writer, home))


async def main() -> None:
    port, median, seed = int(sys.argv[1]), float(sys.argv[2]) / 1e3, int(sys.argv[3])
    delays = Delays(median, seed)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, delays.begin)
    server = await asyncio.start_server(lambda *streams: serve(delays, *streams), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
