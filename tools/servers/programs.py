"""Servers that only this tool starts: what sites run beside the web servers that tests and demo have."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import HaproxyInFront, Squid, TrafficServer, Varnish, WebServer, accepts, find_program


class Node(WebServer):
    """Node's own HTTP server, as programs written for it have it."""

    implementation = "Node"

    def command(self) -> Sequence[str]:
        program = self.write(
            "server.js",
            f"""const fs = require("fs"), https = require("https");
const tls = {{ cert: fs.readFileSync("{self.certificate.chain}"), key: fs.readFileSync("{self.certificate.key}") }};
const server = https.createServer(tls, (request, answer) => answer.end("What time is it?"));
server.keepAliveTimeout = 60000;
server.listen({self.port}, "127.0.0.1");
""",
        )
        return [find_program("node", "nodejs"), str(program)]


class PythonServer(WebServer):
    """The http.server of Python's standard library."""

    implementation = "Python"

    def command(self) -> Sequence[str]:
        program = self.write(
            "server.py",
            f"""import ssl
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
SimpleHTTPRequestHandler.protocol_version = "HTTP/1.1"
SimpleHTTPRequestHandler.log_message = lambda *arguments: None
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("{self.certificate.chain}", "{self.certificate.key}")
server = ThreadingHTTPServer(("127.0.0.1", {self.port}), SimpleHTTPRequestHandler)
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
""",
        )
        return [sys.executable, str(program)]


class HaproxyOwnDate(HaproxyInFront):
    """Answers itself; it writes a Date only if told to."""

    def command(self) -> Sequence[str]:
        command = super().command()
        configuration = self.directory / "haproxy.cfg"
        own = "  http-request return status 200 hdr Date %[date,http_date]\n  default_backend"
        configuration.write_text(configuration.read_text().replace("  default_backend", own, 1))
        return command


class VarnishPassing(Varnish):
    """Passes everything on."""

    receive = "return (pass);"

    def command(self) -> Sequence[str]:
        command = list(super().command())
        at = command.index("-b")
        host, port = command[at + 1].split(":")
        program = self.directory / "site.vcl"
        backend = f'backend origin {{ .host = "{host}"; .port = "{port}"; }}'
        program.write_text(f"vcl 4.1;\n{backend}\nsub vcl_recv {{ {self.receive} }}\n")
        command[at : at + 2] = ["-f", str(program)]
        return command


class VarnishOwnAnswer(VarnishPassing):
    """Answers itself."""

    receive = "return (synth(200));"


class SquidPassing(Squid):
    """Passes everything on."""

    lines = "cache deny all"

    def command(self) -> Sequence[str]:
        command = super().command()
        configuration = self.directory / "squid.conf"
        configuration.write_text(f"{self.lines}\n{configuration.read_text()}")
        return command


class SquidOwnAnswer(SquidPassing):
    """Answers itself, with a refusal."""

    lines = "acl everything urlpath_regex .\nhttp_access deny everything"

    def is_ready(self) -> bool:
        return accepts(self.port)


class TrafficServerPassing(TrafficServer):
    """Passes everything on."""

    caches = False


class TrafficServerOwnAnswer(TrafficServerPassing):
    """Answers itself: it knows of no page."""

    def mapping(self) -> str:
        return ""


# --- Java ----------------------------------------------------------------------------------------------------------


#: As in every Tomcat's conf/web.xml: files are sent by the servlet named "default".
_TOMCAT_PAGES = """<web-app>
  <servlet>
    <servlet-name>default</servlet-name>
    <servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class>
  </servlet>
  <servlet-mapping><servlet-name>default</servlet-name><url-pattern>/</url-pattern></servlet-mapping>
  <welcome-file-list><welcome-file>index.html</welcome-file></welcome-file-list>
</web-app>
"""


