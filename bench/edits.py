"""`python -m bench.edits FOLDER ...`: one package added, moved and removed in specs made of real locks.

Each folder holds a project with a lock of another tool. A spec and its lock are made of it by `envspec init`,
then each edit is made from that same state, and the lock before is held against the lock after, line by line.
Where other packages moved or an edit was refused, the same is asked again with every other package held by a
constraint: if that has an answer, one line would have done, and the edit failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping

import tomlkit
from packaging.version import Version

from builder.flow.project import Project, open_project
from envspec.lockfile.lock import DEFAULT_INDEX, Artifact, Lock
from envspec.resolve.refusal import takes, version_of
from envspec.spec.pins import pinned
from envspec.supply.metadata import wheel_metadata
from envspec.system.errors import EnvspecError

TOOL = pathlib.Path(sys.executable).parent / "envspec"

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")

LEAVES = ("tabulate", "humanize", "toolz", "pyfiglet", "boltons", "xxhash", "inflection", "colorama")
"""Packages that need no other, of which the first that a lock lacks is added."""

PATIENCE = 600
"""Seconds for one command."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of one edit of one lock."""

    project: str
    edit: str
    result: str
    """`one line`, `along`, `refused`, `same`, or what failed."""
    packages: int
    """How many the lock holds."""
    seconds: float
    said: str = ""

    @property
    def good(self) -> bool:
        """Whether only the package's own lines changed, or the output says why not."""
        return self.result in {"one line", "along", "refused", "same"}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Ran:
    code: int
    text: str
    seconds: float


