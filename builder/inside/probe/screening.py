"""Tells cheaply, from its text, whether a file is worth reading: most use nothing that could be missing."""

from __future__ import annotations

import re

from ..names import absolute_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable, Iterator

IMPORT = re.compile(r"^[ \t]*import[ \t]+([^\n#;]+)", re.MULTILINE)
FROM = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n#;]+)", re.MULTILINE)
BASES = re.compile(r"^[ \t]*class[ \t]+\w+[ \t]*\(([\w., \t\n]+)", re.MULTILINE)
LOOP = re.compile(r"\bfor\s+(\w+)\s+in\s+[(\[]?\s*([\w.]+(?:\s*,\s*[\w.]+)+)")
ALIASED = re.compile(r"([\w.]+)(?:\s+as\s+(\w+))?")


def aliases(text: str, tops: Callable[[str], bool]) -> dict[str, set[tuple[str, ...]]]:
    """Names of a file with the dotted paths that they may stand for, where `tops` knows the first part."""
    found = {}  # type: dict[str, set[tuple[str, ...]]]

    def add(name: str, chain: tuple[str, ...]) -> None:
        if tops(chain[0]):
            found.setdefault(name, set()).add(chain)

    for match in IMPORT.finditer(text):
        for part in match.group(1).split(","):
            named = ALIASED.match(part.strip())
            if named:
                chain = tuple(named.group(1).split("."))
                add(named.group(2) or chain[0], chain if named.group(2) else chain[:1])
    for match in FROM.finditer(text):
        module = tuple(match.group(1).split("."))
        for part in match.group(2).strip("()").split(","):
            named = ALIASED.match(re.sub(r"#[^\n]*", "", part).strip())
            if named:
                add(named.group(2) or named.group(1), (*module, named.group(1)))
    for match in LOOP.finditer(text):
        for part in match.group(2).split(","):
            head, *rest = part.strip().split(".")
            for chain in list(found.get(head, ())):
                add(match.group(1), (*chain, *rest))
    return found


def chains(text: str, names: dict[str, set[tuple[str, ...]]]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Dotted paths that a file spells, each with whether it is called; what it imports among them."""
    if not names:
        return
    for targets in names.values():
        for target in targets:
            yield target, False
    words = "|".join(re.escape(name) for name in names)
    spelled = re.compile(r"(?<![\w.])(%s)((?:\.[A-Za-z_]\w*)*)(\()?" % words)
    seen: set[tuple[str | None, ...]] = set()
    for match in spelled.finditer(text):
        if match.groups() in seen:
            continue
        seen.add(match.groups())
        name, rest, call = match.groups()
        for target in names[name]:
            yield (*target, *rest.split(".")[1:]), bool(call)


def bases(text: str) -> Iterator[str]:
    """What classes of a file are made from, as it is spelled."""
    for match in BASES.finditer(text):
        for part in match.group(1).split(","):
            yield part.strip()


def mentions_import(package: str, module: str, texts: Iterable[str]) -> bool:
    """Whether one of these files may import `module` of `package`, in whatever function or by its name."""
    whole = re.escape(package + "." + module)
    quoted = r"[\"']%s[\"'.]" % whole
    named = r"^[ \t]*(?:import[ \t][^\n]*\b%s\b|from[ \t]+%s\b)" % (whole, whole)
    taken = r"^[ \t]*from[ \t]+%s[ \t]+import[ \t]*(?:\([^)]*|[^\n#;]*)\b%s\b" % (
        re.escape(package),
        re.escape(module),
    )
    spelled = re.compile("%s|%s|%s" % (quoted, named, taken), re.MULTILINE)
    return any(module in text and spelled.search(text) is not None for text in texts)


def imported(text: str, package: str) -> set[str]:
    """Modules, with their parents, that a file imports at its left margin; what may be one included."""
    found = set()  # type: set[str]
    for match in re.finditer(r"^import[ \t]+([^\n#;]+)", text, re.MULTILINE):
        found.update(part.split()[0] for part in match.group(1).split(",") if part.strip())
    for match in re.finditer(
        r"^from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]*(\([^)]*\)|[^\n#;]+)", text, re.MULTILINE
    ):
        dots, name, names = match.groups()
        module = absolute_module(package, len(dots), name)
        if module is None:
            continue
        found.add(module)
        words = re.sub(r"#[^\n]*", "", names).strip("()").split(",")
        found.update(module + "." + word.split()[0] for word in words if word.strip())
    parents = {name.rpartition(".")[0] for name in found}
    return found | parents