class Tomcat(WebServer):
    """Tomcat with one page, as Debian's tomcat10 runs it."""

    implementation = "Tomcat"
    ready_seconds = 60.0
    release = 10

    def classes(self) -> str:
        """What is its own: the numbered files are the same once more, the translations are not needed."""
        found = Path("/usr/share/java").glob(f"tomcat{self.release}-*.jar")
        return ":".join(str(path) for path in sorted(found) if path.name.count(".") == 1 and "-i18n-" not in path.name)

    def command(self) -> Sequence[str]:
        for name in ("conf", "logs", "temp", "work", "webapps/ROOT"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        self.write("webapps/ROOT/index.html", "<p>What time is it?</p>\n")
        self.write("conf/web.xml", _TOMCAT_PAGES)
        self.write(
            "conf/server.xml",
            f"""<Server port="-1">
  <Service name="Catalina">
    <Connector address="127.0.0.1" port="{self.port}" protocol="org.apache.coyote.http11.Http11NioProtocol"
               SSLEnabled="true" maxKeepAliveRequests="-1" keepAliveTimeout="60000">
      <SSLHostConfig>
        <Certificate certificateFile="{self.certificate.chain}" certificateKeyFile="{self.certificate.key}" type="EC"/>
      </SSLHostConfig>
    </Connector>
    <Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps"/></Engine>
  </Service>
</Server>
""",
        )
        return [
            find_program("java", "openjdk-17-jre-headless"), "-cp", self.classes(),
            f"-Dcatalina.home={self.directory}", f"-Dcatalina.base={self.directory}",
            f"-Djava.io.tmpdir={self.directory}/temp", "org.apache.catalina.startup.Bootstrap", "start",
        ]  # fmt: skip


class Tomcat9(Tomcat):
    """Tomcat as it was until 2022, from the library that Debian keeps of it."""

    implementation = "Tomcat 9"
    release = 9


class Jetty(WebServer):
    """Jetty with what its own distribution starts for HTTPS, and one page."""

    implementation = "Jetty"
    ready_seconds = 60.0

    def command(self) -> Sequence[str]:
        for name in ("etc", "webapps/ROOT", "tmp"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        self.write("webapps/ROOT/index.html", "<p>What time is it?</p>\n")
        store = self.directory / "etc" / "keystore"
        subprocess.run(
            ["openssl", "pkcs12", "-export", "-in", self.certificate.chain, "-inkey", self.certificate.key, "-name",
             "localhost", "-out", store, "-passout", "pass:changeit"], check=True, capture_output=True,
        )  # fmt: skip
        properties = {
            "jetty.home": "/usr/share/jetty9",
            "jetty.base": self.directory,
            "jetty.ssl.host": "127.0.0.1",
            "jetty.ssl.port": self.port,
            "jetty.httpConfig.sendDateHeader": "true",
            "jetty.ssl.idleTimeout": 60000,
            "jetty.sslContext.keyStorePath": "etc/keystore",
            "jetty.sslContext.keyStoreType": "PKCS12",
            "jetty.sslContext.keyStorePassword": "changeit",
            "jetty.sslContext.keyManagerPassword": "changeit",
            "jetty.sslContext.trustStorePath": "etc/keystore",
            "jetty.sslContext.trustStorePassword": "changeit",
        }
        return [
            find_program("java", "openjdk-17-jre-headless"), f"-Djava.io.tmpdir={self.directory}/tmp", "-jar",
            "/usr/share/jetty9/start.jar", "--module=https,deploy",
            *(f"{name}={value}" for name, value in properties.items()),
        ]  # fmt: skip


# --- C, Erlang, Python ---------------------------------------------------------------------------------------------


class H2o(WebServer):
    """h2o with one thread."""

    implementation = "h2o"

    def command(self) -> Sequence[str]:
        configuration = self.write(
            "h2o.conf",
            f"""{"user: root" if os.geteuid() == 0 else ""}
num-threads: 1
http1-request-timeout: 60
listen:
  host: 127.0.0.1
  port: {self.port}
  ssl:
    certificate-file: {self.certificate.chain}
    key-file: {self.certificate.key}
    ocsp-update-interval: 0
hosts:
  default:
    paths:
      /:
        file.dir: {self.document_root()}
pid-file: {self.directory}/h2o.pid
""",
        )
        return [find_program("h2o", "h2o"), "-c", str(configuration)]


class Cowboy(WebServer):
    """Cowboy, which servers written in Erlang and Elixir (Phoenix) have inside. Debian has it in RabbitMQ."""

    implementation = "Cowboy"
    ready_seconds = 30.0
    plugins = "/usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins"

    def command(self) -> Sequence[str]:
        folders = [
            path / "ebin"
            for name in ("cowboy", "cowlib", "ranch")
            for path in Path("/").glob(f"{self.plugins[1:]}/{name}-*")
        ]
        tls = f'{{certfile, "{self.certificate.chain}"}}, {{keyfile, "{self.certificate.key}"}}'
        self.write(
            "page.erl",
            f"""-module(page).
-export([start/0, init/2]).
start() ->
  {{ok, _}} = application:ensure_all_started(ssl),
  {{ok, _}} = application:ensure_all_started(cowboy),
  Routes = cowboy_router:compile([{{'_', [{{'_', page, []}}]}}]),
  Socket = [{{ip, {{127, 0, 0, 1}}}}, {{port, {self.port}}}, {tls}],
  Options = #{{env => #{{dispatch => Routes}}, idle_timeout => 60000, request_timeout => 60000,
               max_keepalive => infinity}},
  {{ok, _}} = cowboy:start_tls(page, Socket, Options).
init(Request, State) -> {{ok, cowboy_req:reply(200, #{{}}, <<"What time is it?">>, Request), State}}.
""",
        )
        subprocess.run(
            [find_program("erlc", "erlang-base"), "page.erl"], cwd=self.directory, check=True, capture_output=True
        )
        return [
            find_program("erl", "erlang-base"), "-noinput", "-pa", str(self.directory), *map(str, folders), "-s",
            "page", "start",
        ]  # fmt: skip


class PythonApplication(WebServer):
    """A program in Python, behind one of the servers that such programs are run by."""

    def application(self) -> None:
        self.write(
            "page.py",
            """def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
""",
        )


class Gunicorn(PythonApplication):
    """gunicorn with threads, which alone keep connections."""

    implementation = "gunicorn"

    def command(self) -> Sequence[str]:
        self.application()
        return [
            find_program("gunicorn", "gunicorn"), "--bind", f"127.0.0.1:{self.port}", "--worker-class", "gthread",
            "--threads", "8", "--keep-alive", "60", "--certfile", str(self.certificate.chain), "--keyfile",
            str(self.certificate.key), "page:wsgi",
        ]  # fmt: skip


class Uvicorn(PythonApplication):
    """uvicorn."""

    implementation = "uvicorn"

    def command(self) -> Sequence[str]:
        self.application()
        return [
            find_program("uvicorn", "uvicorn"), "--host", "127.0.0.1", "--port", str(self.port), "--log-level",
            "warning", "--timeout-keep-alive", "60", "--lifespan", "off", "--ssl-certfile",
            str(self.certificate.chain), "--ssl-keyfile", str(self.certificate.key), "page:asgi",
        ]  # fmt: skip
