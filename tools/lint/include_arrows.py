#!/usr/bin/python3
"""Checks which folder of src/ includes which.

The table below is the law; docs/architecture.md draws the same arrows for people. Beyond the arrows: timecore reads no
clock and includes nothing that does I/O, and only net, probe and tor include OpenSSL.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# "wire:url" allows the one header wire/url.h; a folder may always include itself.
ARROWS = {
    "base": set(),
    "timecore": {"base"},
    "wire": {"base"},
    "ipc": {"base"},
    "config": {"wire", "timecore", "base"},
    "net": {"wire", "ipc", "base"},
    "sandbox": {"base"},
    "probe": {"net", "wire", "timecore", "ipc", "sandbox", "base"},
    "resolve": {"ipc", "sandbox", "base"},
    "tor": {"net", "wire", "ipc", "sandbox", "base"},
    "launch": {"ipc", "sandbox", "base"},
    "refclock": {"timecore", "base"},
    "service": {"config", "timecore", "refclock", "ipc", "sandbox", "wire:url", "wire:unix_time", "base"},
    "machine": {"ipc", "base"},
    "doctor": {"machine", "service", "config", "timecore", "refclock", "wire:url", "wire:socks5", "ipc", "base"},
    "ui": {
        "doctor", "machine", "service", "config", "refclock", "timecore", "wire:url", "wire:unix_time", "ipc",
        "sandbox", "base",
    },  # fmt: skip
    "apps": {"ui", "probe", "resolve", "tor", "launch", "ipc", "base"},
}
MAY_USE_OPENSSL = {"net", "probe", "tor"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
CLOCK_READ = re.compile(r"::now\s*\(|\b(?:clock_gettime|gettimeofday|time|real_now|read_clock_pair)\s*\(")
# What timecore is made of: the standard library's values, algorithms and containers.
PURE_HEADERS = set(
    """algorithm array bit chrono cmath compare concepts cstddef cstdint deque expected functional initializer_list
    iterator limits map numeric optional ranges set span string string_view tuple type_traits utility variant vector""".split()
)


def code_only(line):
    """The line without a // comment and without what stands in quotes."""
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', line).split("//")[0]


def include_fault(folder, quote, header):
    """Why `folder` may not include `header`, or None."""
    if header.startswith("openssl/") or header.startswith("boost/asio/ssl"):
        return None if folder in MAY_USE_OPENSSL else "only net, probe and tor may include OpenSSL"
    if quote == "<":
        if folder == "timecore" and header not in PURE_HEADERS:
            return "timecore is pure: only the standard library's values and algorithms"
        return None
    target, _, rest = header.partition("/")
    if not rest:
        return "name the header by its folder, as in \"base/error.h\""
    if target not in ARROWS:
        return f"there is no folder src/{target} in the table of {Path(__file__).name}"
    allowed = ARROWS[folder]
    if target == folder or target in allowed or f"{target}:{rest.removesuffix('.h')}" in allowed:
        return None
    headers = sorted(arrow for arrow in allowed if arrow.startswith(target + ":"))
    only = f" (only {', '.join(arrow.replace(':', '/') + '.h' for arrow in headers)})" if headers else ""
    return f"{folder} may not include {target}{only}"


def faults_of(folder, path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{path.relative_to(ROOT)}:{number}"
        if match := INCLUDE.match(line):
            if fault := include_fault(folder, *match.groups()):
                yield f"{where}: {match[2]}: {fault}"
        elif folder == "timecore" and CLOCK_READ.search(code_only(line)):
            yield f"{where}: timecore reads no clock; its callers pass the time in"


def folders():
    yield "apps", ROOT / "apps"
    for folder in sorted((ROOT / "src").iterdir()):
        if folder.is_dir():
            yield folder.name, folder


def main():
    faults = []
    for folder, path in folders():
        if folder not in ARROWS:
            faults.append(f"src/{folder}: not in the table of {Path(__file__).name}; decide what it may include")
            continue
        for source in sorted(path.rglob("*")):
            if source.suffix in {".cc", ".h", ".in"} and source.is_file() and source.name != "CMakeLists.txt":
                faults += faults_of(folder, source)
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        print(f"include_arrows: {len(faults)} wrong; the arrows are in docs/architecture.md", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
