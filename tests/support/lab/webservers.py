"""The web servers that people run, each as Debian ships it, on loopback ports, with our certificate."""

import http.client
import os
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import ClassVar

from .certificates import Certificate
from .daemons import Daemon, faketime_environment, find_program
from .namespaces import has_other_users, with_monotonic_clock_ahead
from .ports import free_port, in_url
from .waiting import LabError

# How far a server's Date may be from what it should say: whole seconds, and lighttpd ticks up to one late.
_DATE_TOLERANCE = 3.0


def claimed_time(address: str, port: int) -> datetime:
    """The Date that the HTTPS server at this address sends, whatever its certificate."""
    connection = trusting_connection(port, address, timeout=2)
    try:
        connection.request("HEAD", "/")
        return parsedate_to_datetime(connection.getresponse().headers["Date"])
    finally:
        connection.close()


def trusting_connection(port: int, address: str = "127.0.0.1", *, timeout: float = 5) -> http.client.HTTPSConnection:
    """To an HTTPS server of the lab, whatever its certificate: for what is not about trust."""
    context = ssl._create_unverified_context()  # noqa: S323 - never leaves loopback
    return http.client.HTTPSConnection(address, port, timeout=timeout, context=context)


def fill_document_root(directory: Path) -> Path:
    """A folder with one small page, readable by the user that the server becomes."""
    root = directory / "www"
    root.mkdir(mode=0o755, exist_ok=True)
    (root / "index.html").write_text("<p>What time is it?</p>\n")
    return root


def nginx_command(directory: Path, server: str, http_directives: str = "") -> Sequence[str]:
    """nginx with one worker process and one `server` block; everything it writes is in `directory`."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    scratch = "\n".join(f"  {kind}_temp_path {directory}/{kind};" for kind in kinds)
    configuration = directory / "nginx.conf"
    # Where there is no other user to become, as in a user namespace, its worker stays who it is.
    user = "" if os.geteuid() != 0 or has_other_users() else "user root;"
    configuration.write_text(f"""daemon off;
worker_processes 1;
{user}
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
{scratch}
  access_log off;
  keepalive_timeout 60s;
  {http_directives}
  server {{
{server}
  }}
}}
""")
    program = find_program("nginx", "nginx-light")
    return [program, "-p", str(directory), "-e", "stderr", "-c", str(configuration)]


class WebServer(Daemon):
    """An HTTPS server. `clock_offset` seconds are added to its clock, as by an administrator's mistake.

    `include` are pieces of the server's own configuration that its host takes in (nginx and Apache).
    """

    implementation: ClassVar[str]
    #: Can libfaketime shift its clock? Not if it asks the kernel without the C library.
    can_be_shifted: ClassVar[bool] = True

    def __init__(
        self,
        directory: Path,
        certificate: Certificate,
        *,
        addresses: Sequence[str] = ("127.0.0.1",),
        clock_offset: float = 0.0,
        include: Sequence[Path] = (),
    ) -> None:
        super().__init__(self.implementation, directory)
        if clock_offset and not self.can_be_shifted:
            raise LabError(f"libfaketime cannot shift the clock of {self.implementation}")
        self.certificate = certificate
        self.addresses = tuple(addresses)
        self.clock_offset = clock_offset
        self.include = tuple(include)
        self.port = free_port(self.addresses)

    @property
    def url(self) -> str:
        """By address: nothing needs to be resolved."""
        return self.url_at(self.addresses[0])

    def url_at(self, host: str) -> str:
        return f"https://{in_url(host)}:{self.port}/"

    def environment(self) -> Mapping[str, str]:
        return faketime_environment(self.clock_offset) if self.clock_offset else {}

    def is_ready(self) -> bool:
        """Does it answer at every address, with the clock it was given?"""
        try:
            claims = [claimed_time(address, self.port) for address in self.addresses]
        except (OSError, http.client.HTTPException):
            return False
        for claim in claims:
            off = (claim - datetime.now(timezone.utc)).total_seconds() - self.clock_offset
            if abs(off) > _DATE_TOLERANCE:
                raise LabError(f"the Date of {self.name} is {off:+.0f} s from what it should be")
        return True

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text)
        return path

    def document_root(self) -> Path:
        return fill_document_root(self.directory)


class Nginx(WebServer):
    """nginx with one worker process."""

    implementation = "nginx"

    def command(self) -> Sequence[str]:
        listen = "\n".join(f"    listen {in_url(address)}:{self.port} ssl;" for address in self.addresses)
        include = "\n".join(f"    include {file};" for file in self.include)
        return nginx_command(
            self.directory,
            f"""{listen}
    ssl_certificate {self.certificate.chain};
    ssl_certificate_key {self.certificate.key};
    root {self.document_root()};
{include}""",
        )


class Apache(WebServer):
    """Apache with mpm_event and mod_ssl."""

    implementation = "Apache"

    def command(self) -> Sequence[str]:
        modules = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
            for name in ("mpm_event", "authz_core", "dir", "ssl", "alias", "headers")
        )
        include = "\n".join(f"Include {file}" for file in self.include)
        listen = "\n".join(f"Listen {in_url(address)}:{self.port} https" for address in self.addresses)
        # A worker must not be root; who is not root cannot be another.
        worker = "User nobody\nGroup nogroup\n" if os.geteuid() == 0 else ""
        configuration = self.write(
            "apache2.conf",
            f"""ServerRoot {self.directory}
