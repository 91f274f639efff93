"""The Debian tree that containers start from. Making it takes a minute and a mirror; it is then kept."""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab import LabError

from .deb import fields_of

CACHE = Path(__file__).resolve().parents[3] / "build" / "debian"

RELEASE = "bookworm"
DEFAULT_MIRROR = "http://deb.debian.org/debian"
BOOTABLE = ("systemd", "systemd-sysv", "dbus", "iproute2")
# No daemon is started while packages are installed into a tree that has not booted.
POLICY = "#!/bin/sh\nexit 101\n"


def base_system(deb: Path, extra: Sequence[str] = ()) -> Path:
    """A tree that boots, with the packages `extra` installed, and all that `deb` depends on downloaded only.

    So `apt-get install DEB` works without a network, and is as real as on a machine that has one.
    """
    depends = fields_of(deb)["Depends"]
    key = hashlib.sha256("\n".join([RELEASE, *BOOTABLE, *extra, depends]).encode()).hexdigest()[:12]
    tree = CACHE / f"{RELEASE}-{key}"
    with _only_one():
        if not tree.exists():
            making = tree.with_suffix(".new")
            shutil.rmtree(making, ignore_errors=True)
            _debootstrap(making)
            _apt(making, deb, extra)
            making.rename(tree)
    return tree


@contextmanager
def _only_one() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str | Path], what: str) -> None:
    ended = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if ended.returncode != 0:
        said = "\n".join((ended.stdout + ended.stderr).splitlines()[-15:])
        raise LabError(f"{what} failed:\n{said}")


def _mirror() -> str:
    """The mirror that this machine uses."""
    command = ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in listed.stdout.splitlines():
        site, _, rest = line.partition(" ")
        if rest == f"{RELEASE} main":
            return site
    return DEFAULT_MIRROR


def _debootstrap(tree: Path) -> None:
    tree.parent.mkdir(parents=True, exist_ok=True)
    include = ",".join(BOOTABLE)
    _run(["debootstrap", "--variant=minbase", f"--include={include}", RELEASE, tree, _mirror()], "debootstrap")


def _apt(tree: Path, deb: Path, extra: Sequence[str]) -> None:
    policy = tree / "usr" / "sbin" / "policy-rc.d"
    policy.write_text(POLICY)
    policy.chmod(0o755)
    inside = tree / "root" / deb.name
    shutil.copyfile(deb, inside)
    chroot = ["chroot", tree, "env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"]
    install = [*chroot, "apt-get", "install", "-q", "-y", "--no-install-recommends"]
    _run([*chroot, "apt-get", "update", "-q"], "apt-get update")
    _run([*install, *extra], "apt-get install")
    # Debian's image of apt would delete what it has downloaded.
    (tree / "etc" / "apt" / "apt.conf.d" / "99keep").write_text('APT::Keep-Downloaded-Packages "true";\n')
    _run([*install, "--download-only", f"/root/{deb.name}"], "apt-get install --download-only")
    policy.unlink()
    inside.unlink()
