"""Files of the spec's folder that travel into an environment, as `[[copy]]` has them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from envspec.spec.part import Part
from envspec.spec.types import Line, Owner, RelativePath, bounded
from envspec.system.limits import PATH


def _goal(text: str) -> str:
    bounded("a path", text, PATH)
    if not text.strip("/") or ".." in text.split("/"):
        raise ValueError(f"{text!r} is no place for a copy: name a path without `..`")
    return text


class Copy(Part):
    """A file or folder of the spec's folder, copied into the environment."""

    source: RelativePath = Field(alias="from")
    """Below the spec's folder; `.` is all of it."""
    to: Annotated[Line, AfterValidator(_goal)]
    """Absolute, or below the folder that programs start in. With `/` at its end it is a folder that the file
    goes into."""
    owner: Owner | None = None
    """Name or number of a user, with a group's number where wanted; root if left out."""
    mode: Annotated[str, StringConstraints(pattern=r"^0?[0-7]{3,4}$")] | None = None
    """Of its files, octal, as in `"0644"`; folders may be entered by who may read them."""
    include: tuple[RelativePath, ...] = ()
    """Files that are copied although they are ignored or seem to hold secrets, each by its path below `from`.
    """
