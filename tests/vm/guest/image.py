"""What the guest boots from: Debian's kernel, an initrd of our own, and a disk image of Debian 12 with our package.

All of it is made without mounting anything, and kept below build/vm/ until one of its ingredients changes.
"""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from booted import base_system
from lab import LabError

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[2] / "build" / "vm"

# Beside what `booted` brings and the package needs: what a Debian machine has and a minimal one lacks. networkd wants
# udev, and AppArmor confines chronyd.
EXTRA_PACKAGES = ("udev", "apparmor")
# Its modules are few and its drivers those of virtual machines. This one's name changes with each update.
KERNEL_METAPACKAGE = "linux-image-cloud-amd64"
# In this order: each one needs those before it.
MODULES = (
    "virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk", "failover",
    "net_failover", "virtio_net", "virtio_console", "virtio-rng",
)  # fmt: skip
UNITS = ("lab-files", "lab-clock", "lab-shell", "lab-echo", "systemd-networkd", "systemd-networkd-wait-online")
# What would only cost time: software emulation has little of it.
UNWANTED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
    "fstrim.timer", "getty.target", "serial-getty@ttyS0.service",
)  # fmt: skip
DISK_SIZE = "1200M"


@dataclass(frozen=True)
class Image:
    """What qemu is given."""

    kernel: Path
    initrd: Path
    disk: Path


def image(deb: Path) -> Image:
    """The image with this package installed, made if there is none that fits."""
    base = base_system(deb, EXTRA_PACKAGES)
    directory = CACHE / f"image-{_fingerprint(deb, base)}"
    if not directory.exists():
        for old in CACHE.glob("image-*"):
            shutil.rmtree(old)
        making = CACHE / "making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        _make(making, deb, base)
        making.rename(directory)
    return Image(directory / "vmlinuz", directory / "initrd.gz", directory / "disk.ext4")


def _fingerprint(deb: Path, base: Path) -> str:
    """Which ingredients these are."""
    known = hashlib.sha256(base.name.encode())
    laid_over = sorted(path for path in (HERE / "files").rglob("*") if path.is_file())
    for path in [deb, Path(__file__), HERE / "init", HERE / "clock_echo.cc", *laid_over]:
        known.update(path.read_bytes())
    return known.hexdigest()[:12]


def _make(directory: Path, deb: Path, base: Path) -> None:
    tree = directory / "tree"
    _run("cp", "--archive", "--reflink=auto", base, tree)
    # This machine may have moved to another network since the base was made.
    shutil.copy("/etc/resolv.conf", tree / "etc" / "resolv.conf")
    kernel = _kernel(tree)
    shutil.copyfile(kernel / "vmlinuz", directory / "vmlinuz")
    _make_initrd(kernel, directory / "initrd.gz")
    _install(tree, deb)
    _dress(tree)
    # Without a journal: nobody needs the disk after a crash.
    _run("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", "-d", tree, directory / "disk.ext4", DISK_SIZE)
    shutil.rmtree(tree)


# --- the kernel --------------------------------------------------------------------------------------------------


def _kernel(tree: Path) -> Path:
    """A folder with vmlinuz and the modules, of the newest kernel that the tree's mirror has.

    Unpacked but not installed: an installed one would be a boot loader's affair, and take minutes.
    """
    _chroot(tree, "apt-get", "update", "-q", network=True)
    shown = _chroot(tree, "apt-cache", "depends", KERNEL_METAPACKAGE)
    names = [line.split()[1] for line in shown.splitlines() if line.strip().startswith("Depends: linux-image-")]
    if len(names) != 1:
        raise LabError(f"which kernel does {KERNEL_METAPACKAGE} depend on?\n{shown}")
    directory = CACHE / names[0]
    if not directory.exists():
        for old in CACHE.glob("linux-image-*"):
            shutil.rmtree(old)
        with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
            _download_kernel(tree, names[0], Path(temporary)).rename(directory)
    return directory


