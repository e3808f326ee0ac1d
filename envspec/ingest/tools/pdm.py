"""`[tool.pdm]`: development groups, sources and overrides.

Source: https://pdm-project.org/latest/reference/pep621/ and .../usage/config/.
"""

from __future__ import annotations

from packaging.utils import canonicalize_name

from envspec.ingest.drafting import Drafting
from envspec.ingest.entries import Entries, Path
from envspec.ingest.indexes import add_index, bare_url, is_public, plain_url
from envspec.ingest.tools.steps import Steps

_TOP = ("tool", "pdm")


def read(entries: Entries, drafting: Drafting, steps: Steps) -> None:
    """Add what the table says. Raises `SpecError`."""
    for group in entries.table(*_TOP, "dev-dependencies"):
        for text, line in entries.texts(*_TOP, "dev-dependencies", group):
            step = steps.of(canonicalize_name(group))
            word = text
            if text.startswith("-e "):
                folder = text[3:].strip().removeprefix("file:///${PROJECT_ROOT}/").partition("#")[0]
                word, why = drafting.source(folder)
                if why:
                    drafting.leave(text, line, why)
                    continue
                word = f"-e {word}"
            drafting.require(step, word, line, shown=text)
    for number in range(len(entries.list(*_TOP, "source"))):
        path: Path = (*_TOP, "source", number)
        entry = entries.row(*path)
        url, name = str(entry.get("url", "")), str(entry.get("name", "source"))
        line, size = entries.line(*path), entries.size(*path)
        address, why = plain_url(url)
        if not why:
            drafting.index_names.setdefault(bare_url(address), name)
        kind = "links" if entry.get("type") == "find_links" else "extra"
        if not why and is_public(address):
            drafting.index_names.pop(bare_url(address), None)
        add_index(drafting, steps.main, kind, url, line, shown=f"source {name} {url}", size=size)
    for package in entries.table(*_TOP, "resolution", "overrides"):
        place: Path = (*_TOP, "resolution", "overrides", package)
        said = entries.text(*place)
        text = f"{package}{said}" if said[:1] in tuple("<>=!~") else f"{package}=={said}"
        word, why = drafting.accepted(text)
        if why or "://" in said:
            drafting.leave(f"override {package}", entries.line(*place), why or "names a file")
        else:
            drafting.overrides.append(word)
            drafting.carry(f"override {text}", entries.line(*place))
