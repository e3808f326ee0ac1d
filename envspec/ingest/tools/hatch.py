"""`[tool.hatch]`: environments as variants, and dependencies that its hook reads from files.

Source: https://hatch.pypa.io/latest/config/environment/overview/ and the hook hatch-requirements-txt.
"""

from __future__ import annotations

from packaging.utils import canonicalize_name

from envspec.ingest.drafting import Drafting
from envspec.ingest.entries import Entries
from envspec.ingest.tools.steps import Steps

_TOP = ("tool", "hatch")


def read(entries: Entries, drafting: Drafting, steps: Steps) -> None:
    """Add what the table says. Raises `SpecError`."""
    for name in entries.table(*_TOP, "envs"):
        for key in ("dependencies", "extra-dependencies"):
            for text, line in entries.texts(*_TOP, "envs", name, key):
                drafting.require(steps.of(f"hatch-{canonicalize_name(name)}"), text, line)
        for text, line in entries.texts(*_TOP, "envs", name, "features"):
            drafting.leave(
                f"envs.{name} feature {text}", line, "is a variant of its own: lay that over the spec"
            )
    entries.take(*_TOP, "metadata", "allow-direct-references")
    if entries.get(*_TOP, "metadata", "allow-direct-references") is not None:
        drafting.carry("allow-direct-references", entries.line(*_TOP, "metadata", "allow-direct-references"))


def requirement_files(entries: Entries, what: str) -> list[tuple[str, str, int | None]]:
    """The files from which its hook fills in dependencies: variant, file and line each."""
    hook = (*_TOP, "metadata", "hooks", "requirements_txt")
    if what == "dependencies":
        for key in ("files", "filename"):
            found = entries.get(*hook, key)
            if isinstance(found, str):
                entries.take(*hook, key)
                return [("", found, entries.line(*hook, key))]
            if found is not None:
                return [("", text, line) for text, line in entries.texts(*hook, key)]
        return []
    found_files: list[tuple[str, str, int | None]] = []
    for extra in entries.table(*hook, "optional-dependencies"):
        for text, line in entries.texts(*hook, "optional-dependencies", extra):
            found_files.append((canonicalize_name(extra), text, line))
    return found_files
