"""Where modules come from: the files of the packages, and what their syntax tells at once."""

from __future__ import annotations

import ast
import bisect
import dataclasses
import functools
import re
from collections.abc import Callable, Iterable

from envspec.proof.imports import hooks
from envspec.supply.wheel import Wheel

_SUFFIX = re.compile(r"\.(?:(?P<tag>cpython-\d+t?)[a-z]*(?:-[\w-]+)?|(?P<stable>abi3t?))?\.so$|\.so$")
LARGEST = 4 << 20
"""Bytes of a source file that is still read; generated tables beyond it hold no imports worth the time."""
_BINDINGS = 64 << 20
"""Bytes of a compiled file that may speak to Python; larger ones hold kernels."""
LARGE = 4 << 20
"""Bytes of all the Python of a package from which on bodies of its functions are read when they are called.

They are two thirds of its text, and hardly any is called by an import. A mistake of syntax in a body that is
not read stays unfound; so much code is not released without its makers having imported it.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Package:
    """One distribution of the set."""

    name: str
    """Normalised."""
    version: str
    files: tuple[str, ...]
    """Paths below site-packages."""
    read: Callable[[str], bytes]
    """The bytes of one of `files`. Raises `WheelError` for one that is larger than `LARGEST`, or damaged."""
    size: Callable[[str], int] = lambda _: 0
    """The bytes that one of `files` has, without reading it."""
    requires: tuple[str, ...] = ()
    """Normalised names of what it needs in this environment, extras that nobody asked for left out."""
    requested: bool = False
    """Whether the user named it, rather than another package."""
    top_level: tuple[str, ...] = ()
    commands: bool = False
    """Whether it brings commands or plug-ins (entry points)."""
    doors: tuple[str, ...] = ()
    """Modules that its commands begin with."""
    fills: Callable[[str, str], bool] = lambda _, __: False
    """Whether one file of its holds a module's name, as code that imports it by a text, and another name.

    Such code may give the module that name: machine code, or a function or class that is defined there.
    """
    large: bool = False
    """Whether bodies of functions are read only when they are called: see `LARGE`."""

    @classmethod
    def of_wheel(cls, wheel: Wheel, *, requires: Iterable[str] = (), requested: bool = False) -> Package:
        """The package of an open wheel, which must stay open as long as the package is used."""
        sizes = {entry.name: entry.size for entry in wheel.entries}

        def read(path: str) -> bytes:
            return wheel.read(wheel.library[path], limit=LARGEST)

        @functools.cache  # a set that fails asks again and again, and files may be large
        def fills(module: str, attribute: str) -> bool:
            compiled = [
                name
                for name in wheel.library.values()
                if ".so" in name and sizes[name] <= _BINDINGS and name not in wheel.lacks
            ]
            for name in sorted(compiled, key=sizes.__getitem__):
                with wheel.buffer(name) as content:
                    mentions = content.find(b"\0" + module.encode() + b"\0") >= 0
                    # Linkers let one string be the end of another.
                    if mentions and content.find(attribute.encode() + b"\0") >= 0:
                        return True
            written = re.compile(rb"[\"']" + re.escape(module.encode()) + rb"[\"']")
            defined = re.compile(
                rb"^[ \t]*(?:class|(?:async )?def)[ \t]+" + attribute.encode() + rb"\b", re.MULTILINE
            )
            texts = (
                wheel.read(name, limit=LARGEST) for name in wheel.library.values() if name.endswith(".py")
            )
            return any(written.search(text) and defined.search(text) for text in texts)

        return cls(
            name=wheel.metadata.name,
            version=wheel.metadata.version,
            files=tuple(wheel.library),
            read=read,
            size=lambda path: sizes[wheel.library[path]],
            fills=fills,
            requires=tuple(requires),
            requested=requested,
            top_level=wheel.top_level,
            commands=f"{wheel.dist_info}/entry_points.txt" in wheel,
            doors=_doors(wheel),
            large=wheel.python_bytes >= LARGE,
        )


def _doors(wheel: Wheel) -> tuple[str, ...]:
    """Modules that its programs begin with."""
    return tuple(dict.fromkeys(re.split(r"[:\[]", value)[0].strip() for value in wheel.scripts.values()))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where one module is."""

    package: Package | None
    """None for a folder that several packages share."""
    path: str
    kind: str
    """`source`, `compiled` or `folder` (a namespace package)."""
    is_package: bool


