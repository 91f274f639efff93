#!/usr/bin/python3
"""`./dev package`: the Debian package, checked by lintian, and built a second time elsewhere to the same bytes.

Everything happens below build/package/, whose top then holds the package, its source, .changes and .buildinfo. Nothing
is downloaded, and only what git knows of enters.
"""

import argparse
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from changelog import Release, check_versions, debian_changelog, maintainer_of

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "sdwdated"
OUTPUT = ROOT / "build" / "package"
DEBIAN = Path("packaging") / "debian"


class BuildError(Exception):
    """The message says what failed and where to look."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# --- source ------------------------------------------------------------------------------------------------------


def known_files() -> list[Path]:
    """What git tracks, and what it would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted({Path(name) for name in names if name and (ROOT / name).is_file()})


def assemble(tree: Path, release: Release) -> None:
    """The source tree with debian/ in place: the same whoever assembles it, whenever, from whatever checkout."""
    for name in known_files():
        target = tree / ("debian" / name.relative_to(DEBIAN) if name.is_relative_to(DEBIAN) else name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        executable = (ROOT / name).stat().st_mode & stat.S_IXUSR
        target.chmod(0o755 if executable else 0o644)
    maintainer = maintainer_of(ROOT / DEBIAN / "control")
    text = debian_changelog(ROOT / "CHANGELOG.md", PACKAGE, maintainer)
    (tree / "debian" / "changelog").write_text(text, encoding="utf-8")
    for path in [tree, *tree.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (release.epoch, release.epoch))


def fingerprint(tree: Path) -> str:
    """Which source this is, but for the tests, which nothing in the package is made from."""
    known = hashlib.sha256()
    for path in sorted(tree.rglob("*")):
        if path.is_file() and not path.is_relative_to(tree / "tests"):
            known.update(f"{path.relative_to(tree)} {path.stat().st_mode:o} {digest(path)}\n".encode())
    return known.hexdigest()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- building ----------------------------------------------------------------------------------------------------


def environment(changes: Mapping[str, str]) -> dict[str, str]:
    """A small environment, without the habits of whoever calls."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "CCACHE_DIR") if name in os.environ}
    kept["DEB_BUILD_OPTIONS"] = f"parallel={os.cpu_count()}"
    return {**kept, **changes}


def fresh_source(parent: Path, release: Release) -> Path:
    shutil.rmtree(parent, ignore_errors=True)
    tree = parent / f"{PACKAGE}-{release.version}"
    tree.mkdir(parents=True)
    assemble(tree, release)
    return tree


def build(tree: Path, changes: Mapping[str, str], umask: int, prefix: Sequence[str] = ()) -> float:
    """Build source and binary packages, which appear beside `tree`; how many seconds it took."""
    started = time.monotonic()
    command = [*prefix, "dpkg-buildpackage", "--no-sign", "--build=full"]
    log = tree.parent / "build.log"
    with log.open("w") as output:
        ended = subprocess.run(
            command, cwd=tree, env=environment(changes), stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, umask=umask, check=False,
        )  # fmt: skip
    if ended.returncode != 0:
        say("".join(log.open().readlines()[-40:]))
        raise BuildError(f"dpkg-buildpackage failed with status {ended.returncode}; all it said: {log}")
    return time.monotonic() - started


def results(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.name.startswith(f"{PACKAGE}") and path.is_file())


def check_with_lintian(changes: Path) -> None:
    command = ["lintian", "--fail-on", "error,warning", "--display-info", "--show-overrides"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    ended = subprocess.run([*command, str(changes)], check=False)
    if ended.returncode != 0:
        raise BuildError("lintian is not content; see above")


# --- the same again ----------------------------------------------------------------------------------------------


def turkish_locale(directory: Path) -> dict[str, str]:
    """A locale in which i and I are different letters and lists sort in another order."""
    locale = directory / "tr_TR.UTF-8"
    if not locale.exists():
        directory.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(
            ["localedef", "-i", "tr_TR", "-f", "UTF-8", str(locale)], capture_output=True, text=True, check=False
        )
        if not locale.exists():
            raise BuildError(f"localedef could not make a Turkish locale: {made.stderr.strip()}")
    return {"LOCPATH": str(directory), "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "LANGUAGE": "tr"}


def other_host() -> Sequence[str]:
    """What to put before a command so that it sees another host name and no network, where this user may do that."""
    for unshare in (["unshare", "--uts", "--net"], ["unshare", "--map-root-user", "--uts", "--net"]):
        script = [*unshare, "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"]
        if subprocess.run([*script, "true"], capture_output=True, check=False).returncode == 0:
            return script
    say("This user may not make namespaces; the second build keeps this machine's name and network.")
    return []


def build_elsewhere(tree: Path, first: Path) -> None:
    """Build `tree` under other circumstances, and compare with the packages in `first`: they must leave no trace."""
    second = tree.parent
    changes = {
        **turkish_locale(OUTPUT / "locale"),
        "TZ": "Pacific/Kiritimati",
        "USER": "somebody",
        "LOGNAME": "somebody",
        "HOME": "/nonexistent/somebody",
        # What a cache holds from the first build would prove nothing.
        "CCACHE_DISABLE": "1",
    }
    seconds = build(tree, changes, umask=0o027, prefix=other_host())
    different = []
    for path in results(first):
        if path.suffix in (".buildinfo", ".changes"):
            continue  # they describe the build itself: when, where, with what
        twin = second / path.name
        same = twin.exists() and digest(path) == digest(twin)
        say(f"  {digest(path)[:16]}  {path.name}{'' if same else '  DIFFERENT'}")
        if not same:
            different.append(f"diffoscope '{path}' '{twin}'")
    if different:
        raise BuildError("the second build came out different; see how:\n  " + "\n  ".join(different))
    say(f"Built again in {seconds:.0f} s: another folder, time zone, locale, umask, user, host, and no network.")
    say("The same bytes.")
    shutil.rmtree(second)


# --- the command -------------------------------------------------------------------------------------------------


def cache() -> dict[str, str]:
    """What the caller says about ccache."""
    return {name: value for name, value in os.environ.items() if name.startswith(("CCACHE_", "CMAKE_CXX_COMPILER_L"))}


def make(quick: bool) -> None:
    release = check_versions(ROOT)
    work, elsewhere, stamp = OUTPUT / "work", OUTPUT / "second" / "time" / "elsewhere", OUTPUT / "built-from"
    tree = fresh_source(work, release)
    source = fingerprint(tree)
    if quick and stamp.exists() and stamp.read_text() == source and any(OUTPUT.glob("*.deb")):
        say(f"{PACKAGE} {release.version} is built from this source already.")
        return
    say(f"Building {PACKAGE} {release.version}")
    # Both copies now: somebody may edit the working copy meanwhile.
    twin = None if quick else fresh_source(elsewhere, release)
    stamp.unlink(missing_ok=True)
    # Under ccache if the caller has one: whatever it returns, the second build must come out the same.
    seconds = build(tree, {"LC_ALL": "C.UTF-8", **cache()}, umask=0o022)
    say(f"Built in {seconds:.0f} s.")
    if twin:
        check_with_lintian(next(work.glob("*.changes")))
        build_elsewhere(twin, work)
    for old in results(OUTPUT):
        old.unlink()
    for path in results(work):
        path.replace(OUTPUT / path.name)
    stamp.write_text(source)
    say(f"In {OUTPUT.relative_to(ROOT)}/:")
    for path in results(OUTPUT):
        say(f"  {path.stat().st_size / 1e6:7.2f} MB  {path.name}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev package", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="build once, if the source has changed; check nothing")
    try:
        make(parser.parse_args().quick)
    except (BuildError, ValueError) as problem:
        say(f"./dev package: {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
