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
from envspec.source.backend import BuildRoom, build_wheel
from envspec.source.failures import build_failure
from envspec.source.trees import TOP, pack_tree
from envspec.spec.target import Target
from envspec.supply.pip_settings import PipSettings
from envspec.supply.relay import relay_for
from envspec.supply.wheel import Wheel
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.interpreter import find_interpreter
from envspec.system.progress import SILENT, Progress
from envspec.system.scratch import scratch_folder

_COMPILED = (".so", ".pyd")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def editable_wheel(
    tree: pathlib.Path,
    ordinary: File,
    *,
    within: pathlib.Path,
    store: Wheelhouse,
    target: Target,
    machine: PipSettings,
    offline: bool = False,
    progress: Progress = SILENT,
) -> File:
    """The wheel that uses the tree in place.

    `ordinary` is the one that was built of it, which stays where code is compiled: no edit of such code would
    count without a build. `within` is the spec's folder. Raises `BuildError` and `OutsideError`.
    """
    with Wheel(store.path(ordinary)) as opened:
        if any(entry.name.endswith(_COMPILED) for entry in opened.entries):
            progress.note(f"{ordinary.file} holds compiled code: it is installed as it is, not in place")
            return ordinary
    with scratch_folder("editable") as folder:
        archive = folder / "source.tar"
        pack_tree(tree, archive, within=within)
        (folder / "build").mkdir()
        python = find_interpreter(target.python, target.patch)
        with relay_for(machine) as relay:
            room = BuildRoom(python=python, relay=relay, offline=offline)
            attempt = build_wheel(archive, folder / "build", room, hook="build_editable")
            if not attempt.done.ok:
                relay.refuse_failure()
        if not attempt.done.ok:
            raise attempt.done.refusal or build_failure(str(tree), attempt, own=True)
        copy = folder / "build" / "source" / TOP
        made = attempt.wheel
        members = _pointing(store.path(ordinary), tree) if made is None else _moved(made, copy, tree)
        file = folder / (ordinary.file if made is None else made.name)
        _write(file, members)
        return store.add(file)


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
