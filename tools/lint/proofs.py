#!/usr/bin/python3
"""Checks the proofs: Coq accepts each, each theorem is looked at, and none rests on more than it may.

  proofs.py DIRECTORY     where to compile them, anew each time

Coq says which axioms each theorem needs (proofs/Theorems.v). Those of the standard library's real numbers are allowed.
The table of docs/estimate.md, "Machine-checked", must name theorems that there are.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROOFS = ROOT / "proofs"
TABLE = ROOT / "docs" / "estimate.md"
# Only run, by the build of the oracle: it writes a file.
NOT_PROOFS = {"Extract.v"}
# What Coq's real numbers are made with.
ALLOWED = {
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
}
UNPROVEN = re.compile(r"^\s*(?:Admitted|Abort|Axioms?|Parameters?|Conjecture)\b|\badmit\b", re.MULTILINE)
THEOREM = re.compile(r"^\s*Theorem\s+(\w+)", re.MULTILINE)
COMMENT = re.compile(r"\(\*.*?\*\)", re.DOTALL)


def run(directory, *command):
    """What the command prints; ends the check if it fails."""
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"proofs: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def sources():
    return {path.name: COMMENT.sub("", path.read_text()) for path in PROOFS.glob("*.v") if path.name not in NOT_PROOFS}


def compile_in(directory):
    """Compiles everything; returns what Theorems.v printed."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in sources():
        shutil.copy(PROOFS / name, directory)
    printed = ""
    for name in run(directory, "coqdep", "-Q", ".", "Sdwdate", "-sort", *sorted(sources())).split():
        said = run(directory, "coqc", "-q", "-Q", ".", "Sdwdate", name)
        if Path(name).stem == "Theorems":
            printed = said
    # Once more, by the small checker; the standard library is believed.
    each = [word for name in sources() for word in ("-norec", f"Sdwdate.{Path(name).stem}")]
    run(directory, "coqchk", "-silent", "-Q", ".", "Sdwdate", *each)
    return printed


def faults(printed):
    theorems = {}
    for name, text in sources().items():
        for match in UNPROVEN.finditer(text):
            yield f"{name}: {match[0].strip()}: everything here is proven"
        for match in THEOREM.finditer(text):
            theorems[match[1]] = name
    looked_at = re.findall(r"^Print Assumptions (\w+)\.", sources()["Theorems.v"], re.MULTILINE)
    for theorem in sorted(set(theorems) - set(looked_at)):
        if theorem != "leb_total":  # of a module that sorts
            yield f"{theorems[theorem]}: {theorem} is not in Theorems.v"
    answers = re.findall(r"^(?:Closed under the global context|Axioms:)$", printed, re.MULTILINE)
    if len(answers) != len(looked_at):
        yield f"Theorems.v asks about {len(looked_at)} theorems, and Coq answered {len(answers)} times"
    # An axiom's name begins a line; its type follows, indented.
    for axiom in sorted(set(re.findall(r"^([\w.]+)(?=\s*(?::|$))", printed, re.MULTILINE)) - {"Axioms"} - ALLOWED):
        yield f"an axiom that is not one of the real numbers: {axiom}"
    section = re.search(r"^## Machine-checked\n(.*?)(?=^## )", TABLE.read_text(), re.MULTILINE | re.DOTALL)
    if not section:
        yield "docs/estimate.md: there is no section 'Machine-checked'"
        return
    theorem_cells = re.findall(r"^\|[^|]*\|([^|]*)\|", section[1], re.MULTILINE)
    named = {name for cell in theorem_cells for name in re.findall(r"`(\w+)`", cell)}
    for name in sorted(named - set(theorems)):
        yield f"docs/estimate.md: there is no theorem {name}"
    for name in sorted(set(theorems) - named - {"leb_total"}):
        yield f"docs/estimate.md: the table does not name {name}, of {theorems[name]}"


def main():
    found = list(faults(compile_in(Path(sys.argv[1]).absolute())))
    for fault in found:
        print(f"proofs: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
