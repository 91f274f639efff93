#!/usr/bin/python3
"""Checks what each executable links: linked_libraries.py BINDIR

Only sdwdate-probe links TLS, whatever else lies in BINDIR (sdwdate-tor has a hash to compute); and each of our executables names no library beyond those
listed here, so that a parser does not slip into a process that has no use for it. Read by readelf; nothing is run.
"""

import re
import subprocess
import sys
from pathlib import Path

TLS = {"libssl", "libcrypto"}
# What any C++ program needs.
RUNTIME = {"libc", "libm", "libstdc++", "libgcc_s", "ld-linux-x86-64", "ld-linux-aarch64", "libpthread"}
SANITIZERS = {"libasan", "libubsan", "libtsan"}
# toml++, nlohmann-json, CLI11 and Boost are header-only, or must be: as shared libraries they are not in this list.
ALLOWED = {
    "sdwdate": {"libfmt", "libseccomp"},
    "sdwdated": {"libfmt", "libseccomp"},
    "sdwdate-launch": {"libfmt", "libseccomp"},
    "sdwdate-probe": {"libfmt", "libseccomp"} | TLS,
    "sdwdate-resolve": {"libfmt", "libseccomp"},
    "sdwdate-tor": {"libfmt", "libseccomp", "libcrypto"},
    "unixtime-to-chrony-socket": {"libfmt"},
    "url_to_unixtime": {"libfmt"},
}


def needed(path):
    """The libraries that `path` names, without their versions; None if it is no ELF file."""
    with path.open("rb") as stream:
        if stream.read(4) != b"\x7fELF":
            return None
    command = ["readelf", "--dynamic", "--wide", str(path)]
    text = subprocess.run(command, check=True, capture_output=True, text=True, env={"LC_ALL": "C"}).stdout
    return {name.split(".so")[0] for name in re.findall(r"\(NEEDED\).*\[(.+)\]", text)}


def faults_of(path, libraries):
    foreign = libraries & TLS - ALLOWED.get(path.name, set())
    if foreign:
        names = ", ".join(sorted(foreign))
        yield f"{path.name} links {names}: TLS is spoken by sdwdate-probe and by nothing else"
    if path.name not in ALLOWED:
        return
    extra = libraries - ALLOWED[path.name] - RUNTIME - SANITIZERS - TLS
    if extra:
        yield f"{path.name} links {', '.join(sorted(extra))}, which {Path(__file__).name} does not list for it"
    if path.name == "sdwdate-probe" and not TLS <= libraries:
        yield f"{path.name} does not link libssl and libcrypto: is this the executable that speaks TLS?"


def main():
    if len(sys.argv) != 2:
        print("usage: linked_libraries.py BINDIR", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    if not folder.is_dir():
        print(f"linked_libraries: there is no folder {folder}; build first: ./dev build", file=sys.stderr)
        return 2
    missing = sorted(name for name in ALLOWED if not (folder / name).is_file())
    faults = [f"{name} is not in {folder}; build first: ./dev build" for name in missing]
    for path in sorted(folder.iterdir()):
        if path.is_file() and (libraries := needed(path)) is not None:
            faults += faults_of(path, libraries)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
