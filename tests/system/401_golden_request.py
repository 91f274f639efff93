"""What goes over the wire: always the same bytes, and nothing in them that tells one user from another."""

import select
import socket
import struct
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import HONEST, MEASURABLE_TWICE, HostileServer, LabTest, in_parallel, query

# Changing this changes what every server sees of every user: only with a very good reason, in a release of its own.
GOLDEN = b"HEAD %(target)s HTTP/1.1\r\nHost: %(authority)s\r\n\r\n"
#: TLS: the type of a record (RFC 8446, section 5.1).
APPLICATION_DATA = 23


class GoldenRequest(LabTest):
    def serve(self, behaviour=HONEST, **options) -> HostileServer:
        return self.world.run(HostileServer(behaviour, self.world.certificate, **options))

    def expected(self, server: HostileServer, host: str = "127.0.0.1", target: str = "/") -> bytes:
        return GOLDEN % {b"target": target.encode(), b"authority": f"{host}:{server.port}".encode()}

    def test_all_requests_are_the_same(self) -> None:
        """On one connection and on the next, whatever the user's language, zone and name."""
        server = self.serve(MEASURABLE_TWICE["http 1.0"])
        users = [
            {"LANG": "C", "TZ": "UTC"},
            {"LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "TZ": "Europe/Vienna", "LANGUAGE": "de"},
            {"LANG": "ar_EG.UTF-8", "TZ": "Pacific/Kiritimati", "USER": "somebody", "http_proxy": "http://127.0.0.1:1"},
        ]
        in_parallel(lambda user: self.assert_measured(query(server.url, ca_file=self.ca_file, environment=user)), users)
        self.assertEqual(len(server.connections), 2 * len(users))
        self.assertEqual(set(server.requests), {self.expected(server)})

    def test_keep_alive_requests_are_the_same(self) -> None:
        server = self.serve()
        self.assert_measured(query(server.url, ca_file=self.ca_file, requests=3))
        self.assertEqual(server.requests, [self.expected(server)] * 3)

    def test_verbosity_and_output_change_nothing(self) -> None:
        server = self.serve()
        self.assert_measured(query("--verbose", server.url, ca_file=self.ca_file, requests=1))
        self.assertEqual(server.requests, [self.expected(server)])

    def test_names_paths_and_ipv6(self) -> None:
        server = self.serve(addresses=("127.0.0.1", "::1"))
        resolve = ("--resolve", f"localhost:{server.port}:127.0.0.1")
        self.assert_measured(query(server.url_at("localhost", "/a?b=c"), *resolve, ca_file=self.ca_file, requests=1))
        self.assert_measured(query(server.url_at("::1"), ca_file=self.ca_file, requests=1))
        self.assertEqual(
            server.requests, [self.expected(server, "localhost", "/a?b=c"), self.expected(server, "[::1]")]
        )

    def test_tls_says_the_name_and_http_1_1(self) -> None:
        """SNI holds the name, and no address ever (RFC 6066); ALPN holds http/1.1 alone."""
        server = self.serve()
        resolve = ("--resolve", f"localhost:{server.port}:127.0.0.1")
        self.assert_measured(query(server.url_at("localhost"), *resolve, ca_file=self.ca_file, requests=1))
        self.assert_measured(query(server.url, ca_file=self.ca_file, requests=1))
        self.assertEqual([each.server_name for each in server.connections], ["localhost", None])
        self.assertEqual([each.alpn for each in server.connections], ["http/1.1", "http/1.1"])

    def test_a_request_is_one_record_in_one_segment(self) -> None:
        """Whoever reads promptly gets each request at once: a TLS record, whole, and nothing else with it."""
        server = self.serve()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            pieces: list[bytes] = []
            relay = threading.Thread(target=self.relay, args=(listener, server.port, pieces))
            relay.start()
            result = query(f"https://127.0.0.1:{listener.getsockname()[1]}/", ca_file=self.ca_file, requests=4)
            relay.join()
        self.assert_measured(result)
        for piece in pieces[-4:]:
            kind, _, length = struct.unpack("!BHH", piece[:5])
            self.assertEqual(kind, APPLICATION_DATA)
            self.assertEqual(len(piece), 5 + length)
        self.assertEqual(len({len(piece) for piece in pieces[-4:]}), 1)

    def relay(self, listener: socket.socket, port: int, pieces: list[bytes]) -> None:
        """One connection to the server, with each piece that the client sent."""
        client, _ = listener.accept()
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            while True:
                for readable in select.select([client, server], [], [])[0]:
                    piece = readable.recv(65536)
                    if not piece:
                        return
                    if readable is client:
                        pieces.append(piece)
                    (server if readable is client else client).sendall(piece)

    def test_nothing_that_could_be_split(self) -> None:
        """What would smuggle a second header into the request is no URL."""
        server = self.serve()
        for path in ("/\r\nX-Evil: 1", "/ HTTP/1.1\r\n", "/a b"):
            with self.subTest(repr(path)):
                self.assert_exit(query(server.url_at("127.0.0.1", path), ca_file=self.ca_file), 2)
        self.assertEqual(server.requests, [])


if __name__ == "__main__":
    unittest.main()
