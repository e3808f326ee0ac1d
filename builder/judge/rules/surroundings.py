"""Judges what lies around the packages: how the interpreter starts, and what stands in front of modules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from builder.judge.facts import Facts
from envspec.system import rules
from envspec.system.finding import Finding, Severity
from envspec.system.quoting import quoted_output

SPARE = frozenset({
    "_crypt", "_curses", "_curses_panel", "_dbm", "_gdbm", "_tkinter", "nis", "ossaudiodev", "readline",
    "spwd",
})  # fmt: skip
"""Compiled standard modules that servers do without: for screens, terminals and what is obsolete."""


def judge_surroundings(facts: Facts) -> Iterator[Finding]:
    """Findings about the start, shadowed modules, and an environment without anything to judge."""
    yield from _start(facts)
    yield from _standard(facts)
    yield from _compiled(facts)
    yield from _installed(facts)
    if not facts.distributions and not facts.imports:
        yield rules.NOTHING.finding(
            "no distribution is installed: there is nothing to judge",
            hint="check that this is the interpreter of the environment that you mean",
        )


def _start(facts: Facts) -> Iterator[Finding]:
    start = facts.raw["start"]
    lines = [line for line in quoted_output(start["output"]).splitlines() if line.strip()]
    last = lines[-1][:200] if lines else ""
    if not start["ok"]:
        yield rules.START.finding(
            "the interpreter does not start with the variables set here"
            + (f" ({', '.join(facts.raw['variables'])})" if facts.raw["variables"] else "")
            + (f": {last}" if last else ""),
            hint="unset them, or repair what its start prints",
        )
        return
    files = re.findall(r"Error processing line \d+ of ([^:\n]+):", start["output"])
    for file in dict.fromkeys(files):
        yield rules.PTH.finding(
            f"{file.rpartition('/')[2]} fails at every start of the interpreter: {last}",
            hint="remove the file, or install what it needs",
            where=file.rpartition("/")[2],
        )
    for name in dict.fromkeys(re.findall(r"Error in (sitecustomize|usercustomize)", start["output"])):
        files.append(name)
        yield rules.PTH.finding(
            f"{name} fails at every start of the interpreter: {last}",
            hint="repair the module, or remove it",
            where=name,
        )
    if lines and not files:
        yield rules.PTH.finding(
            f"the interpreter prints at every start: {lines[0][:200]}", hint="look through its .pth files"
        )


def _standard(facts: Facts) -> Iterator[Finding]:
    for each in facts.raw["shadows"]:
        name, path = each["name"], each["path"]
        if each["here"]:
            yield rules.STDLIB_SHADOWED.finding(
                f"{path.rpartition('/')[2]} in the current folder stands in front of the standard module "
                f"{name} for programs that are started here",
                hint="rename it",
                where=name,
                severity=Severity.WARNING,
            )
            continue
        lost = each.get("lost", [])
        broken = each.get("ok") is False or bool(lost)
        why = (
            "cannot be imported"
            if each.get("ok") is False
            else f"lacks {', '.join(lost[:3])}"
            if lost
            else ""
        )
        yield rules.STDLIB_SHADOWED.finding(
            f"{path} stands in front of the standard module {name}" + (f" and {why}" if why else ""),
            hint="remove it, or take its folder from PYTHONPATH",
            where=name,
            severity=None if broken else Severity.WARNING,
        )


def _compiled(facts: Facts) -> Iterator[Finding]:
    """Findings about standard modules that cannot be loaded; variables are to blame where they are set."""
    blamed = [name for name in facts.raw["variables"] if name.startswith("LD_")]
    for name, said in sorted(facts.raw["standard"].items()):
        yield rules.STDLIB_BROKEN.finding(
            f"the standard module {name} cannot be loaded"
            + (f" with {' and '.join(blamed)} as set here" if blamed else "")
            + f": {quoted_output(said.splitlines()[0])[:200]}",
            hint=f"unset {' and '.join(blamed)}, or correct where it leads"
            if blamed
            else "install the system's library that it needs, or take another build of Python",
            where=name,
            severity=Severity.INFO if name in SPARE else Severity.ERROR if blamed else None,
        )


def _installed(facts: Facts) -> Iterator[Finding]:
    """Findings about roots that are imported from elsewhere than where their distribution put them."""
    files = {each.module: each.file for each in facts.imports if each.file}
    for root, owners in sorted(facts.owners().items()):
        file = files.get(root, "")
        folders = tuple(each.folder + "/" for each in owners)
        backport = file.startswith((facts.python["stdlib"] + "/", facts.python["real_stdlib"] + "/"))
        if (
            not file
            or backport
            or file.startswith(folders)
            or any(each.editable or not each.listed for each in owners)
        ):
            continue
        yield rules.SHADOWED.finding(
            f"{root} is imported from {file} and not from {owners[0].name} {owners[0].version}",
            hint="rename it, or take its folder from PYTHONPATH",
            where=root,
        )
