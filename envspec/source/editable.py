"""A wheel that uses a source tree in place: what is edited there counts at once.

The project's own backend makes it (PEP 660), of a copy of the tree, since a build may write nothing else;
where it names the copy, the tree's own place is written. A backend that cannot make one gets a `.pth` file to
the folder that holds the code.
"""

from __future__ import annotations

import base64
import hashlib
import pathlib
import zipfile
from collections.abc import Mapping

from envspec.lockfile.lock import File
from envspec.source.backend import build_wheel, told_versions
from envspec.source.failures import build_failure
from envspec.source.sdist import BuildSite
from envspec.source.trees import TOP
from envspec.source.versioned import pack_versioned
from envspec.spec.model import digest_of
from envspec.supply.wheel import Wheel
from envspec.system.home import holding
from envspec.system.kept import Kept
from envspec.system.scratch import scratch_folder

_COMPILED = (".so", ".pyd")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def editable_wheel(
    tree: pathlib.Path, ordinary: File, site: BuildSite, *, within: pathlib.Path, tools: tuple[str, ...] = ()
) -> File:
    """The wheel that uses the tree in place, made now if the tree was not asked for one as it stands now.

    `ordinary` is the one that was built of it with these `tools`; it stays where code is compiled: no edit of
    such code would count without a build. `within` is the spec's folder. Raises `BuildError`, `OutsideError`.
    """
    store, target = site.store, site.target
    with Wheel(store.path(ordinary)) as opened:
        if any(entry.name.endswith(_COMPILED) for entry in opened.entries):
            site.progress.note(f"{ordinary.file} holds compiled code: it is installed as it is, not in place")
            return ordinary
    with scratch_folder("editable") as folder:
        archive = folder / "source.tar"
        digest, below = pack_versioned(tree, archive, within=within)
        kept: Kept[File] = Kept(store.root / "built" / "editable", File)
        depends = [digest, below, str(tree), ordinary.sha256, target.python, target.machine, *tools]
        key = digest_of([*depends, *site.further, *told_versions().items()]).removeprefix("sha256:")
        with holding(kept.file(key)):
            known = kept.get(key)
            if known is not None and store.has(known):
                return known
            site.progress.note(f"asking for a wheel that uses {tree} in place")
            members, name = _made(tree, ordinary, site, archive, folder / "build", below, tools)
            _write(folder / name, members)
            found = store.add(folder / name)
            kept.put(key, found)
            return found


def _made(
    tree: pathlib.Path,
    ordinary: File,
    site: BuildSite,
    archive: pathlib.Path,
    folder: pathlib.Path,
    below: str,
    tools: tuple[str, ...],
) -> tuple[Mapping[str, bytes], str]:
    """The members of the wheel that uses the tree in place, and its name."""
    folder.mkdir()
    with site.room() as room:
        attempt = build_wheel(archive, folder, room, subdirectory=below, tools=tools, hook="build_editable")
        if not attempt.done.ok:
            room.relay.refuse_failure()
    if not attempt.done.ok:
        raise attempt.done.refusal or build_failure(str(tree), attempt, room, own=True)
    if attempt.wheel is None:
        return _pointing(site.store.path(ordinary), tree), ordinary.file
    copy = folder / "source" / TOP / below
    return _moved(attempt.wheel, copy, tree), attempt.wheel.name


def _pointing(ordinary: pathlib.Path, tree: pathlib.Path) -> Mapping[str, bytes]:
    """The ordinary wheel with a way to the tree in place of its code."""
    with zipfile.ZipFile(ordinary) as wheel:
        info = {
            name: wheel.read(name)
            for name in wheel.namelist()
            if name.partition("/")[0].endswith(".dist-info")
        }
        stem = next(iter(info)).partition("-")[0]
    code = tree / "src" if (tree / "src").is_dir() else tree
    return {f"__editable__.{stem}.pth": f"{code}\n".encode(), **info}


def _moved(made: pathlib.Path, copy: pathlib.Path, tree: pathlib.Path) -> Mapping[str, bytes]:
    """The members of a wheel, with the tree's own place where they name the copy that it was made of."""
    with zipfile.ZipFile(made) as wheel:
        return {
            name: wheel.read(name).replace(str(copy).encode(), str(tree).encode())
            for name in wheel.namelist()
        }


def _write(file: pathlib.Path, members: Mapping[str, bytes]) -> None:
    """Write a wheel whose RECORD is right again."""
    record = next(name for name in members if name.endswith(".dist-info/RECORD"))
    lines = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name in sorted(set(members) - {record}):
            wheel.writestr(zipfile.ZipInfo(name, _EPOCH), members[name])
            digest = base64.urlsafe_b64encode(hashlib.sha256(members[name]).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(members[name])}\n")
        wheel.writestr(zipfile.ZipInfo(record, _EPOCH), "".join([*lines, f"{record},,\n"]))
