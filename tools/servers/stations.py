"""The servers whose Dates are measured."""

from lab import Apache, Caddy, Daemon, HaproxyInFront, Lighttpd, Nginx, PlainNginx, Squid, Varnish, WebServer, World

from .lateness import Station
from .programs import (
    Cowboy, Gunicorn, H2o, HaproxyOwnDate, Jetty, Node, PythonServer, SquidOwnAnswer, SquidPassing, Tomcat, Tomcat9,
    TrafficServerOwnAnswer, TrafficServerPassing, Uvicorn, VarnishOwnAnswer, VarnishPassing,
)  # fmt: skip


def start_stations(world: World) -> list[Station]:
    certificate = world.certificate
    origin = world.run(PlainNginx(world.folder("origin"))).port

    def web(kind: type[WebServer], *more: int) -> WebServer:
        return kind(world.folder(kind.__name__.lower()), certificate, *more)

    def plain(kind: type[Varnish | Squid]) -> Daemon:
        return kind(world.folder(kind.__name__.lower()), origin)

    stations = [
        Station("nginx", web(Nginx)),
        Station("Apache", web(Apache)),
        Station("lighttpd", web(Lighttpd)),
        Station("Caddy", web(Caddy)),
        Station("Node", web(Node)),
        Station("Python http.server", web(PythonServer)),
        Station("gunicorn", web(Gunicorn)),
        Station("uvicorn", web(Uvicorn)),
        Station("h2o", web(H2o)),
        Station("Jetty", web(Jetty)),
        Station("Tomcat 10.1.60", web(Tomcat)),
        Station("Tomcat 9.0.70", web(Tomcat9)),
        Station("Cowboy", web(Cowboy)),
        Station("HAProxy, its http_date", web(HaproxyOwnDate, origin)),
        Station("HAProxy before nginx", web(HaproxyInFront, origin)),
        Station("Varnish, its own answer", plain(VarnishOwnAnswer)),
        Station("Varnish before nginx, pass", plain(VarnishPassing)),
        Station("Squid, its own answer", plain(SquidOwnAnswer)),
        Station("Squid before nginx, pass", plain(SquidPassing)),
        Station("Traffic Server, its own answer", web(TrafficServerOwnAnswer, origin)),
        Station("Traffic Server before nginx, pass", web(TrafficServerPassing, origin)),
    ]
    world.start(*(station.server for station in stations))
    return stations
