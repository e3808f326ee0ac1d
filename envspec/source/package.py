"""One source of a spec as the package that it became."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping

from packaging.requirements import Requirement

from envspec.lockfile.lock import SPEC_WHEEL, Artifact, File, LockedSource
from envspec.spec.model import digest_of
from envspec.spec.words import SourceWord, without_password
from envspec.supply.core_metadata import WheelMetadata


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SourcePackage:
    """One source as the package that it became."""

    word: SourceWord
    at: str
    """Key path of its word; empty for a member of a workspace that no word names."""
    metadata: WheelMetadata
    wheel: File
    """In the wheelhouse."""
    archive: File | None = None
    """What that was built from, where it is held by its contents."""
    requires: str | None = None
    """Of a tree: digest of what it requires."""
    commit: str | None = None
    """Of git."""
    tools: tuple[str, ...] = ()
    beside: Mapping[str, pathlib.Path] = dataclasses.field(default_factory=dict)
    """Folders of packages that its settings take from beside it, by name."""
    elsewhere: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Words for packages that its settings take from neither an index nor a folder of the spec's, by name."""

    @property
    def name(self) -> str:
        """Canonical."""
        return self.metadata.name

    @property
    def requirement(self) -> Requirement:
        """What the spec asks for of it, as a requirement by name."""
        return self.word.requirement(self.name)

    def locked(self, stage: str) -> LockedSource:
        """What a lock holds of it."""
        return LockedSource(
            name=self.name,
            stage=stage,
            at=self.at,
            path=self.word.place if self.word.kind == "tree" else None,
            requires=self.requires,
            commit=self.commit,
            word=revision_digest(self.word) if self.commit else None,
            tools=self.tools,
        )

    def artifact(self, stage: str) -> Artifact:
        """The artifact that it is installed from."""
        file = self.archive or self.wheel
        return Artifact(
            name=self.name,
            version=self.metadata.version,
            stage=stage,
            index=SPEC_WHEEL,
            wheel=self.wheel if self.archive else None,
            **file.model_dump(),
        )


def revision_digest(word: SourceWord) -> str:
    """By which a lock knows again which revision of which repository a word of git means."""
    return digest_of([without_password(word.place), word.revision])
