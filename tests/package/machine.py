"""A Debian 12 machine with web servers of its own on loopback, onto which our package is installed.

What the tests add to it bears no name of ours, so that whatever is left of the package can be found by name.
"""

import os
import shutil
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from booted import Container, Output, base_system  # noqa: E402
from lab import LabError, World, wait_until  # noqa: E402

PACKAGE = "sdwdated"
NAMES = tuple(f"{name}.test" for name in ("alder", "birch", "cedar", "elm", "fir", "hazel"))

# What `sdwdate chrony enable` puts into place, and where it leads.
DROP_IN = "etc/systemd/system/chrony.service.d/50-sdwdate.conf"
OFFLINE = "/usr/share/sdwdate/chrony/offline.conf"

# chronyd must not touch the clock, and could not.
CHRONY_DROP_IN = """[Unit]
ConditionCapability=
[Service]
EnvironmentFile=/etc/lab/chrony
"""
CHRONY_OPTIONS = 'DAEMON_OPTS="-F 1 -x"\n'

NGINX = """server {
  listen 127.0.0.1:443 ssl default_server;
  ssl_certificate /etc/lab/server.pem;
  ssl_certificate_key /etc/lab/server.key;
  access_log /var/log/nginx/lab.log;
  root /var/www/html;
}
"""

# Speaks to a stream socket without sending a byte, and prints what comes back. perl-base is on every Debian.
ASK = """use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $ARGV[0]) or die "$!\\n";
print while <$s>;"""


def package() -> Path:
    """The package under test."""
    debs = sorted((ROOT / "build" / "package").glob(f"{PACKAGE}_*.deb"))
    if len(debs) != 1:
        raise LabError(f"build/package/ holds {len(debs)} packages named {PACKAGE}: run ./dev package first")
    return debs[0]


class Machine(Container):
    """Not booted yet, and without the package; or a copy of `other`, which must not run."""

    def __init__(self, world: World, other: "Machine | None" = None) -> None:
        super().__init__(world.folder("machine"), other.tree if other else base_system(package(), ["nginx-light"]))
        if other:
            return
        self.write("etc/systemd/system/chrony.service.d/99-lab.conf", CHRONY_DROP_IN)
        self.write("etc/lab/chrony", CHRONY_OPTIONS)
        certificate = world.ca.issue(NAMES)
        self.write("etc/lab/server.pem", certificate.chain.read_text())
        self.write("etc/lab/server.key", certificate.key.read_text())
        self.write("etc/nginx/conf.d/lab.conf", NGINX)
        # Taken over into the system's authorities when ca-certificates is installed.
        self.write("usr/local/share/ca-certificates/lab.crt", world.ca.file.read_text())
        self.write("etc/hosts", "127.0.0.1 localhost\n" + "".join(f"127.0.0.1 {name}\n" for name in NAMES))

    def write(self, path: str, text: str) -> Path:
        """A file in the tree."""
        target = self.tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def put(self, file: Path) -> str:
        """Copy a file into the tree; its path inside. /root is no tmpfs, so that also a running machine sees it."""
        (self.tree / "root" / file.name).write_bytes(file.read_bytes())
        return f"/root/{file.name}"

    def add_sources(self, pace: str = "3s") -> None:
        """Configure the machine's own web servers; rounds follow each other quickly, for the tests' sake."""
        self.write("etc/sdwdate/sdwdate.toml.d/50-lab.toml", settings(pace))

    def drop_drop_in(self, unit: str) -> None:
        """Take back what a test has changed of a unit."""
        shutil.rmtree(self.tree / f"etc/systemd/system/{unit}.d")
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "restart", unit)

    # --- packages ---

    def apt(self, *arguments: str) -> Output:
        """apt-get, which must find all it needs on this machine."""
        options = ("-q", "-y", "--no-install-recommends", "-o=Dpkg::Options::=--force-confold")
        return self.run("apt-get", *options, *arguments, timeout=300)

    def install(self, *debs: Path) -> Output:
        return self.apt("install", *(self.put(deb) for deb in debs or (package(),)))

    def is_installed(self, name: str = PACKAGE) -> bool:
        shown = self.run("dpkg-query", "-W", "-f", "${db:Status-Status}", name, check=False)
        return shown.text == "installed"

    # --- the service ---

    def ask(self, path: str, **options: str) -> Output:
        """Connect to a socket and read until its end."""
        return self.run("perl", "-e", ASK, path, check=False, **options)

    def chrony_sources(self) -> list[list[str]]:
        """The lines of `chronyc sources`, each split into its fields."""
        shown = self.run("chronyc", "-n", "-c", "sources", check=False).stdout
        return [line.split(",") for line in shown.splitlines()]

    def main_pid(self, unit: str) -> int:
        return int(self.property(unit, "MainPID"))

    def process(self, unit: str) -> Path:
        """/proc of the unit's main process."""
        return self.root / "proc" / str(self.main_pid(unit))

    def wait_selected(self, timeout: float = 60.0) -> None:
        try:
            wait_until(lambda: any(line[1] == "*" for line in self.chrony_sources()), timeout, "chronyd to select")
        except LabError as error:
            raise LabError(f"{error}: {self.chrony_sources()}\n{self.journal('sdwdated')}") from None


def settings(pace: str) -> str:
    """Three pools of two operators each, all of them the machine's own nginx, and the system's trust in it."""
    lines = ['transport = "direct"', "[schedule]", f'minimum = "{pace}"', f'maximum = "{pace}"']
    for number in range(3):
        lines += ["[[pool]]", f'name = "pool {number}"']
        for name in NAMES[number::3]:
            lines += ["  [[pool.source]]", f'  url = "https://{name}/"', f'  operator = "operator of {name}"']
    return "\n".join([*lines, ""])


class MachineTest(unittest.TestCase):
    """A test case with a world to put machines into."""

    world: World

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = cls.enterClassContext(World())
        cls.set_up_machine()

    @classmethod
    def set_up_machine(cls) -> None:
        """Boot what all tests of the class use."""

    def assert_active(self, machine: Machine, *units: str) -> None:
        for unit in units:
            shown = machine.properties(unit, "ActiveState", "Result")
            self.assertEqual(shown["ActiveState"], "active", f"{unit}: {shown}\n{machine.journal(unit)}")


def keep_machines_near_the_cache() -> None:
    """They are copies of a tree of 300 MB, which a small /tmp may not hold."""
    directory = ROOT / "build" / "package" / "machines"
    directory.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = str(directory)


def main() -> None:
    """Run the tests of one file, or what its command line names."""
    keep_machines_near_the_cache()
    unittest.main(verbosity=2)
