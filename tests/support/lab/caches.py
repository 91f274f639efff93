"""Caches in front of a server: what clients get may have been written long ago."""

import http.client
import os
from collections.abc import Sequence
from pathlib import Path

from .certificates import Certificate
from .daemons import Daemon, find_program
from .ports import free_port
from .webservers import Apache, WebServer, claimed_time, fill_document_root, nginx_command, trusting_connection

#: How long each cache keeps an answer.
KEPT_SECONDS = 60
#: Pages whose addresses begin with this are kept for one second. Any address is a page.
BRIEF = "/brief/"


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
    location / {{
      add_header Cache-Control max-age={KEPT_SECONDS};
      try_files /index.html =404;
    }}
    location {BRIEF} {{
      add_header Cache-Control max-age=1;
      try_files /index.html =404;
    }}""",
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

    def one_file(self) -> Path:
        """Certificate and key together, as HAProxy wants them."""
        chain = Path(self.certificate.chain).read_text()
        return self.write("both.pem", chain + Path(self.certificate.key).read_text())


def fill(server: WebServer, path: str = "/") -> None:
    """Has a cache keep an answer."""
    connection = trusting_connection(server.port)
    connection.request("GET", path)
    connection.getresponse().read()
    connection.close()


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


class ApacheCache(Apache):
    """Apache with mod_cache. It writes a Date of its own on what it stored, and says Age."""

    implementation = "Apache mod_cache"

    def __init__(self, directory: Path, certificate: Certificate, origin: int) -> None:
        stored = directory / "stored"
        stored.mkdir()
        stored.chmod(0o777)  # for the user that it becomes
        modules = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
            for name in ("proxy", "proxy_http", "cache", "cache_disk")
        )
        pieces = directory / "cache.conf"
        way = f"CacheEnable disk /\nProxyPass / http://127.0.0.1:{origin}/\n"
        pieces.write_text(f"{modules}\nCacheRoot {stored}\n{way}")
        super().__init__(directory, certificate, include=[pieces])


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


class TrafficServer(CachingServer):
    """Apache Traffic Server in front of one origin, as a reverse proxy. Passes on the origin's Date, and says Age."""

    implementation = "Apache Traffic Server"
    ready_seconds = 30.0
    caches = True

    def mapping(self) -> str:
        """What is asked of whom."""
        return f"map / http://127.0.0.1:{self.origin}/\n"

    def command(self) -> Sequence[str]:
        for name in ("config", "cache", "log", "run"):
            (self.directory / name).mkdir(exist_ok=True)
        # A root's traffic_server becomes another user, who must be able to write here.
        for name in ("cache", "log", "run"):
            (self.directory / name).chmod(0o777)
        layout = {
            "prefix": self.directory, "exec_prefix": self.directory, "bindir": "/usr/bin", "sbindir": "/usr/bin",
            "sysconfdir": self.directory / "config", "datadir": self.directory / "cache",
            "includedir": "/usr/include", "libdir": "/usr/lib/trafficserver",
            "libexecdir": "/usr/lib/trafficserver/modules", "localstatedir": self.directory / "run",
            "runtimedir": self.directory / "run", "logdir": self.directory / "log",
            "cachedir": self.directory / "cache", "mandir": "/usr/share/man", "infodir": "/usr/share/info",
        }  # fmt: skip
        self.write("runroot.yaml", "".join(f"{name}: {path}\n" for name, path in layout.items()))
        self.write("config/storage.config", f"{self.directory}/cache 16M\n")
        self.write("config/remap.config", self.mapping())
        self.write("config/ssl_multicert.config", f"dest_ip=* ssl_cert_name={self.one_file()}\n")
        self.write("config/plugin.config", "")
        allow = "[{apply: in, ip_addrs: 127.0.0.1, action: allow, methods: ALL}]"
        self.write("config/ip_allow.yaml", f"ip_allow: {allow}\n")
        self.write(
            "config/records.config",
            f"""{"CONFIG proxy.config.admin.user_id STRING nobody" if os.geteuid() == 0 else ""}
CONFIG proxy.config.http.server_ports STRING {self.port}:ssl:ip-in=127.0.0.1
CONFIG proxy.config.url_remap.remap_required INT 1
CONFIG proxy.config.http.cache.http INT {self.caches:d}
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 1
CONFIG proxy.config.cache.ram_cache.size INT 1M
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.diags.output.status STRING E
CONFIG proxy.config.diags.output.warning STRING E
CONFIG proxy.config.diags.output.error STRING E
CONFIG proxy.config.diags.output.fatal STRING E
""",
        )
        return [find_program("traffic_server", "trafficserver"), f"--run-root={self.directory}/runroot.yaml"]
