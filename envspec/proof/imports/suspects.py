"""Modules whose text names what another package of the set does not have: they are worth following."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence

from envspec.proof.imports.frame import Frame
from envspec.proof.imports.interpreter import Interpreter
from envspec.proof.imports.source import LARGEST, Package
from envspec.proof.imports.values import Raised

FEW = 3
"""Modules of its package that a failing one must take down, to be more than a corner of it."""
PROVIDERS_BYTES = 2 << 20
"""Bytes of source of other packages that are read for this alone."""

_FROM = re.compile(rb"^([ \t]*)from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n#;]+)", re.MULTILINE)
_IMPORT = re.compile(rb"^import[ \t]+([\w.]+)(?:[ \t]+as[ \t]+(\w+))?[ \t]*(?:#[^\n]*)?$", re.MULTILINE)
_NAMED = re.compile(rb"(\w+)(?:\s+as\s+\w+)?\s*(?:,|$)")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """What the text of one module imports and names."""

    eager: frozenset[str]
    """What an import of it imports, as far as its left margin tells; what may be modules included."""
    uses: frozenset[tuple[str, str]]
    """Names that it takes from modules."""


class Suspects:
    """The modules of one package by their texts, those after the first `read` not having been followed."""

    def __init__(self, interpreter: Interpreter, package: Package, names: Sequence[str], read: int) -> None:
        self._interpreter = interpreter
        self.providers = required(package, interpreter.modules.packages)
        """Packages that it requires, or that those require which it does."""
        self._tops = {
            name.partition(".")[0]
            for name, origin in interpreter.modules.index.origins.items()
            if origin.package is not None and origin.package.name in self.providers
        }
        origins = interpreter.modules.index.origins
        self._texts: dict[str, Text] = {}
        for name in names if self._tops else ():
            origin = origins[name]
            if origin.package is not None and package.size(origin.path) <= LARGEST:
                self._texts[name] = self._read(name, origin.package.read(origin.path))
        self._left = names[read:]
        self._limit = interpreter.parser.read_bytes + PROVIDERS_BYTES

    def __iter__(self) -> Iterator[str]:
        """Those that name what seems to be missing."""
        for name in self._left:
            text = self._texts.get(name)
            if text and any(self._misses(module, attribute) for module, attribute in sorted(text.uses)):
                yield name

    def takes_down(self, module: str) -> bool:
        """Whether several modules cannot be imported without this one."""
        taken, grown = {module}, True
        while grown and len(taken) <= FEW:
            more = {name for name, text in self._texts.items() if name not in taken and text.eager & taken}
            grown = bool(more)
            taken |= more
        return len(taken) > FEW

    def _read(self, name: str, text: bytes) -> Text:
        eager: set[str] = set()
        uses: set[tuple[str, str]] = set()
        for indent, source, listed in _FROM.findall(text):
            words = re.sub(rb"#[^\n]*", b"", listed).strip(b"() \t\n").replace(b"\n", b" ")
            level = len(source) - len(source.lstrip(b"."))
            module = self._interpreter.modules.absolute(source.lstrip(b".").decode(), level, name)
            names = [found.decode() for found in _NAMED.findall(words)]
            if not indent:
                eager |= {module, *(f"{module}.{each}" for each in names)}
            if module.partition(".")[0] in self._tops and not level:
                uses |= {(module, each) for each in names}
        for module_bytes, alias in _IMPORT.findall(text):
            module = module_bytes.decode()
            eager.add(module)
            if module.partition(".")[0] in self._tops and (alias or "." not in module):
                attributes = re.findall(rb"(?<![\w.])%s\.([A-Za-z_]\w*)" % (alias or module_bytes), text)
                uses |= {(module, each.decode()) for each in attributes}
        return Text(eager=frozenset(eager), uses=frozenset(uses))

    def _misses(self, module: str, attribute: str) -> bool:
        """Whether a module of another package seems to lack a name; one that was not read yet is read."""
        interpreter = self._interpreter
        modules = interpreter.modules
        if attribute.startswith("__") or f"{module}.{attribute}" in modules.index.origins:
            return False
        if module not in modules.states:
            if module not in modules.index.origins:
                return modules.index.origins.get(module.rpartition(".")[0]) is not None
            if interpreter.parser.read_bytes > self._limit or interpreter.failure(module) is not None:
                return False
        state = modules.states[module]
        if state.kind != "source" or state.failure is not None or attribute in state.names:
            return False
        try:
            interpreter.names.module_attribute(state, attribute, Frame(module="", scopes=[{}]))
        except Raised:
            return True
        return False


def required(package: Package, packages: Iterable[Package]) -> frozenset[str]:
    """The names of all packages without which one cannot be there, its own left out."""
    by_name = {each.name: each for each in packages}
    found: set[str] = set()
    todo = list(package.requires)
    while todo:
        name = todo.pop()
        if name not in found and name != package.name:
            found.add(name)
            todo += by_name[name].requires if name in by_name else ()
    return frozenset(found)
