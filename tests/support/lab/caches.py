"""Caches in front of a server: what clients get may have been written long ago."""

import http.client
from collections.abc import Sequence
from pathlib import Path

from .certificates import Certificate
from .daemons import Daemon, find_program
from .ports import free_port
from .webservers import WebServer, claimed_time, fill_document_root, nginx_command, trusting_connection

#: How long each cache keeps an answer.
KEPT_SECONDS = 60


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("HEAD", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class PlainNginx(Daemon):
    """A server without TLS, as caches have behind them."""

    def __init__(self, directory: Path) -> None:
        super().__init__("origin", directory)
        self.port = free_port()

    def command(self) -> Sequence[str]:
        return nginx_command(
            self.directory,
            f"""    listen 127.0.0.1:{self.port};
    root {fill_document_root(self.directory)};
    add_header Cache-Control max-age={KEPT_SECONDS};""",
        )

    def is_ready(self) -> bool:
        return _answers(self.port)


class CachingServer(WebServer):
    """HTTPS in front of an origin without TLS; the first GET fills the cache."""

    def __init__(self, directory: Path, certificate: Certificate, origin: int) -> None:
        super().__init__(directory, certificate)
        self.origin = origin

    def is_ready(self) -> bool:
        try:
            claimed_time("127.0.0.1", self.port)  # whatever it says: it may be old
        except (OSError, http.client.HTTPException):
            return False
        return True

    def fill(self) -> None:
        """Has it keep an answer."""
        connection = trusting_connection(self.port)
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()

    def one_file(self) -> Path:
        """Certificate and key together, as HAProxy wants them."""
        chain = Path(self.certificate.chain).read_text()
        return self.write("both.pem", chain + Path(self.certificate.key).read_text())


class NginxCache(CachingServer):
    """nginx with proxy_cache. It writes a Date of its own unless told to pass on the origin's; it never says Age."""

    implementation = "nginx proxy_cache"
    passes_date = False

    def command(self) -> Sequence[str]:
        date = "proxy_pass_header Date;" if self.passes_date else ""
        return nginx_command(
            self.directory,
            f"""    listen 127.0.0.1:{self.port} ssl;
    ssl_certificate {self.certificate.chain};
    ssl_certificate_key {self.certificate.key};
    location / {{
      proxy_pass http://127.0.0.1:{self.origin};
      proxy_cache kept;
      proxy_cache_valid 200 {KEPT_SECONDS}s;
      {date}
    }}""",
            f"proxy_cache_path {self.directory}/cache keys_zone=kept:1m;",
        )


class NginxCacheOldDate(NginxCache):
    """The same, told to pass on the origin's Date: old, without a word of it."""

    implementation = "nginx proxy_cache, proxy_pass_header Date"
    passes_date = True


class HaproxyCache(CachingServer):
    """HAProxy with a cache: passes on the origin's Date, and says Age."""

    implementation = "HAProxy cache"
    caches = True

    def command(self) -> Sequence[str]:
        use = "http-request cache-use kept\n  http-response cache-store kept" if self.caches else ""
        configuration = self.write(
            "haproxy.cfg",
            f"""global
  maxconn 64
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
cache kept
  total-max-size 4
  max-age {KEPT_SECONDS}
frontend clients
  bind 127.0.0.1:{self.port} ssl crt {self.one_file()}
  {use}
  default_backend origin
backend origin
  server one 127.0.0.1:{self.origin}
""",
        )
        return [find_program("haproxy", "haproxy"), "-db", "-f", str(configuration)]


class HaproxyInFront(HaproxyCache):
    """HAProxy that only speaks TLS for what is behind it."""

    implementation = "HAProxy"
    caches = False


class PlainCache(Daemon):
    """A cache without TLS, for HaproxyInFront to speak it."""

    def __init__(self, directory: Path, origin: int) -> None:
        super().__init__(type(self).__name__, directory)
        self.port = free_port()
        self._origin = origin

    def is_ready(self) -> bool:
        return _answers(self.port)


class Varnish(PlainCache):
    """Passes on the origin's Date, and says Age."""

    def command(self) -> Sequence[str]:
        return [
            find_program("varnishd", "varnish"), "-F", "-n", str(self.directory / "varnish"), "-T", "none",
            "-a", f"127.0.0.1:{self.port}", "-b", f"127.0.0.1:{self._origin}", "-s", "malloc,4m",
            "-t", str(KEPT_SECONDS), "-j", "none",
        ]  # fmt: skip


class Squid(PlainCache):
    """In front of one origin, as a reverse proxy. Passes on the origin's Date, and says Age."""

    def command(self) -> Sequence[str]:
        configuration = self.directory / "squid.conf"
        # A root's squid becomes another user, who must be able to write here.
        self.directory.chmod(0o777)
        configuration.write_text(f"""http_port 127.0.0.1:{self.port} accel defaultsite=localhost no-vhost
cache_peer 127.0.0.1 parent {self._origin} 0 no-query originserver
http_access allow all
cache_mem 4 MB
pid_filename {self.directory}/squid.pid
cache_log {self.directory}/cache.log
access_log none
coredump_dir {self.directory}
shutdown_lifetime 0 seconds
pinger_enable off
""")
        return [find_program("squid", "squid"), "-N", "-f", str(configuration)]
