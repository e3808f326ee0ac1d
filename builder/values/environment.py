"""What a backend built: a reference, a digest, and how a command is run in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """A built environment."""

    backend: str
    reference: str
    """How a person finds it: a folder, or the name of an image."""
    digest: str
    """Digest of the plan it was built from."""
    python: str
    """Path of the interpreter, as seen inside."""
    payload: str | None
    """Folder of the payload's code, as seen inside."""
    reused: bool
    """Whether it stood already and nothing had to be done."""
    folder: str | None = None
    """Folder that commands start in, as seen inside, where it is another than that of the payload's code."""
    contents: str = ""
    """Digest of what the judge looks at: everything but the payload. Empty where nobody can tell."""
    foreign: str = ""
    """The processor that it is for, where that is none of this machine's: nothing in it can be run here."""
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Environment variables that commands inside get."""
