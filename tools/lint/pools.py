#!/usr/bin/python3
"""Checks the pools that come with the program: packaging/pools/*.toml

At least three pools in each file; every source has an operator, a comment's worth of evidence, and an operator only once
in its pool. Onion addresses are well-formed, down to their checksum (rend-spec-v3, section 6); nobody has to be asked.
"""

import base64
import hashlib
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

POOLS = Path(__file__).resolve().parents[2] / "packaging" / "pools"
LEAST_POOLS = 3
LEAST_SOURCES = 4


def onion_fault(host):
    """What is wrong with an onion address, or None."""
    label = host.removesuffix(".onion").rpartition(".")[2]
    try:
        raw = base64.b32decode(label.upper())
    except ValueError:
        return "is no base32"
    if len(raw) != 35 or raw[34] != 3:
        return "is no version 3 address"
    right = hashlib.sha3_256(b".onion checksum" + raw[:32] + raw[34:]).digest()[:2]
    return None if raw[32:34] == right else "has a wrong checksum: it is mistyped"


def source_faults(source, onion):
    for key in ("operator", "url", "evidence"):
        if not source.get(key):
            yield f"has no {key}"
    for url in [source.get("url", ""), *source.get("mirrors", [])]:
        parts = urlsplit(url)
        if onion != (parts.hostname or "").endswith(".onion"):
            yield f"{url} is in the wrong file"
        elif onion and (fault := onion_fault(parts.hostname)):
            yield f"{url} {fault}"
        elif not onion and parts.scheme != "https":
            yield f"{url} is not https"


def file_faults(path):
    pools = tomllib.loads(path.read_text()).get("pool", [])
    if len(pools) < LEAST_POOLS:
        yield f"has {len(pools)} pools, and {LEAST_POOLS} are needed"
    addresses = set()
    for pool in pools:
        sources = pool.get("source", [])
        operators = [source.get("operator") for source in sources]
        if len(sources) < LEAST_SOURCES:
            yield f"pool {pool['name']}: {len(sources)} sources are too few"
        for operator in sorted({name for name in operators if operators.count(name) > 1}):
            yield f"pool {pool['name']}: {operator} is there twice; make it one source with mirrors"
        for source in sources:
            for fault in source_faults(source, path.stem == "onion"):
                yield f"pool {pool['name']}: {source.get('operator')}: {fault}"
            for url in [source.get("url"), *source.get("mirrors", [])]:
                if url in addresses:
                    yield f"pool {pool['name']}: {url} is there twice"
                addresses.add(url)


def main():
    files = sorted(POOLS.glob("*.toml"))
    faults = [f"{path.name}: {fault}" for path in files for fault in file_faults(path)]
    if [path.stem for path in files] != ["clearnet", "onion"]:
        faults.append(f"{POOLS}: there should be clearnet.toml and onion.toml")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
