#!/usr/bin/env python3
"""How much of a running process is open to attack: the table of docs/threat-model.md, measured on real processes.

For each role: how many system calls seccomp lets it make, and how many bytes of code are mapped, of the program itself
and of libraries. Beside them, a Python interpreter with what the Python sdwdate's helper imports. Needs root, because
no process of ours can be looked into by others.
"""

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import BIN, BlackHole, Chronyd, Pool, Sdwdated, Settings, Source, World, executable, free_port, wait_until

ALLOWED_CALLS = BIN.parent / "tests" / "allowed_calls"
#: What the Python sdwdate's helper imports, of Debian's python3-requests or, where that is missing, of Python itself.
PYTHON = """
try:
    import requests, socks
except ImportError:
    import http.client, ssl
import email.utils
print("ready", flush=True)
input()
"""
#: Kicksecure's sdwdate.service of 2026-07-21; one list for the daemon and its helper.
PYTHONS_CALLS = 106


def code_of(process: int) -> tuple[int, int]:
    """KiB of executable mappings from files: of the program itself, and of libraries."""
    own = libraries = 0
    program = Path(f"/proc/{process}/exe").resolve()
    for line in Path(f"/proc/{process}/maps").read_text().splitlines():
        addresses, rights, _, _, _, *name = line.split(maxsplit=5)
        if "x" not in rights or not name or not name[0].startswith("/"):
            continue
        first, last = (int(part, 16) for part in addresses.split("-"))
        if Path(name[0]) == program:
            own += last - first
        else:
            libraries += last - first
    return own // 1024, libraries // 1024


def children(process: int) -> dict[str, int]:
    """All descendants, by name."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            match = re.match(r"(\d+) \((.*)\) \S (\d+)", stat.read_text())
        except OSError:  # it has ended
            continue
        if match and int(match[3]) == process:
            found |= {match[2]: int(match[1])} | children(int(match[1]))
    return found


def while_measuring(world: World) -> dict[str, int]:
    """A daemon in the middle of a round, its source never answering: every kind of process, by name."""
    port = free_port()
    world.run(BlackHole("127.0.0.1", port))
    chronyd = world.run(Chronyd(world.folder("chrony")))
    source = Source(f"https://127.0.0.1:{port}/", "Nobody")
    settings = Settings([Pool("all", [source])], chronyd.socket, world.ca.file, world.folder("state"))
    daemon = Sdwdated(world.folder("daemon"), settings.write(world.directory / "sdwdate.toml"))
    world.start(daemon)
    wait_until(lambda: "sdwdate-probe" in children(daemon.pid), 10, "a probe")
    time.sleep(0.5)  # it shall have confined itself
    return {"sdwdated": daemon.pid} | children(daemon.pid)


def row(name: str, calls: int | str, process: int, seccomp: bool) -> str:
    filtered = "Seccomp:\t2" in Path(f"/proc/{process}/status").read_text()
    if filtered != seccomp:
        raise SystemExit(f"surface: {name} is {'' if filtered else 'not '}under seccomp")
    own, libraries = code_of(process)
    return f"| {name} | {calls} | {own} KiB | {libraries} KiB |"


def main() -> None:
    if os.geteuid() != 0:
        raise SystemExit("surface: this looks into processes that let nobody look but root: run it as root")
    text = subprocess.run([ALLOWED_CALLS], check=True, capture_output=True, text=True).stdout
    calls = {name: len(names) for name, *names in map(str.split, text.splitlines())}
    print("| process | system calls | its own code | code of libraries |\n|---|---|---|---|")
    with World() as world:
        running = while_measuring(world)
        for name in ("sdwdated", "sdwdate-probe"):
            print(row(name, calls[name], running[name], seccomp=True))
        print(row("sdwdate-launch", "all", running["sdwdate-launch"], seccomp=False))
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, its, subprocess.Popen([executable("sdwdate-resolve")], stdin=its) as resolve:
            time.sleep(0.2)  # waits for its job, and is not confined yet
            print(row("sdwdate-resolve", calls["sdwdate-resolve"], resolve.pid, seccomp=False))
            resolve.kill()
    helper = subprocess.Popen(["/usr/bin/python3", "-c", PYTHON], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with helper:
        helper.stdout.readline()
        print(row("the Python sdwdate's helper", PYTHONS_CALLS, helper.pid, seccomp=False))
        helper.kill()


if __name__ == "__main__":
    main()