def _run(folder: pathlib.Path, *words: str) -> _Ran:
    began = time.monotonic()
    try:
        done = subprocess.run(
            [TOOL, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        code, text = done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        code, text = 124, f"no end within {PATIENCE} s"
    return _Ran(code=code, text=text, seconds=round(time.monotonic() - began, 1))


def _touched(before: str, after: str) -> set[str]:
    """Names of the entries of a lock of which any line is another; other lines stand for themselves.

    What is left out is what belongs to the whole: the digest of the spec, and who solved it.
    """
    old, new = list(_owned(before)), list(_owned(after))
    found = set()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, begin, end, begin_new, end_new in matcher.get_opcodes():
        if kind != "equal":
            found |= {owner for owner, _ in (*old[begin:end], *new[begin_new:end_new])}
    return found - {"spec", "resolver"}


def _owned(text: str) -> Iterator[tuple[str, str]]:
    """Each line of a lock with the entry that it belongs to."""
    for block in re.split(r"\n(?=\[)", text):
        name = re.search(r'^name = "(.*)"', block, re.MULTILINE)
        for line in block.splitlines():
            if not block.startswith("["):
                yield line.partition(" = ")[0], line
            elif line:
                yield name[1] if name and block.startswith("[[") else block.splitlines()[0], line


def _leaf_entries(project: Project, lock: Lock) -> Iterator[tuple[Artifact, list[Version]]]:
    """Packages that need no other and have several versions for the target, with these."""
    exact = {
        requirement.name
        for stage in project.spec.stage
        for requirement in stage.requirements
        if pinned(requirement)
    }
    sources, store = project.sources(), project.store
    entries = [entry for entry in lock.artifact if entry.index == DEFAULT_INDEX and entry.name not in exact]
    random.Random(lock.name).shuffle(entries)
    for entry in entries:
        try:
            if wheel_metadata(entry.installed, None, store=store, sources=sources).requires:
                continue
            files = sources.files(DEFAULT_INDEX, entry.name)
        except (EnvspecError, OSError):
            continue
        versions = {
            version
            for file in files
            if (version := version_of(file)) is not None
            and file.file.endswith(".whl")
            and file.yanked is None
            and not version.is_prerelease
            and takes(file, lock.target)
        }
        if len(versions) > 1:
            yield entry, sorted(versions)


def _others_held(folder: pathlib.Path, lock: Lock, name: str, version: str, *, added: bool) -> bool:
    """Whether there is an answer in which every other package stays where it is."""
    with tempfile.TemporaryDirectory() as place:
        trial = pathlib.Path(place) / "trial"
        shutil.copytree(folder, trial, symlinks=True)
        document = tomlkit.parse((trial / "envspec.toml").read_text())
        held = [f"{pin}=={at}" for pin, at in lock.pins.items() if pin != name and not _is_source(lock, pin)]
        limits = [*document.get("constraints", ()), *held, *([f"{name}=={version}"] if version else [])]
        document["constraints"] = limits
        if added:
            document["stage"][0].setdefault("install", []).append(name)
        (trial / "envspec.toml").write_text(tomlkit.dumps(document))
        (trial / "envspec.lock").unlink(missing_ok=True)
        return _run(trial, "lock", "-q").code == 0


def _is_source(lock: Lock, name: str) -> bool:
    return any(source.name == name for source in lock.source)


def _judged(
    project: str,
    edit: str,
    name: str,
    before: str,
    lock: Lock,
    folder: pathlib.Path,
    ran: _Ran,
    start: pathlib.Path,
) -> Outcome:
    """What an edit came to, by the two locks and by what was said."""
    after = (folder / "envspec.lock").read_text()
    touched = _touched(before, after)
    version = edit.partition("==")[2]
    one_would_do = False
    if ran.code != 0:
        result = "refused" if after == before and _why(ran.text) else f"failed ({ran.code})"
    elif touched <= {name}:
        unmoved = re.search(rf"^{re.escape(name)} stays at \S+: \S", ran.text, re.MULTILINE)
        result = "one line" if touched else "same" if unmoved else "nothing moved, and no word why"
    else:
        unsaid = [
            other
            for other in touched - {name}
            if not re.search(rf"^[~+-] {re.escape(other)}\b.*: \S", ran.text, re.MULTILINE)
        ]
        result = f"moved without a reason: {', '.join(unsaid)}" if unsaid else "along"
    if result not in {"one line", "same"}:
        one_would_do = _others_held(start, lock, name, version, added=edit.startswith("add "))
    if one_would_do:
        result = f"one line would have done ({result})"
    said = " | ".join(line for line in ran.text.splitlines() if line.strip() and not line.startswith("•"))
    return Outcome(
        project=project,
        edit=edit,
        result=result,
        packages=len(lock.artifact),
        seconds=ran.seconds,
        said=said[-1500:],
    )


def _why(text: str) -> bool:
    return "error" in text and "Traceback" not in text


def outcomes(source: pathlib.Path, description: pathlib.Path, *words: str) -> Iterator[Outcome]:
    """All edits of one project, each from the state that `envspec init` leaves."""
    called = source.name
    with tempfile.TemporaryDirectory() as place:
        start = pathlib.Path(place) / "start"
        shutil.copytree(source, start, symlinks=True)
        for file in ("envspec.toml", "envspec.lock"):
            (start / file).unlink(missing_ok=True)
        ran = _run(start, "init", str(description), *words)
        kept = (start / "envspec.lock").is_file()
        if not kept and ran.code == 0:
            locked = _run(start, "lock", "-q")
            ran = dataclasses.replace(ran, code=locked.code, text=f"{ran.text}\n{locked.text}")
        if ran.code != 0:
            yield Outcome(
                project=called,
                edit="init",
                result="no lock",
                packages=0,
                seconds=ran.seconds,
                said=ran.text[-1500:],
            )
            return
        lock = open_project(start / "envspec.toml", None).lock()
        assert lock is not None
        yield Outcome(
            project=called,
            edit=f"init {description}",
            result="one line" if kept else "locked anew",
            packages=len(lock.artifact),
            seconds=ran.seconds,
            said="" if kept else ran.text[-600:],
        )
        yield from _edits(called, start, pathlib.Path(place), lock)


def _edits(called: str, start: pathlib.Path, place: pathlib.Path, lock: Lock) -> Iterator[Outcome]:
    before = (start / "envspec.lock").read_text()
    spec_before = (start / "envspec.toml").read_text()

    def copied(name: str) -> pathlib.Path:
        folder = place / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(start, folder, symlinks=True)
        return folder

    project = open_project(start / "envspec.toml", None)
    leaf = next(name for name in LEAVES if name not in lock.pins)
    files = project.sources().files(DEFAULT_INDEX, leaf)
    versions = sorted(
        {
            version
            for file in files
            if (version := version_of(file)) and takes(file, lock.target) and not version.is_prerelease
        }
    )
    folder = copied("add")
    word = f"{leaf}=={versions[-2]}"
    ran = _run(folder, "add", word)
    yield _judged(called, f"add {word}", leaf, before, lock, folder, ran, start)
    if ran.code == 0:
        kept = [line for line in spec_before.splitlines() if line.strip().startswith("#")]
        after = (folder / "envspec.toml").read_text()
        if [line for line in after.splitlines() if line.strip().startswith("#")] != kept:
            yield Outcome(project=called, edit="spec", result="comments lost", packages=0, seconds=0)
        ran = _run(folder, "remove", leaf)
        same_spec = (folder / "envspec.toml").read_text() == spec_before
        touched = _touched(before, (folder / "envspec.lock").read_text())
        good = ran.code == 0 and not touched
        result = (
            "one line" if good and same_spec else f"left {', '.join(sorted(touched))}, spec same: {same_spec}"
        )
        yield Outcome(
            project=called,
            edit=f"remove {leaf}",
            result=result,
            packages=len(lock.artifact),
            seconds=ran.seconds,
            said=ran.text[-500:],
        )
    entries = _leaf_entries(project, lock)
    newer = older = None
    for entry, versions in entries:
        here = Version(entry.version)
        if newer is None and versions[-1] > here:
            newer = entry
        elif older is None and (below := [version for version in versions if version < here]):
            older = entry, below[-1]
        if newer and older:
            break
    if newer is not None:
        folder = copied("up")
        ran = _run(folder, "lock", "--upgrade-package", newer.name)
        yield _judged(called, f"upgrade {newer.name}", newer.name, before, lock, folder, ran, start)
    if older is not None:
        folder = copied("down")
        word = f"{older[0].name}=={older[1]}"
        ran = _run(folder, "lock", "--upgrade-package", word)
        yield _judged(called, f"upgrade {word}", older[0].name, before, lock, folder, ran, start)


def main() -> int:
    """The exit code: 1 where an edit changed more than it had to, or said nothing of it."""
    parser = argparse.ArgumentParser(prog="python -m bench.edits", description=__doc__)
    parser.add_argument("folders", nargs="+", metavar="FOLDER[:LOCK[:PYTHON]]")
    parser.add_argument("--output", type=pathlib.Path, help="also write all outcomes here, a JSON line each")
    given = parser.parse_args()
    found: list[Outcome] = []
    for text in given.folders:
        folder, _, rest = text.partition(":")
        lock, _, python = rest.partition(":")
        source = pathlib.Path(folder)
        description = (
            pathlib.Path(lock)
            if lock
            else next(pathlib.Path(name) for name in LOCKS if (source / name).is_file())
        )
        for outcome in outcomes(source, description, *(["--python", python] if python else [])):
            found.append(outcome)
            head = f"{outcome.project:14} {outcome.packages:4} {outcome.seconds:6.1f} s"
            print(f"{head}  {outcome.edit:40} {outcome.result}", flush=True)
            if given.output:
                with given.output.open("a") as stream:
                    stream.write(json.dumps(dataclasses.asdict(outcome)) + "\n")
    edits = [one for one in found if not one.edit.startswith("init")]
    counted: Mapping[str, int] = {
        result: sum(one.result == result for one in edits) for result in sorted({one.result for one in edits})
    }
    print(f"{len(edits)} edits: " + ", ".join(f"{number} {result}" for result, number in counted.items()))
    return int(not all(one.good for one in edits))


if __name__ == "__main__":
    sys.exit(main())
