#!/usr/bin/python3
"""Checks how the executables are hardened: hardening.py BINDIR

devscripts' hardening-check says most; what it does not look at is read by binutils: control-flow protection in the code
(the mark that hardening-check wants is lost by linking Debian 12's crt1.o, which has none), no memory that is written
and executed, nothing to relocate in code, no search path for libraries. Nothing is run.
"""

import re
import subprocess
import sys
from pathlib import Path

EXECUTABLES = (
    "sdwdate", "sdwdated", "sdwdate-launch", "sdwdate-probe", "sdwdate-resolve", "sdwdate-tor", "unixtime-to-chrony-socket",
    "url_to_unixtime",
)  # fmt: skip
#: What hardening-check must say yes to, by its own names.
PRESENT = ("Position Independent Executable", "Stack protected", "Read-only relocations", "Immediate binding")
#: Where "unknown" means that the executable has nothing to protect in this way.
NOT_ABSENT = ("Stack clash protection",)
FORTIFIED = "Fortify Source functions"
#: All their buffers have sizes that the compiler knows, and has checked.
NOTHING_TO_FORTIFY = {"sdwdate-launch", "sdwdate-resolve"}
#: Where an indirect call may land: x86-64's, arm64's.
LANDING_PLACES = re.compile(r"\t(endbr64|paciasp|bti)\b")


def output(*command):
    """hardening-check's status says whether it liked everything, so only what is printed counts."""
    return subprocess.run(command, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


def faults_of(path):
    said = dict(re.findall(r"^ ([^:]+): (\w+)", output("hardening-check", "--nocolor", str(path)), re.MULTILINE))
    wanted = (*PRESENT, *NOT_ABSENT) if path.name in NOTHING_TO_FORTIFY else (*PRESENT, *NOT_ABSENT, FORTIFIED)
    for name in wanted:
        good = ("yes", "unknown") if name in NOT_ABSENT else ("yes",)
        if said.get(name) not in good:
            yield f"{name}: {said.get(name, 'not said')}"
    if not LANDING_PLACES.search(output("objdump", "--disassemble", "--no-show-raw-insn", str(path))):
        yield "no control-flow protection"
    headers = output("readelf", "--segments", "--wide", str(path))
    segments = re.findall(r"^  (\w+) .* ([R ][W ][E ]) +0x", headers, re.MULTILINE)
    if not segments:
        yield "readelf shows no segments"
    yield from (f"{name} is written and executed" for name, rights in segments if "W" in rights and "E" in rights)
    dynamic = output("readelf", "--dynamic", "--wide", str(path))
    yield from (f"has {name}" for name in re.findall(r"\((TEXTREL|RPATH|RUNPATH)\)", dynamic))


def main():
    if len(sys.argv) != 2:
        print("usage: hardening.py BINDIR", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    missing = [name for name in EXECUTABLES if not (folder / name).is_file()]
    faults = [f"{name} is not in {folder}; build first: ./dev build" for name in missing]
    for name in EXECUTABLES:
        if name not in missing:
            faults += [f"{name}: {fault}" for fault in faults_of(folder / name)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
