"""Real caches in front of real servers: an old Date is recognised by its Age, by contradiction or by the others."""

import ssl
import sys
import time
import unittest
from pathlib import Path
from urllib.request import Request, urlopen

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import Apache, Caddy, LabTest, Nginx, Varnish, WebServer, caching_nginx, query

#: What is older than a second cannot be taken for a late refresh.
OLD = 2.5


def fetch(url: str, method: str) -> dict[str, str]:
    """One request; the header of its answer, by names in lower case."""
    trusting = ssl._create_unverified_context()  # noqa: S323 - only fills a cache
    with urlopen(Request(url, method=method), context=trusting, timeout=5) as answer:
        answer.read()
        return {name.lower(): value for name, value in answer.headers.items()}


class Caches(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.origin = Nginx(world.folder("origin"), world.certificate, directives="rewrite ^ /index.html break;")
        cls.apache = Apache(world.folder("apache"), world.certificate)
        cls.caddy = Caddy(world.folder("caddy"), world.certificate)
        world.start(cls.origin, cls.apache, cls.caddy)

    def nginx_cache(self, **more: bool) -> Nginx:
        folder = self.world.folder("nginx-cache")
        directives = caching_nginx(folder, f"http://127.0.0.1:{self.origin.plain_port}", **more)
        return self.world.run(Nginx(folder, self.world.certificate, **directives))

    def tls_before_varnish(self, directives: str = "") -> Nginx:
        """Varnish needs somebody to speak TLS for it."""
        varnish = self.world.run(Varnish(self.world.folder("varnish"), self.world.certificate, self.origin.plain_port))
        proxy = f"location / {{ proxy_pass http://127.0.0.1:{varnish.port}; {directives} }}"
        return self.world.run(Nginx(self.world.folder("front"), self.world.certificate, directives=proxy))

    def grow_old(self, server: WebServer, path: str, method: str) -> str:
        """Have `path` stored, and wait. Its URL."""
        url = server.url + path
        fetch(url, method)
        time.sleep(OLD)
        return url

    def test_varnish_says_age(self) -> None:
        """Asked by HEAD alone or fetched by others before: stored is stored."""
        front = self.tls_before_varnish("proxy_pass_header Date;")
        for method in ("GET", "HEAD"):
            with self.subTest(method):
                url = self.grow_old(front, method.lower(), method)
                self.assertGreaterEqual(int(fetch(url, "HEAD")["age"]), 1)
                self.assert_failed(query(url, ca_file=self.ca_file), "stale", url)

    def test_age_counts_even_beside_a_fresh_date(self) -> None:
        """nginx writes its own Date and passes on Varnish's Age: the answer is old, so nothing of it is believed."""
        url = self.grow_old(self.tls_before_varnish(), "page", "HEAD")
        self.assert_failed(query(url, ca_file=self.ca_file), "stale", url)

    def test_nginx_as_a_cache_writes_its_own_date(self) -> None:
        """What it does unless told otherwise: the page is old, the Date is not."""
        url = self.grow_old(self.nginx_cache(), "page", "GET")
        self.assertNotIn("age", fetch(url, "HEAD"))
        self.assert_measured(query(url, ca_file=self.ca_file))

    def test_an_old_date_without_age_contradicts_itself(self) -> None:
        """The clock that it shows stands still; that is seen when the questions go on for more than a second."""
        front = self.nginx_cache(keeps_date=True)
        for method in ("GET", "HEAD"):
            with self.subTest(method):
                url = self.grow_old(front, method.lower(), method)
                self.assertNotIn("age", fetch(url, "HEAD"))
                self.assert_failed(query(url, ca_file=self.ca_file, requests=32, seconds=20), "inconsistent", url)

    def test_an_old_date_without_age_is_outvoted(self) -> None:
        """Few questions, within a second, show no contradiction: but there are the others."""
        cached = self.grow_old(self.nginx_cache(keeps_date=True), "page", "HEAD")
        honest = [server.url for server in (self.origin, self.apache, self.caddy)]
        for requests in (1, 4):
            with self.subTest(requests=requests):
                result = query(*honest, cached, ca_file=self.ca_file, requests=requests)
                self.assert_exit(result, 0)
                self.assert_within(result.selection, 0.0)
                outcomes = {source["url"]: source["outcome"] for source in result.sources}
                expected = {**dict.fromkeys(honest, "truechimer"), cached: "falseticker"}
                self.assertEqual(outcomes, expected, f"\n{result}")


if __name__ == "__main__":
    unittest.main()
