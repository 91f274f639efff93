"""SOCKS5 proxies: microsocks as Debian ships it, in its own small world of names."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from .daemons import Daemon, find_program
from .namespaces import in_namespaces
from .ports import accepts, free_port


class Microsocks(Daemon):
    """A SOCKS5 proxy on loopback, optionally with a password.

    `hosts` are names that it alone can resolve: it has its own /etc/hosts, by a mount namespace. Who reaches such
    a name has let the proxy resolve it.
    """

    def __init__(
        self,
        directory: Path,
        *,
        user: str | None = None,
        password: str = "",
        hosts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("microsocks", directory)
        self.port = free_port()
        self._credentials = [] if user is None else ["-u", user, "-P", password]
        self._hosts = dict(hosts or {})

    def command(self) -> Sequence[str]:
        program = find_program("microsocks", "microsocks")
        proxy = [program, "-i", "127.0.0.1", "-p", str(self.port), *self._credentials]
        if not self._hosts:
            return proxy
        names = self.directory / "hosts"
        entries = {"localhost": "127.0.0.1", **self._hosts}
        names.write_text("".join(f"{address} {name}\n" for name, address in entries.items()))
        script = f"mount --bind {shlex.quote(str(names))} /etc/hosts && exec {shlex.join(proxy)}"
        return [*in_namespaces("mount"), "sh", "-c", script]

    def is_ready(self) -> bool:
        return accepts(self.port)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, user: str | None = None, password: str = "") -> str:
        """For --proxy."""
        return f"socks5h://{self.address}" if user is None else f"socks5h://{user}:{password}@{self.address}"

    def destinations(self) -> list[str]:
        """The HOST:PORT texts that clients asked for, in order, as its log has them."""
        said = self.log_file.read_text(errors="replace").splitlines()
        return [line.rpartition(" connected to ")[2] for line in said if " connected to " in line]
