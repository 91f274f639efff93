"""What stands in front of web servers: HAProxy, and the caches Varnish and Squid, each as Debian ships it.

nginx and Apache are such, too, with the settings of caching_nginx() and caching_apache().
"""

import getpass
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from .certificates import Certificate
from .daemons import find_program
from .webservers import WebServer


class Frontend(WebServer):
    """Passes requests on to the server at `origin_port` of this machine, which speaks no TLS."""

    def __init__(self, directory: Path, certificate: Certificate, origin_port: int, **more: Any) -> None:
        super().__init__(directory, certificate, **more)
        self.origin_port = origin_port


class HAProxy(Frontend):
    """HAProxy with TLS; with `caching`, with its small cache."""

    implementation = "HAProxy"

    def __init__(self, *arguments: Any, caching: bool = False, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.caching = caching

    def command(self) -> Sequence[str]:
        both = self.write("certificate.pem", self.certificate.chain.read_text() + self.certificate.key.read_text())
        both.chmod(0o600)
        cache = "cache small\n  total-max-size 4\n  max-age 60\n" if self.caching else ""
        use = "  http-request cache-use small\n  http-response cache-store small\n" if self.caching else ""
        configuration = self.write(
            "haproxy.cfg",
            f"""global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
{cache}
frontend site
  bind {self.addresses[0]}:{self.port} ssl crt {both}
{self.directives}
{use}
  default_backend origin
backend origin
  server origin 127.0.0.1:{self.origin_port}
""",
        )
        return [find_program("haproxy", "haproxy"), "-db", "-f", str(configuration)]


class Varnish(Frontend):
    """Varnish, which speaks no TLS itself: something else has to. Caches what it may, for two minutes."""

    implementation = "Varnish"
    scheme: ClassVar[str] = "http"

    def command(self) -> Sequence[str]:
        configuration = self.write(
            "site.vcl",
            f"""vcl 4.1;
backend origin {{ .host = "127.0.0.1"; .port = "{self.origin_port}"; }}
{self.directives}
""",
        )
        listen = ("-a", f"{self.addresses[0]}:{self.port}", "-n", str(self.directory / "state"))
        return [
            find_program("varnishd", "varnish"), "-F", "-j", "none", *listen, "-f", str(configuration),
            "-s", "malloc,16m", "-p", "timeout_idle=60", "-p", "thread_pool_min=5", "-p", "thread_pools=1",
        ]  # fmt: skip


class Squid(Frontend):
    """Squid in front of one server, without TLS. Caches in memory, for a minute at least."""

    implementation = "Squid"
    scheme: ClassVar[str] = "http"

    def command(self) -> Sequence[str]:
        self.directory.chmod(0o777)  # it becomes another user, who writes its process id here
        user = "" if os.geteuid() == 0 else f"cache_effective_user {getpass.getuser()}\n"
        configuration = self.write(
            "squid.conf",
            f"""http_port {self.addresses[0]}:{self.port} accel defaultsite=localhost
{user}visible_hostname localhost
cache_peer 127.0.0.1 parent {self.origin_port} 0 no-query originserver
{self.directives}
http_access allow all
refresh_pattern . 1 20% 5 override-lastmod
cache_mem 8 MB
pid_filename {self.directory}/squid.pid
cache_log {self.directory}/cache.log
access_log none
coredump_dir {self.directory}
netdb_filename none
pinger_enable off
max_filedescriptors 1024
shutdown_lifetime 0 seconds
""",
        )
        return [find_program("squid", "squid"), "-N", "-n", f"lab{self.port}", "-f", str(configuration)]


def caching_nginx(directory: Path, origin: str, *, keeps_date: bool = False) -> dict[str, str]:
    """Directives that make nginx a cache in front of `origin`. Unless told otherwise it writes a Date of its own."""
    return {
        "http_directives": f"proxy_cache_path {directory}/cache keys_zone=cache:1m;",
        "directives": f"""location / {{
  proxy_pass {origin};
  proxy_cache cache;
  proxy_cache_valid 200 60s;
  {"proxy_pass_header Date;" if keeps_date else ""}
}}""",
    }


def caching_apache(directory: Path, origin: str) -> dict[str, Any]:
    """Modules and directives that make Apache a cache in front of `origin`."""
    return {
        "modules": ("proxy", "proxy_http", "cache", "cache_disk"),
        "directives": f"""CacheRoot {directory}
CacheEnable disk /
CacheIgnoreNoLastMod On
CacheMinExpire 60
ProxyPass / {origin}
""",
    }
