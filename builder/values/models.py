"""Models that travel with a payload: where they stand on this machine, and what was locked of them.

A model is named in `[service] models` by its id at ModelScope, `owner/name`, or by a folder of the spec's,
`./voices/mine`. Nothing is downloaded: an id is looked for where ModelScope's own library keeps downloads.
"""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator, Mapping

from builder.values.copied import name_files, read_file
from builder.values.plan import Plan
from envspec.lockfile.lock import Lock, LockedModel
from envspec.spec.model import Service, digest_of
from envspec.spec.part import Part
from envspec.system.errors import THE_SPEC, FindingsError, OutsideError, Problem, SpecError
from envspec.system.home import tool_home
from envspec.system.kept import Kept


def model_folder(entry: str, folder: pathlib.Path) -> pathlib.Path:
    """The folder of a model; `folder` is the spec's.

    Raises `SpecError` for a folder that is not there, `OutsideError` for an id that was not downloaded.
    """
    if entry.startswith("./"):
        place = (folder / entry).resolve()
        if not place.is_relative_to(folder.resolve()) or not place.is_dir():
            problem = Problem(path="service.models", message=f"{entry!r} is no folder of the spec's")
            raise SpecError(THE_SPEC, (problem,))
        return place
    for place in _downloads(entry):
        if place.is_dir():
            return place.resolve()
    raise OutsideError(
        f"model {entry} is not on this machine",
        hint=f"`modelscope download --model {entry}` brings it; a folder of the spec's is named ./FOLDER",
    )


def _downloads(entry: str) -> Iterator[pathlib.Path]:
    """Where ModelScope's library keeps a model.

    Source: `modelscope/hub/utils/caching.py` and `utils/utils.py`; since 1.19 there is a folder `models`
    between, and dots in names become three underscores.
    """
    top = pathlib.Path(os.environ.get("MODELSCOPE_CACHE") or pathlib.Path.home() / ".cache" / "modelscope")
    for above in (top / "hub", top / "hub" / "models", top / "models", top):
        yield above / entry
        yield above / entry.replace(".", "___")


def model_name(entry: str) -> str:
    """What the model is called in the image: `owner/name`, the last two parts of a folder."""
    parts = entry.removeprefix("./").split("/")
    return "/".join(parts[-2:]) if len(parts) > 1 else f"local/{parts[0]}"


class ModelContents(Part):
    """What a model's folder holds."""

    files: Mapping[str, str]
    """The sha256 of each file by its path below the folder, in order."""
    left_out: tuple[str, ...]
    """Files that stay at home because they hold secrets; folders end with `/`."""


def model_files(place: pathlib.Path) -> Iterator[tuple[str, pathlib.Path]]:
    """Path below the model and file, in order. Raises as `read_model`."""
    for path in read_model(place).files:
        yield path, place / path


def read_model(place: pathlib.Path) -> ModelContents:
    """What is part of a model; what did not change on disk since is not read again.

    Hidden files are a downloader's notes and no part of it. Raises `OutsideError` for what cannot be read.
    """
    named = name_files(place)
    there = {path: place / path for path in named.files if (place / path).is_file()}
    seen = [
        (path, (stat := file.stat()).st_size, stat.st_mtime_ns, stat.st_ino) for path, file in there.items()
    ]
    kept: Kept[ModelContents] = Kept(tool_home() / "models", ModelContents)
    key = digest_of(["contents", seen, named.left_out]).removeprefix("sha256:")
    return kept.get_or_make(key, lambda: _read(there, named.left_out))


def _read(there: Mapping[str, pathlib.Path], left_out: tuple[str, ...]) -> ModelContents:
    read = {path: read_file(file) for path, file in there.items()}
    private = [path for path, contents in read.items() if contents.private]
    return ModelContents(
        files={path: contents.sha256 for path, contents in read.items() if not contents.private},
        left_out=tuple(sorted([*left_out, *private])),
    )


def lock_models(service: Service | None, folder: pathlib.Path) -> tuple[LockedModel, ...]:
    """What a lock has to hold of the models as they stand on disk now. Raises as `source`."""
    entries = service.models if service else ()
    found = tuple(_locked(entry, model_folder(entry, folder)) for entry in entries)
    names = [model.name for model in found]
    if twice := sorted({each for each in names if names.count(each) > 1}):
        problem = Problem(path="service.models", message=f"two of them would stand at {twice[0]}")
        raise SpecError(THE_SPEC, (problem,))
    return found


def _locked(entry: str, place: pathlib.Path) -> LockedModel:
    there = read_model(place).files
    if not there:
        problem = Problem(path="service.models", message=f"{entry!r} has no files")
        raise SpecError(str(place), (problem,))
    size = sum((place / path).stat().st_size for path in there)
    digest = digest_of([[path, sha256] for path, sha256 in there.items()])
    return LockedModel(name=model_name(entry), digest=digest, size=size)


def settle_models(
    held: Lock, service: Service | None, folder: pathlib.Path, *, fresh: bool, may_add: bool
) -> Lock:
    """The lock with the models of the spec: of a `fresh` one they are added, of another they are compared.

    Raises `FindingsError` for a model that is not the one that was locked, and, unless it `may_add` what the
    spec names since, for one that the lock does not know.
    """
    found = lock_models(service, folder)
    known = {model.name: model for model in held.models}
    for model in () if fresh else found:
        if model.name in known and model != known[model.name]:
            raise FindingsError(
                f"model {model.name} is not the one that was locked",
                (),
                hint="bring the locked one back; or, if the change is meant, run `envspec lock --upgrade`",
            )
    if found == held.models:
        return held
    if not (fresh or may_add):
        raise FindingsError(
            "the lock holds other models than the spec names", (), hint="run `envspec lock` and commit it"
        )
    return held.model_copy(update={"models": found})


def copy_models(plan: Plan, folder: pathlib.Path, place: pathlib.Path) -> None:
    """Put the plan's models below `place`, linked where everybody may read them. Raises as `source`."""
    for each, model in plan_model_folders(plan, folder).items():
        for path, file in model_files(model):
            target = place / each / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.stat().st_mode & 0o444 == 0o444 and not file.is_symlink():
                try:
                    target.hardlink_to(file)
                    continue
                except OSError:  # another disk
                    pass
            shutil.copy2(file, target)
            target.chmod(0o644)


def plan_model_folders(plan: Plan, folder: pathlib.Path) -> Mapping[str, pathlib.Path]:
    """Folder on this machine of each of the plan's models. Raises as `source`."""
    return model_folders(plan.service.models if plan.service else (), folder)


def model_folders(entries: Iterable[str], folder: pathlib.Path) -> Mapping[str, pathlib.Path]:
    """Folder on this machine of each model that a spec names. Raises as `source`."""
    return {model_name(entry): model_folder(entry, folder) for entry in entries}


def model_variables(plan: Plan, place: str) -> dict[str, str]:
    """By which settings the speech service finds the models below `place`; the spec's own variables win."""
    if not plan.models:
        return {}
    return {"TTS_MODELS_DIR": place, "TTS_MODELS": ",".join(model.name for model in plan.models)}


def local_model_variables(plan: Plan, folder: pathlib.Path) -> dict[str, str]:
    """The same for an environment that is not an image: the models stay where they are."""
    found = plan_model_folders(plan, folder).values()
    return {"TTS_MODELS": ",".join(map(str, found))} if found else {}
