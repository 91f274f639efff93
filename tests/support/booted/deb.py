"""Debian packages made on the spot."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lab import LabError


def _dpkg_deb(*arguments: str | Path) -> str:
    command = ["dpkg-deb", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise LabError(f"{' '.join(command)}: {ended.stderr.strip()}")
    return ended.stdout


def fields_of(deb: Path) -> dict[str, str]:
    """Its control fields; those that run over several lines in one."""
    fields: dict[str, str] = {}
    name = ""
    for line in _dpkg_deb("--field", deb).splitlines():
        if line.startswith(" "):
            fields[name] += line
        else:
            name, _, value = line.partition(": ")
            fields[name] = value
    return fields


def build_deb(
    directory: Path, name: str, version: str, fields: Mapping[str, str], files: Mapping[str, str]
) -> Path:
    """A package with these files; what is below /etc is a conffile, and names below DEBIAN/ are maintainer scripts."""
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(temporary) / "tree"
        control = {
            "Package": name,
            "Version": version,
            "Architecture": "all",
            "Maintainer": "Nobody <nobody@example.org>",
            "Description": "for a test",
            **fields,
        }
        contents = {
            "DEBIAN/control": "".join(f"{key}: {value}\n" for key, value in control.items()),
            "DEBIAN/conffiles": "".join(f"/{path}\n" for path in files if path.startswith("etc/")),
            **files,
        }
        for path, text in contents.items():
            target = tree / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            target.chmod(0o755 if text.startswith("#!") else 0o644)
        return _build(tree, directory / f"{name}_{version.replace(':', '%3a')}_all.deb")


def with_version(deb: Path, version: str, directory: Path) -> Path:
    """The same package under another version."""
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(temporary) / "tree"
        _dpkg_deb("--raw-extract", deb, tree)
        control = tree / "DEBIAN" / "control"
        old = fields_of(deb)["Version"]
        control.write_text(control.read_text().replace(f"\nVersion: {old}\n", f"\nVersion: {version}\n"))
        return _build(tree, directory / deb.name.replace(f"_{old}_", f"_{version}_"))


def _build(tree: Path, target: Path) -> Path:
    tree.chmod(0o755)
    _dpkg_deb("--root-owner-group", "-Zgzip", "-z1", "--build", tree, target)
    shutil.chown(target, 0, 0)
    return target
