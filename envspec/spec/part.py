"""The form of every table that is read: frozen, and without room for unknown keys."""

from __future__ import annotations

import pydantic


class Part(pydantic.BaseModel):
    """A table of a spec or a lock: frozen, and without room for unknown keys."""

    # A table's checks are made with those of the whole that it belongs to, not once more for itself.
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", validate_default=True, defer_build=True)
