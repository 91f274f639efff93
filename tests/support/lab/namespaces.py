"""Programs in namespaces of their own: no network, or other files, for them alone."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .daemons import find_program
from .waiting import LabError

_FORBIDDEN = """this user may not make namespaces of its own.
Run this as root (sudo), outside of containers that forbid namespaces, or allow them to users:
    sudo sysctl kernel.unprivileged_userns_clone=1"""


def with_monotonic_clock_ahead(nanoseconds: int) -> Sequence[str]:
    """What to put before a command so that its monotonic clock is ahead of this machine's; less than a second."""
    launcher = Path(__file__).with_name("time_namespace.py")
    return [*in_namespaces(), sys.executable, str(launcher), str(nanoseconds)]


def in_namespaces(*kinds: str) -> Sequence[str]:
    """What to put before a command so that it runs in new namespaces, such as "net" or "mount".

    A user namespace comes with them, in which no capability reaches the machine, its clock above all. A root that may
    not make user namespaces (in a chroot, in some containers) does without.
    """
    unshare = find_program("unshare", "util-linux")
    options = [f"--{kind}" for kind in kinds]
    complaints = []
    for prefix in ([unshare, "--map-root-user", *options], [unshare, *options]):
        attempt = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
        if attempt.returncode == 0:
            return prefix
        complaints.append(attempt.stderr.strip())
    raise LabError(f"{_FORBIDDEN}\n({'; '.join(complaints)})")


def has_other_users() -> bool:
    """Can a process of root's become somebody else here? Not in a user namespace that knows root alone."""
    mapped = (line.split() for line in Path("/proc/self/uid_map").read_text().splitlines())
    return sum(int(count) for _, _, count in mapped) > 1