class Index:
    """All modules of all packages; of two files with one path the package installed last has its way."""

    def __init__(self, packages: Iterable[Package], python: str) -> None:
        """`python` such as `3.11` or `3.14t`; compiled modules for another one are left out."""
        self.origins: dict[str, Origin] = {}
        self.nested: set[str] = set()
        self.overwritten: dict[str, set[str]] = {}
        """Module to the packages whose file of it was overwritten by a later package."""
        self._compiled: dict[str, tuple[str, ...]] = {}
        self._tag = "cpython-" + python.replace(".", "")
        packages = tuple(packages)
        for package in packages:
            roots = _path_folders(package)
            for path in package.files:
                for root in roots:
                    if path.startswith(root):
                        self._add(package, path, path[len(root) :])
        self.hooked: set[str] = set()
        """Modules for which a package's import hook finds what no file tells."""
        for package in packages:
            for name in hooks.hooked(package):
                self._take_place(name, package)

    def _take_place(self, name: str, package: Package) -> None:
        """Let the files of a package be what its import hook makes of them: the module of this name."""
        own = hooks.stand_in(name, package, self.origins)
        if not own:
            self.hooked.add(name)
            return
        moved = {
            module: origin
            for module, origin in self.origins.items()
            if module == own or module.startswith(f"{own}.")
        }
        replaced = [each for each in self.origins if each == name or each.startswith(f"{name}.")]
        for module in (*replaced, *moved):
            self.origins.pop(module, None)
        self.origins |= {name + module[len(own) :]: origin for module, origin in moved.items()}

    def compiled(self, package: Package) -> tuple[str, ...]:
        """The compiled files of a package, as the modules that their names would make them."""
        if package.name not in self._compiled:
            self._compiled[package.name] = tuple(
                name
                for name, origin in self.origins.items()
                if origin.package is package and origin.kind == "compiled"
            )
        return self._compiled[package.name]

    def _add(self, package: Package, path: str, inside: str) -> None:
        kind, stem = self._kind(inside)
        if not kind:
            return
        *folders, last = stem.split("/")
        self.nested |= set(folders[1:]) | {last}
        for depth in range(1, len(folders) + 1):
            name = ".".join(folders[:depth])
            self.origins.setdefault(name, Origin(package=None, path="", kind="folder", is_package=True))
        is_package = last == "__init__"
        name = ".".join(folders if is_package else [*folders, last])
        if not all(part.isidentifier() for part in name.split(".")):
            return  # no statement can import it
        old = self.origins.get(name)
        fresh = Origin(package=package, path=path, kind=kind, is_package=is_package)
        if old and old.package and old.path == path and old.package is not package:
            self.overwritten.setdefault(name, set()).add(old.package.name)
        if old is None or _rank(fresh) >= _rank(old):
            self.origins[name] = fresh

    def _kind(self, path: str) -> tuple[str, str]:
        if path.endswith(".py"):
            return "source", path[:-3]
        match = _SUFFIX.search(path)
        if match and match["tag"] in (None, self._tag):
            return "compiled", path[: match.start()]
        return "", ""


def _rank(origin: Origin) -> int:
    """Python's own order within a folder: packages, compiled modules, sources, and plain folders last."""
    if origin.kind == "folder":
        return 0
    return 3 if origin.is_package else 2 if origin.kind == "compiled" else 1


def _path_folders(package: Package) -> list[str]:
    """Folders that `.pth` files of a package put on the path, site-packages itself first."""
    roots = [""]
    for path in package.files:
        if path.endswith(".pth") and "/" not in path:
            lines = package.read(path).decode("utf-8", "replace").splitlines()
            entries = [line.strip() for line in lines]
            roots += [
                f"{entry.strip('/')}/"
                for entry in entries
                if entry and not entry.startswith(("#", "import", "/", ".."))
            ]
    return roots


@dataclasses.dataclass(kw_only=True, slots=True)
class Syntax:
    """What the text of a module says about itself without being followed."""

    open: bool = False
    """Names may appear that no statement binds."""
    path: bool = False
    """It changes where its own submodules are looked up."""
    modules: bool = False
    """It puts modules into `sys.modules` or finders on `sys.meta_path`."""
    registered: set[str] = dataclasses.field(default_factory=set)
    """Module names that it puts there, as far as they stand in the text."""
    search: bool = False
    """It changes `sys.path`."""
    legacy_finder: int = 0
    """Line of an import hook that only old Pythons call; 0 without one."""


_MARKS = tuple(
    (word, re.compile(pattern))
    for word, pattern in (
        (b"globals", rb"globals\s*\("),
        (b"vars", rb"vars\s*\(\s*\)"),
        (b"exec", rb"exec\s*\("),
        (b".modules", rb"\.modules"),
        (b"modules", rb"(?<![\w.])modules\s*\["),
        (b"meta_path", rb"meta_path"),
        (b"__path__", rb"__path__"),
        (b"_getframe", rb"_getframe"),
        (b"__dict__.", rb"__dict__\.(?:update|setdefault)"),
        (b"sys.path", rb"sys\.path"),
        (b"find_module", rb"find_module"),
    )
)
"""Marks of dynamic code, each with a word that it holds: to look for a word is much quicker."""
_READING = frozenset({"keys", "get", "items", "values", "copy", "__contains__"})


