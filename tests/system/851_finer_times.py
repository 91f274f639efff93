"""Servers that say more than Date: nginx and Apache with the pieces of configuration that we ship, and a liar."""

import re
import statistics
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import Apache, DelayedPath, LabTest, Nginx, Result, WebServer, run, trusting_connection

SNIPPETS = Path(__file__).resolve().parents[2] / "packaging" / "time-source"
PLACE = ".well-known/time"
#: Milliseconds each way.
WAY = 20.0
DELAY = 2 * WAY / 1000


class FinerTimes(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        lie = world.folder("lie") / "lie.conf"
        lie.write_text(f"location / {{ add_header X-HTTPSTIME {time.time() - 100:.3f} always; return 204; }}\n")
        cls.nginx, cls.apache, cls.liar = world.start(
            Nginx(world.folder("nginx"), world.certificate, include=[SNIPPETS / "nginx.conf"]),
            Apache(world.folder("apache"), world.certificate, include=[SNIPPETS / "apache.conf"]),
            Nginx(world.folder("liar"), world.certificate, include=[lie]),
        )

    def test_the_header_is_the_time_of_the_answer(self) -> None:
        for server, digits in ((self.nginx, 3), (self.apache, 6)):
            connection = trusting_connection(server.port)
            self.addCleanup(connection.close)
            for method in ("GET", "HEAD", "GET"):
                with self.subTest(server=server.implementation, method=method):
                    sent = time.time()
                    connection.request(method, f"/{PLACE}")
                    answer = connection.getresponse()
                    answer.read()
                    received = time.time()
                    self.assertEqual(answer.status, 204)
                    self.assertEqual(answer.headers["Cache-Control"], "no-store")
                    said = answer.headers["X-HTTPSTIME"]
                    self.assertRegex(said, re.compile(rf"^\d{{10}}\.\d{{{digits}}}$"))
                    self.assertGreater(float(said), sent - 10**-digits)
                    self.assertLess(float(said), received)

    def test_nothing_else_has_a_stamp(self) -> None:
        for server in (self.nginx, self.apache):
            connection = trusting_connection(server.port)
            self.addCleanup(connection.close)
            for path in ("", ".well-known/", f"{PLACE}r", f"{PLACE}/more"):
                with self.subTest(server=server.implementation, path=path):
                    connection.request("HEAD", f"/{path}")
                    answer = connection.getresponse()
                    answer.read()
                    self.assertIsNone(answer.headers["X-HTTPSTIME"])

    def query(self, url: str, requests: int) -> Result:
        result = run(
            "sdwdate", "query", "--json", "--direct", "--ca-file", self.ca_file, "--requests", str(requests), url
        )
        self.assert_exit(result, 0)
        self.assert_within(result.sources[0], 0.0)
        return result

    def measure_once(self, server: WebServer) -> list[Result]:
        way = self.world.run(DelayedPath(self.world.folder("way"), server.port, WAY, WAY))
        return [self.query(way.url + PLACE, 1) for _ in range(5)]

    def test_one_request_is_enough(self) -> None:
        for server in (self.nginx, self.apache):
            with self.subTest(server=server.implementation):
                results = self.measure_once(server)
                for result in results:
                    source = result.sources[0]
                    self.assertEqual(source["evidence"], "x-httpstime", result)
                    self.assertIsNone(source["note"], result)
                    # A round trip, a millisecond of digits, one that the server may be late, and the clocks' reading.
                    self.assertLess(source["upper"] - source["lower"], source["delay"] + 0.0025, result)
                errors = [abs(result.sources[0]["offset"]) for result in results]
                self.assertLess(statistics.median(errors), DELAY / 10, results)

    def test_a_finer_time_that_disagrees_with_date_is_dropped(self) -> None:
        result = self.query(self.liar.url, 3)
        self.assertEqual(result.sources[0]["evidence"], "date", result)
        self.assertIn("not used", result.sources[0]["note"])
        shown = run("sdwdate", "query", "--ca-file", self.ca_file, "--requests", "2", self.liar.url)
        self.assertIn("disagrees with its Date in 2 of 2 answers", shown.stdout)


if __name__ == "__main__":
    unittest.main()
