"""A project without a spec of its own: one made in memory of what somebody else described."""

from __future__ import annotations

import dataclasses
import pathlib

from builder.flow.base import image_digest, lock_base, lock_build_root, seen_libc
from builder.flow.project import IMAGE, Project
from builder.oci.image.contents import is_saved_image, read_contents
from envspec.ingest import image, read, write
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.drafting import Drafting
from envspec.lockfile.lock import Lock
from envspec.resolve.keep import Kept, keep_lock
from envspec.resolve.keeper import UnkeptError
from envspec.spec.load import parse_spec
from envspec.system.errors import UsageError
from envspec.system.progress import SILENT, Progress
from envspec.system.scratch import scratch_folder


def describe_place(place: pathlib.Path, wish: Wish) -> Draft:
    """The draft of a place. Raises `UsageError` where it names nothing to install, and as its reader does."""
    draft = drafted_place(place, wish)
    if not any(install.requirements for install in draft.installs):
        said = "".join(f"\n{note}" for note in draft.notes)
        raise UsageError(f"{place} names nothing that a spec could install{said}")
    return draft


def drafted_place(place: pathlib.Path, wish: Wish) -> Draft:
    """The draft of a place, which may be an image on disk, or one that an engine has by its name.

    Raises as readers of descriptions do, and `OutsideError` where an image cannot be read.
    """
    if str(place).startswith(IMAGE):
        from builder.backends.docker.engine import Engine  # it takes the SDK

        with scratch_folder("image") as folder:
            name = str(place).removeprefix(IMAGE)
            Engine().save(name, folder / "image.tar")
            return _of_image(folder / "image.tar", name, wish)
    return _of_image(place, place.name, wish) if is_saved_image(place) else read.read_description(place, wish)


def _of_image(place: pathlib.Path, label: str, wish: Wish) -> Draft:
    contents = read_contents(place, image.describes_image)
    drafting = Drafting(pathlib.Path(label), wish, name=contents.short_name or label)
    return image.draft_image(drafting, contents.settings, contents.files)


def described_project(place: pathlib.Path, variant: str | None, *, offline: bool = False) -> Project:
    """The project that `envspec init` would make of a description. Raises as `describe_place` does."""
    folder = read.folder_of(place)
    draft = describe_place(place, Wish(folder=folder))
    text = write.spec_text(draft)
    spec = parse_spec(text, name=f"the spec made of {place}", variant=variant)
    file = place / draft.file if place.is_dir() else place
    return Project(file=file, spec=spec, variant=variant, offline=offline, draft=draft, text=text)


def kept_lock(project: Project, draft: Draft, progress: Progress = SILENT, *, builds: bool = True) -> Kept:
    """The lock of a project with the versions and digests that its description holds.

    Without `builds` nothing of the project is run: its sources are held open.

    Raises `UnkeptError` where those are not all that the spec needs, and as `keep_lock` does.
    """
    if not draft.pins or project.variant is not None:
        raise UnkeptError("it does not hold versions with their digests")
    sources = project.sources(fresh=True, progress=progress)
    kept = keep_lock(
        project.spec,
        sources,
        project.store,
        draft.pins,
        by=write.name_of(draft.pinned_by),
        image_digest=image_digest(project),
        libc=seen_libc(project),
        builds=builds,
        progress=progress,
    )
    lock = lock_build_root(lock_base(kept.lock, project, progress), sources.build_root, progress)
    return dataclasses.replace(kept, lock=lock)


def kept_where_possible(project: Project, draft: Draft, progress: Progress, *, locked: bool) -> Lock | None:
    """The kept lock, without gaps; None, with a note, where it cannot be kept and others may be found.

    Raises `UnkeptError` where nothing but what is `locked` will do, and as `Project.completed` does.
    """
    try:
        kept = kept_lock(project, draft, progress)
        for note in kept.notes:
            progress.note(f"{draft.pinned_by}: {note}")
        return project.completed(kept.lock, progress)
    except UnkeptError as error:
        if locked:
            raise
        progress.note(f"the versions that {draft.pinned_by} holds are not kept: {error.message}")
        return None
