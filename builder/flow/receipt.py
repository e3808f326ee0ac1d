"""Writes the receipt of a run that went well: all that it looked at, as it was when the run began."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from builder.flow.run import Run
from builder.values.models import plan_model_folders
from builder.values.outputs import is_lock
from builder.values.payload import payload_root
from builder.values.plan import Plan
from builder.values.receipt import RECEIPTS, REF, TooMuchError, contents_of, look, looks_of
from builder.values.tool import tool_digest
from builder.values.walk import CACHES, walk_folder
from envspec.lockfile import lock as lockfile
from envspec.source.ignored import DOCKER, GIT, GitIgnore, Ignored
from envspec.system.errors import EnvspecError
from envspec.system.home import tool_home
from envspec.system.kept import Kept
from envspec.system.limits import COPIED_FILES

_TICK = 0.02
"""Seconds by which dates of files may lag behind the clock: kernels date changes by their timer's ticks."""


class _NoneError(Exception):
    """There is no receipt for this run: the next one looks at everything again."""


def keep_receipt(run: Run, key: str, text: str, day: str, began: float) -> None:
    """Keep what a run looked at and said, under the key of its question, if another may be spared by it.

    `text` is the report as one that finds nothing to do would have it, but for its time; `day` says when it
    was made, `began` when the run began, in seconds since 1970: of what was changed since, nobody knows which
    state the run saw. What cannot be kept costs the next run time, and this one nothing.
    """
    if not _may_be_spared(run):
        return
    try:
        held = _looked_at(run, began)
        kept: Kept[dict[str, Any]] = Kept(tool_home() / RECEIPTS, dict[str, Any])
        kept.get(key)  # one that is damaged was passed over, and is named now
        kept.put(key, {**held, "text": text, "day": day})
    except (_NoneError, TooMuchError, OSError, EnvspecError):
        return


def as_unchanged(run: Run) -> Run:
    """The run as one that finds the environment as this one left it."""
    said = tuple(map(had_all, run.shipped.said)) if run.shipped is not None else ()
    built = run.report.environment
    found = dataclasses.replace(built, reused=True) if built is not None else None
    return dataclasses.replace(
        run, report=dataclasses.replace(run.report, environment=found, files=(), said=said, seconds={})
    )


def _may_be_spared(run: Run) -> bool:
    """Whether the same words may find nothing to do: nothing is written or sent, solved or tried anew."""
    asked = run.request
    anew = asked.fresh or asked.upgrade or asked.upgrade_packages or asked.rehearse
    gives = asked.report is not None or asked.shipping.output is not None or asked.shipping.push
    whole = run.environment is not None and run.report.sound
    ours = run.project.draft is None and not run.project.proposed
    return bool(whole and ours and not anew and not gives)


def _looked_at(run: Run, began: float) -> dict[str, Any]:
    """What the run looked at. Raises `_NoneError` where that cannot be told."""
    plan, lock = run.plan, run.lock
    if plan is None or lock is None or lock.gaps:
        raise _NoneError
    held = _Held(began=began - _TICK)
    held.file(run.project.file)
    held.lock_file(run)
    for place in _own_files(run):
        held.file(place)
    for top, apart in _folders(run, plan):
        held.folder(top, apart, run.project.folder)
    needs = {need for program in plan.programs for trial in program.trials for need in trial.needs}
    volumes = (each for one in plan.programs for each in one.volumes)
    for there in (*(_cards() if "gpu" in needs else ()), *volumes):
        held.there[there] = pathlib.Path(there).exists()
    if lock.base.host:
        held.file(pathlib.Path("/etc/ld.so.cache"))
    _environment(run, plan, held)
    return {
        "tool": tool_digest(),
        "files": held.files,
        "there": held.there,
        "folders": held.folders,
        "trees": held.trees,
        "blobs": held.blobs,
        "names": held.names,
        "silent": held.silent,
        "images": held.images,
    }


def _cards() -> tuple[str, ...]:
    from builder.inside.trial import CARDS  # it asks programs over HTTP

    return CARDS


@dataclasses.dataclass(kw_only=True)
class _Held:
    """What a receipt holds, while it is gathered."""

    began: float
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    there: dict[str, bool] = dataclasses.field(default_factory=dict)
    folders: list[Mapping[str, Any]] = dataclasses.field(default_factory=list)
    trees: list[str] = dataclasses.field(default_factory=list)
    blobs: dict[str, str] = dataclasses.field(default_factory=dict)
    names: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    silent: list[str] = dataclasses.field(default_factory=list)
    images: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)

    def file(self, place: pathlib.Path) -> None:
        """A file that was read, or looked for in vain."""
        self.files[str(place.absolute())] = contents_of(str(place))
        if self.files[str(place.absolute())] and place.stat().st_ctime > self.began:
            raise _NoneError

    def lock_file(self, run: Run) -> None:
        """The lock: the one that the run found, or wrote."""
        place, lock = run.project.lock_file, run.lock
        if str(place) not in run.report.files:
            self.file(place)
            return
        self.files[str(place.absolute())] = contents_of(str(place))
        found = lockfile.read_lock(place)
        if lock is None or found is None or found != lock.unbound:
            raise _NoneError

    def folder(self, top: pathlib.Path, apart: Iterable[str], spec: pathlib.Path) -> None:
        """A folder of which files go along, with what says which of them."""
        apart = sorted(apart)
        digest, newest = look(str(top), apart, CACHES)
        if newest > self.began:
            raise _NoneError
        self.folders.append({"top": str(top), "apart": apart, "names": sorted(CACHES), "digest": digest})
        self.file(spec / DOCKER)
        for place in (top, *top.parents):
            self.file(place / GIT)
            repository = self.there[str(place / ".git")] = (place / ".git").exists()
            if repository:
                break