def syntax(tree: ast.Module, lines: list[int]) -> Syntax:
    """Read the marks of dynamic code, which begin on these lines, off a tree."""
    if not lines:
        return Syntax()
    found = Syntax(legacy_finder=_legacy_finder(tree))
    queue: list[tuple[ast.AST, ast.AST, bool]] = [(child, tree, False) for child in tree.body]
    while queue:
        node, parent, inside = queue.pop()
        if not _covers(node, lines):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.open |= _makes_names(node, node.func.id, parent, inside=inside)
        elif isinstance(node, ast.Name) and node.id == "__path__":
            found.path = True
        elif isinstance(node, ast.Name) and node.id == "modules" and _from_sys(tree):
            _module_table_use(parent, found)
        elif isinstance(node, ast.Attribute):
            _attribute_use(node, parent, found)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            # These two answer for missing names, and are followed when one is asked for.
            if getattr(node, "name", "") in ("__getattr__", "__dir__"):
                continue
            inside = True
        queue += [(child, node, inside) for child in ast.iter_child_nodes(node)]
    return found


def marked_lines(text: bytes) -> list[int]:
    """The lines on which a mark of dynamic code begins, in order; most texts hold none of their words."""
    patterns = [pattern for word, pattern in _MARKS if word in text]
    if patterns and b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines: list[int] = []
    line, before = 1, 0
    for start in sorted(match.start() for pattern in patterns for match in pattern.finditer(text)):
        line += text.count(b"\n", before, start)
        before = start
        lines.append(line)
    return lines


def _covers(node: ast.AST, lines: list[int]) -> bool:
    """Whether a marked line belongs to a node; those without a place of their own may have one."""
    start: int | None = getattr(node, "lineno", None)
    if start is None:
        return True
    decorators = getattr(node, "decorator_list", None)
    if decorators:
        start = min(start, decorators[0].lineno)
    position = bisect.bisect_left(lines, start)
    return position < len(lines) and lines[position] <= (getattr(node, "end_lineno", None) or start)


def _legacy_finder(tree: ast.Module) -> int:
    """Line of an import hook that has `find_module` alone, which Python 3.12 no longer calls; else 0."""
    hooks = [
        (node.lineno, {item.name for item in node.body if isinstance(item, ast.FunctionDef)})
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    ]
    hooks = [(line, names) for line, names in hooks if names & {"find_module", "find_spec"}]
    return hooks[0][0] if hooks and not any("find_spec" in names for _, names in hooks) else 0


def _makes_names(node: ast.Call, function: str, parent: ast.AST, *, inside: bool) -> bool:
    """At the top level these are followed; inside of functions they may run or not."""
    if function in ("globals", "vars", "locals") and not node.args:
        return inside and function != "locals" and not _only_read(parent)
    if function == "setattr" and node.args:
        return any(
            isinstance(part, ast.Attribute) and part.attr == "modules" for part in ast.walk(node.args[0])
        )
    return function in ("exec", "execfile")


def _only_read(parent: ast.AST) -> bool:
    if isinstance(parent, ast.Subscript):
        return isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.Attribute):
        return parent.attr in _READING
    return isinstance(parent, ast.Compare)


def _attribute_use(node: ast.Attribute, parent: ast.AST, found: Syntax) -> None:
    if node.attr == "_getframe":
        found.open = True
    elif node.attr == "__dict__" and isinstance(parent, ast.Attribute):
        found.open |= parent.attr in ("update", "setdefault")
    elif isinstance(node.value, ast.Name) and node.value.id == "sys":
        if node.attr == "path":
            found.search |= isinstance(parent, ast.Attribute | ast.AugAssign | ast.Subscript)
        elif node.attr == "meta_path":
            found.modules = True
        elif node.attr == "modules":
            _module_table_use(parent, found)


def _from_sys(tree: ast.Module) -> bool:
    """Whether a module has `from sys import modules`."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "sys"
        and any(alias.name == "modules" and alias.asname is None for alias in node.names)
        for node in tree.body
    )


def _module_table_use(parent: ast.AST, found: Syntax) -> None:
    """`sys.modules[...] = ...` and its likes."""
    if isinstance(parent, ast.Subscript):
        key = parent.slice
        if not isinstance(parent.ctx, ast.Store):
            found.open |= isinstance(key, ast.Name)  # the module itself in another's hands
        elif isinstance(key, ast.Name) and key.id == "__name__":
            found.open = True  # something else stands in its place
        elif isinstance(key, ast.Constant) and isinstance(key.value, str):
            found.registered.add(key.value)
        else:
            found.modules = True
            found.open |= isinstance(key, ast.Name)  # which may be its own
    elif isinstance(parent, ast.Attribute):
        found.modules |= parent.attr in ("setdefault", "update", "__setitem__")
    else:
        found.modules |= isinstance(parent, ast.Call | ast.Assign)
