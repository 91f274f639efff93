#!/usr/bin/python3
"""`./dev vm [SCENARIO...]`: a real clock, really set, in a virtual machine.

Each SCENARIO is the beginning of a name, such as 104 or 2; none stands for all. Needs root, for making the guest's
files and for a network namespace of its own, in which all of this happens.
"""

import argparse
import importlib
import os
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "support")]

from guest.image import CACHE, Image, image  # noqa: E402
from guest.scenario import Lab, Scenario  # noqa: E402
from lab import LabError, World  # noqa: E402

OUTPUT = CACHE / "journal"
# Set for the process that runs in the namespace.
INSIDE = "SDWDATE_VM_INSIDE"


def package() -> Path:
    """The package that the guest gets."""
    found = sorted((ROOT / "build" / "package").glob("sdwdated_*.deb"))
    if len(found) != 1:
        raise LabError(f"build/package/ holds {len(found)} packages named sdwdated: run ./dev package first")
    return found[0]


def enter_namespace() -> None:
    """Start anew where there is a loopback and nothing else: neither guest nor servers reach anybody."""
    script = 'ip link set lo up && exec "$@"'
    command = ["unshare", "--net", "sh", "-c", script, "sh", sys.executable, __file__, *sys.argv[1:]]
    os.execvpe("unshare", command, {**os.environ, INSIDE: "yes"})


def scenarios(wanted: list[str]) -> list[str]:
    names = sorted(path.stem for path in HERE.glob("[0-9][0-9][0-9]_*.py"))
    for beginning in wanted:
        if not any(name.startswith(beginning) for name in names):
            raise LabError(f"no scenario begins with '{beginning}'; there are\n  " + "\n  ".join(names))
    return [name for name in names if not wanted or name.startswith(tuple(wanted))]


def run(names: list[str], made: Image) -> bool:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    loader = unittest.TestLoader()
    suite = unittest.TestSuite(loader.loadTestsFromModule(importlib.import_module(name)) for name in names)
    with World() as world:
        Scenario.lab = Lab(world, made, OUTPUT)
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(suite)
    print(f"\n{(time.monotonic() - started) / 60:.1f} minutes; journals: {OUTPUT.relative_to(ROOT)}/")
    for finding in Scenario.lab.findings:
        print(f"  {finding.scenario:28} {finding.what:36} {finding.found:>10}")
    return result.wasSuccessful()


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev vm", description=__doc__)
    parser.add_argument("scenario", nargs="*")
    wanted = parser.parse_args().scenario
    try:
        names = scenarios(wanted)
        # Outside: whatever is missing comes from Debian's mirror.
        made = image(package())
        if INSIDE not in os.environ:
            enter_namespace()
        return 0 if run(names, made) else 1
    except LabError as problem:
        print(f"./dev vm: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
