"""The web servers that the guest asks: real ones on this machine's loopback, with this machine's clock."""

from lab import Apache, Caddy, Lighttpd, Nginx, Validity, World

#: Where the guest's network puts this machine's 127.0.0.1.
HOST = "10.0.2.2"
NAMES = tuple(f"{tree}.test" for tree in ("alder", "birch", "cedar", "elm", "fir", "hazel"))
CA_FILE = "/etc/sdwdate/lab.pem"
SETTINGS_FILE = "/etc/sdwdate/sdwdate.toml.d/50-lab.toml"


class Servers:
    """Six operators in three pools. With a `clock_offset`, all of them are that many seconds wrong."""

    def __init__(self, world: World, clock_offset: float = 0.0) -> None:
        certificate = world.ca.issue(NAMES, Validity.days(-3650, 3650))
        # Nobody can shift Caddy's clock.
        kinds = (Nginx, Apache, Lighttpd, Nginx if clock_offset else Caddy, Nginx, Apache)
        self._servers = world.start(
            *(kind(world.folder("server"), certificate, clock_offset=clock_offset) for kind in kinds)
        )
        self._authority = world.ca.file.read_text()

    def settings(self) -> str:
        """All else is as the package brings it."""
        urls = [server.url_at(name) for name, server in zip(NAMES, self._servers)]
        lines = ['transport = "direct"', "[request]", f'ca_file = "{CA_FILE}"']
        for pool in range(3):
            lines += ["[[pool]]", f'name = "pool {pool}"']
            for url in urls[pool::3]:
                lines += ["  [[pool.source]]", f'  url = "{url}"', f'  operator = "operator of {url}"']
        return "\n".join([*lines, ""])

    def files(self) -> dict[str, str]:
        """What a guest needs in order to ask these, and to believe them."""
        hosts = ["127.0.0.1 localhost guest", *(f"{HOST} {name}" for name in NAMES), ""]
        return {"/etc/hosts": "\n".join(hosts), CA_FILE: self._authority, SETTINGS_FILE: self.settings()}
