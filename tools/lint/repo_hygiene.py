#!/usr/bin/python3
"""Checks what git tracks: no path of one machine, no trailing whitespace, and every folder is on the map.

The map is docs/architecture.md: it names each folder directly under the root, src/ and tests/. Until it is written,
this part says so and is passed over.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAP = ROOT / "docs" / "architecture.md"

# Paths that exist on the machine of whoever wrote them. In pieces, so that this file passes its own check.
MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:" + "|".join(["work", "farm", "home", "Users"]) + r")/[\w.-]*")
# A fuzz input is what it is, to the last blank.
VERBATIM = ("fuzz/corpus/",)


def tracked():
    """Files that git tracks or would add, and that exist."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted({name for name in names if name and (ROOT / name).is_file()})


def text_of(path):
    """The file's text, or None if it is not text."""
    data = path.read_bytes()
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def faults_in(name):
    if name.startswith(VERBATIM):
        return
    text = text_of(ROOT / name)
    if text is None:
        return
    for number, line in enumerate(text.split("\n"), 1):
        if match := MACHINE_PATH.search(line):
            yield f"{name}:{number}: {match[0]}: a path of one machine; make it relative, or an example such as /srv"
        if line != line.rstrip():
            yield f"{name}:{number}: whitespace at the end of the line"
    if text and not text.endswith("\n"):
        yield f"{name}: the last line does not end"


def folders(names):
    """Folders directly under the root, src/ and tests/; hidden ones explain themselves."""
    for name in names:
        parts = Path(name).parts[:-1]
        if parts and not parts[0].startswith("."):
            yield parts[0]
            if parts[0] in ("src", "tests") and len(parts) > 1:
                yield f"{parts[0]}/{parts[1]}"


def on_map(folder, text):
    """Named in full ("src/net"), or as an entry of its own in a list or tree: "net/" or `net`."""
    last = re.escape(folder.rpartition("/")[2])
    return re.search(rf"(?<![\w-]){re.escape(folder)}(?![\w-])|(?<![\w/-]){last}/|`{last}`", text) is not None


def main():
    names = tracked()
    faults = [fault for name in names for fault in faults_in(name)]
    if MAP.exists():
        text = MAP.read_text(encoding="utf-8")
        missing = sorted({folder for folder in folders(names) if not on_map(folder, text)})
        faults += [f"{folder}/: not named in {MAP.relative_to(ROOT)}; say what it is for" for folder in missing]
    else:
        print(f"repo_hygiene: {MAP.relative_to(ROOT)} is not written yet; folders not checked", file=sys.stderr)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
