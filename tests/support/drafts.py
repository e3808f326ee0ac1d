"""Drafts of descriptions that a test writes down, and what must hold of each."""

from __future__ import annotations

import pathlib

from envspec.ingest import write
from envspec.ingest.draft import Draft, Wish
from envspec.ingest.read import read_description
from envspec.spec.load import parse_spec
from envspec.spec.model import Spec
from envspec.system.foreign import readable


def drafted(
    folder: pathlib.Path, text: str, name: str, *, python: str | None = "3.11", **others: str
) -> Draft:
    """The draft of a file in `folder`; `others` are files beside it, `__` in their names stands for a dot."""
    for other, content in others.items():
        place = folder / other.replace("__", ".")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return read_description(file, Wish(python=python, folder=folder))


def spec_of(draft: Draft) -> Spec:
    """The spec that a draft gives, which must be one, with each of its variants."""
    spec = parse_spec(write.spec_text(draft))
    for variant in spec.variant:
        spec.with_variant(variant)
    return spec


def words_of(draft: Draft) -> list[str]:
    """All that the stages of its spec install."""
    return [word for stage in spec_of(draft).stage for word in stage.install]


def left(draft: Draft) -> dict[str, str]:
    """What was not carried over, with why; each is in the notes of the spec."""
    found = {item.text: item.why for item in draft.items if not item.carried}
    notes = "\n".join(draft.notes)
    for item in draft.items:
        if not item.carried:
            assert readable(" ".join(item.text.split()))[:60] in notes, item
            assert not item.line or f"line {item.line}" in notes, item
    return found