def _download_kernel(tree: Path, name: str, temporary: Path) -> Path:
    _chroot(tree, "sh", "-c", f"cd /root && apt-get download -q {name}", network=True)
    (deb,) = (tree / "root").glob(f"{name}_*.deb")
    unpacked = temporary / "unpacked"
    _run("dpkg-deb", "--extract", deb, unpacked)
    deb.unlink()
    kept = temporary / "kept"
    kept.mkdir()
    (vmlinuz,) = (unpacked / "boot").glob("vmlinuz-*")
    vmlinuz.rename(kept / "vmlinuz")
    for module in MODULES:
        (found,) = (unpacked / "lib" / "modules").rglob(f"{module}.ko")
        found.rename(kept / found.name)
    return kept


def _make_initrd(kernel: Path, target: Path) -> None:
    """Busybox, the modules, and a script that loads them and goes on to the disk."""
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(temporary)
        for name in ("bin", "dev", "modules", "root"):
            (tree / name).mkdir()
        shutil.copy("/bin/busybox", tree / "bin" / "busybox")
        shutil.copy(HERE / "init", tree / "init")
        for module in MODULES:
            shutil.copy(kernel / f"{module}.ko", tree / "modules")
        (tree / "modules" / "order").write_text("".join(f"{module}\n" for module in MODULES))
        pack = "find . | busybox cpio -o -H newc 2>/dev/null | gzip -1"
        with target.open("wb") as output:
            subprocess.run(["sh", "-c", pack], cwd=tree, stdout=output, check=True)


# --- the tree ----------------------------------------------------------------------------------------------------


def _install(tree: Path, deb: Path) -> None:
    """As an administrator would, but before the first boot: no service is started yet."""
    shutil.copy(deb, tree / "root" / deb.name)
    with _no_services(tree):
        _chroot(tree, "apt-get", "install", "-q", "-y", "--no-install-recommends", f"/root/{deb.name}", network=True)
    (tree / "root" / deb.name).unlink()
    _chroot(tree, "apt-get", "clean")


@contextmanager
def _no_services(tree: Path) -> Iterator[None]:
    policy = tree / "usr" / "sbin" / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    yield
    policy.unlink()


def _dress(tree: Path) -> None:
    """What lets the host look into the guest and talk to it."""
    shutil.copytree(HERE / "files", tree, dirs_exist_ok=True)
    echo = tree / "usr" / "local" / "lib" / "lab" / "clock_echo"
    _run("g++", "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", echo, HERE / "clock_echo.cc")
    (tree / "etc" / "hostname").write_text("guest\n")
    (tree / "etc" / "fstab").write_text("")
    # Nobody answers there; all names are in /etc/hosts.
    (tree / "etc" / "resolv.conf").write_text("")
    _chroot(tree, "systemctl", "--quiet", "enable", *UNITS)
    _chroot(tree, "systemctl", "--quiet", "mask", *UNWANTED)


def _chroot(tree: Path, *command: str, network: bool = False) -> str:
    """Run a command in the tree as its root, without the right to set the clock, and mostly without a network."""
    own = ["unshare", "--mount", "--pid", "--fork", f"--mount-proc={tree / 'proc'}", *([] if network else ["--net"])]
    powerless = ["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time"]
    variables = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
    return _run(*powerless, *own, "chroot", tree, *variables, *command)


def _run(*command: str | Path) -> str:
    words = [str(word) for word in command]
    ended = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if ended.returncode != 0:
        said = "\n".join((ended.stdout + ended.stderr).splitlines()[-15:])
        raise LabError(f"{' '.join(words)} ended with status {ended.returncode}:\n{said}")
    return ended.stdout


# --- files for one boot ------------------------------------------------------------------------------------------


def overlay(files: dict[str, str], target: Path) -> Path:
    """A disk with these files (path to text), which lab-files.service lays over the guest's own at boot."""
    with tempfile.TemporaryDirectory() as temporary, tarfile.open(target, "w") as archive:
        for name, text in files.items():
            source = Path(temporary) / "file"
            source.write_text(text)
            source.chmod(0o644)
            archive.add(source, name.removeprefix("/"), filter=_root_owned)
    return target


def _root_owned(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member