ServerName localhost
DefaultRuntimeDir {self.directory}
PidFile {self.directory}/apache2.pid
ErrorLog {self.directory}/error.log
Mutex file:{self.directory}
{modules}
{worker}{listen}
StartServers 1
ThreadsPerChild 16
MinSpareThreads 1
MaxSpareThreads 32
MaxRequestWorkers 32
KeepAlive On
KeepAliveTimeout 60
MaxKeepAliveRequests 0
DocumentRoot {self.document_root()}
DirectoryIndex index.html
SSLEngine On
SSLCertificateFile {self.certificate.chain}
SSLCertificateKeyFile {self.certificate.key}
{include}
""",
        )
        return [find_program("apache2", "apache2-bin"), "-D", "FOREGROUND", "-f", str(configuration)]

    def log_tail(self, lines: int = 15) -> str:
        """Apache tells its reasons to its own file."""
        own = self.directory / "error.log"
        reasons = own.read_text(errors="replace") if own.exists() else ""
        return f"{super().log_tail(lines)}\n{reasons}"


class Lighttpd(WebServer):
    """lighttpd with OpenSSL. Its Date ticks late: up to a second, fixed for each boot of the machine."""

    implementation = "lighttpd"

    def command(self) -> Sequence[str]:
        first, *others = self.addresses
        more = "\n".join(
            f'$SERVER["socket"] == "{in_url(address)}:{self.port}" {{ ssl.engine = "enable" }}' for address in others
        )
        bind = in_url(first) if ":" in first else first
        configuration = self.write(
            "lighttpd.conf",
            f"""server.modules = ( "mod_openssl" )
server.document-root = "{self.document_root()}"
server.bind = "{bind}"
server.port = {self.port}
server.max-keep-alive-requests = 10000
server.max-keep-alive-idle = 60
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html" )
ssl.engine = "enable"
ssl.pemfile = "{self.certificate.chain}"
ssl.privkey = "{self.certificate.key}"
{more}
""",
        )
        return [find_program("lighttpd", "lighttpd lighttpd-mod-openssl"), "-D", "-f", str(configuration)]


class LighttpdLateBy(Lighttpd):
    """lighttpd changes its Date on the second of the monotonic clock: here, in a time namespace, so much late.

    Not nothing at all: whoever looks at the wall clock just before its second changes is almost a second late.
    """

    LATE = 0.005

    def command(self) -> Sequence[str]:
        ahead = (time.time_ns() - time.monotonic_ns() - round(self.LATE * 1e9)) % 1_000_000_000
        return [*with_monotonic_clock_ahead(ahead), *super().command()]


class Caddy(WebServer):
    """Caddy, which is written in Go."""

    implementation = "Caddy"
    can_be_shifted = False

    def environment(self) -> Mapping[str, str]:
        return {"XDG_DATA_HOME": str(self.directory), "XDG_CONFIG_HOME": str(self.directory)}

    def command(self) -> Sequence[str]:
        binds = " ".join(self.addresses)
        configuration = self.write(
            "Caddyfile",
            f"""{{
  admin off
  auto_https off
  default_sni localhost
  log {{
    level WARN
  }}
  servers {{
    protocols h1 h2
    timeouts {{
      idle 60s
    }}
  }}
}}
https://:{self.port} {{
  bind {binds}
  tls {self.certificate.chain} {self.certificate.key}
  respond "What time is it?"
}}
""",
        )
        return [find_program("caddy", "caddy"), "run", "--adapter", "caddyfile", "--config", str(configuration)]