def _own_files(run: Run) -> Iterator[pathlib.Path]:
    """Single files that the spec names by their paths."""
    folder = run.project.folder
    yield from (
        folder / copy.source for copy in run.project.spec.copies if not (folder / copy.source).is_dir()
    )
    for stage in run.project.spec.stage:
        yield from (folder / wheel.path for wheel in stage.wheels if wheel.path)
    for _, word in run.project.spec.sources.values():
        if word.kind == "file":
            yield folder / word.place


def _folders(run: Run, plan: Plan) -> Iterator[tuple[pathlib.Path, Iterable[str]]]:
    """Folders of which files go along, each with what of it stays at home whatever it holds."""
    folder, service = run.project.folder, run.project.spec.service
    if service is not None and service.source is not None:
        top = payload_root(service.source, folder)
        yield top, _apart(top, Ignored(folder, service.source), service.include)
    elif service is not None:
        yield payload_root(None, folder), ()
    for copy in run.project.spec.copies:
        top = (folder / copy.source).resolve()
        if top.is_dir():
            source = top.relative_to(folder.resolve()).as_posix()
            yield top, _apart(top, Ignored(folder, source), copy.include)
    for _, word in run.project.spec.sources.values():
        if word.kind == "tree":
            top = (folder / word.place).resolve()
            yield top, list(_ignored(top, ""))
    yield from ((place, ()) for place in plan_model_folders(plan, folder).values())


def _apart(top: pathlib.Path, rules: Ignored, include: tuple[str, ...]) -> list[str]:
    """What stays at home by its name, and by the rules: neither changes with what is in it."""
    found = walk_folder(top, rules, named=include, most=COPIED_FILES, place="service.source")
    return [path.rstrip("/") for path in (*found.ignored, *found.secrets)] + _locks(top)


def _locks(top: pathlib.Path) -> list[str]:
    return [each.name for each in top.iterdir() if is_lock(each.name)]


def _ignored(top: pathlib.Path, below: str, rules: GitIgnore | None = None) -> Iterator[str]:
    """What git ignores in a source tree."""
    rules = rules or GitIgnore(top)
    if not below:
        yield from _locks(top)
    for each in sorted((top / below).iterdir()):
        path = each.relative_to(top).as_posix()
        is_folder = each.is_dir() and not each.is_symlink()
        if is_folder and each.name in CACHES:
            continue
        if rules.ignores(path, is_folder=is_folder):
            yield path
        elif is_folder:
            yield from _ignored(top, path, rules)


def _environment(run: Run, plan: Plan, held: _Held) -> None:
    """What says that the environment stands. Raises `_NoneError` where that cannot be asked at once."""
    environment = run.environment
    if environment is None:
        raise _NoneError
    name = run.shipped.reference if run.shipped is not None else environment.reference
    match environment.backend:
        case "docker":
            _images(plan, (environment.reference, name), held)
        case "oci":
            _layout(name, held)
            if run.request.shipping.tag:
                _given(name, held)
        case "virtualenv":
            held.trees += [environment.reference, *([environment.folder] if environment.folder else [])]
            held.there[environment.python] = True
        case _:
            raise _NoneError
    if run.request.backend == "auto" and environment.backend != "docker" and not plan.base.host:
        held.silent.append(_address(held))


def had_all(line: str) -> str:
    """What is said of an image that an engine was given, by one that has it."""
    return re.sub(r"(?<=which had )\d+ of (?=(\d+) layers)", r"\1 of ", line)


def _given(name: str, held: _Held) -> None:
    """That the engine has the image that it was given, or that there is none. Raises `_NoneError`."""
    from builder.backends.docker import asking

    address = _address(held)
    try:
        found = asking.image_id(address, name)
    except asking.NoAnswerError:
        held.silent.append(address)
        return
    if found is None:
        raise _NoneError
    held.images.append((address, name, found))


def _images(plan: Plan, names: Iterable[str], held: _Held) -> None:
    """The images, and their base where that is one, as the engine has them; and what renders Dockerfiles."""
    from builder.backends.docker import asking
    from builder.backends.docker.dockerfile import template_file
    from builder.image.settings import base_reference

    address = _address(held)
    for name in (*names, base_reference(plan)):
        try:
            found = asking.image_id(address, name)
        except asking.NoAnswerError:
            found = None
        if found is None:
            raise _NoneError
        held.images.append((address, name, found))
    held.file(template_file())


def _address(held: _Held) -> str:
    """The engine's socket. Raises `_NoneError` where it is reached otherwise."""
    from builder.backends.docker.asking import plain_address, settings_file

    address = plain_address(os.environ)
    if address is None:
        raise _NoneError
    held.file(pathlib.Path(settings_file(os.environ)))  # it may name another engine any day
    return address


def _layout(name: str, held: _Held) -> None:
    """The image under its name in the tool's own layout, with all that belongs to it."""
    root = tool_home() / "oci"
    listed = json.loads((root / "index.json").read_bytes())["manifests"]
    named = [each["digest"] for each in listed if each.get("annotations", {}).get(REF) == name]
    if len(named) != 1:
        raise _NoneError
    held.names.append((str(root), name, named[0]))
    blobs = root / "blobs" / "sha256"
    manifest = blobs / named[0].removeprefix("sha256:")
    document = json.loads(manifest.read_bytes())
    parts = (document["config"], *document["layers"])
    places = [blobs / part["digest"].removeprefix("sha256:") for part in parts]
    held.blobs = {str(place): looks_of(str(place)) for place in (manifest, *places)}
