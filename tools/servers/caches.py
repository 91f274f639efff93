"""What caches do to a Date."""

import time

from lab import (
    ApacheCache, Daemon, HaproxyCache, NginxCache, NginxCacheOldDate, PlainNginx, Squid, TrafficServer, Varnish, World,
)  # fmt: skip

from .exchange import SECOND, Connection


def start_caches(world: World) -> dict[str, Daemon]:
    certificate = world.certificate
    origin = world.run(PlainNginx(world.folder("origin"))).port
    caches = {
        "Varnish": Varnish(world.folder("varnish-cache"), origin),
        "Squid": Squid(world.folder("squid-cache"), origin),
        "HAProxy cache": HaproxyCache(world.folder("haproxy-cache"), certificate, origin),
        "Apache mod_cache": ApacheCache(world.folder("apache-cache"), certificate, origin),
        "nginx proxy_cache": NginxCache(world.folder("nginx-cache"), certificate, origin),
        "nginx proxy_cache, proxy_pass_header Date": NginxCacheOldDate(
            world.folder("nginx-cache"), certificate, origin
        ),
        "Apache Traffic Server": TrafficServer(world.folder("traffic-server"), certificate, origin),
    }
    world.start(*caches.values())
    return caches


def measure_caches(caches: dict[str, Daemon], wait: float = 3.0) -> list[dict[str, object]]:
    """What a HEAD is answered after a GET, and after another HEAD, of the same page."""
    for server in caches.values():
        connection = Connection(server)
        connection.ask("/", "GET")
        connection.close()  # its body is still to be read
        Connection(server).ask("/index.html")
    time.sleep(wait)
    rows = []
    for name, server in caches.items():
        row: dict[str, object] = {"cache": name}
        for key, path in (("after_get", "/"), ("after_head", "/index.html")):
            answer = Connection(server).ask(path)
            row[key] = {"date_old_by_s": (answer.sent - answer.date) // SECOND, "age": answer.age}
        rows.append(row)
    return rows
