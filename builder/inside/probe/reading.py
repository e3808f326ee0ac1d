"""Reads one Python file: which names of which modules it uses, where, and whether it has a way out."""

# ruff: noqa: N802, N815 (the names of `ast.NodeVisitor`)

from __future__ import annotations

import ast
import contextlib
import re

from ..names import absolute_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Sequence

ANY = {"", "Exception", "BaseException"}
CAUGHT = {
    "name": ANY | {"AttributeError"},
    "import": ANY | {"ImportError", "ModuleNotFoundError"},
    "call": ANY | {"TypeError"},
}
"""Handlers behind which a missing name, a failing import or a refused argument may be expected."""
DOUBT = re.compile(
    r"version|major|minor|hasattr|getattr|type_checking|platform|compat|has_|have|avail|support|py[23]|^sys$"
    r"|lt_|_lt|ge_|_ge"
    r"|_gt|legacy|deprec|np\d|use_|is_|backend|^os$|\d",
    re.IGNORECASE,
)
"""Words of a condition that may ask whether a name is there."""
CONSTANT = re.compile(r"^_?[A-Z][A-Z0-9_]{2,}$")
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
TRIES = {getattr(ast, name) for name in ("Try", "TryStar") if hasattr(ast, name)}
BINDERS = {
    getattr(ast, name)
    for name in (
        "Import", "ImportFrom", "FunctionDef", "AsyncFunctionDef", "ClassDef", "ExceptHandler", "MatchAs",
        "MatchStar",
    )
    if hasattr(ast, name)
}  # fmt: skip
"""Nodes that bind names, besides names themselves."""


class Use:
    """One use of something that a module is expected to have."""

    def __init__(
        self, kind: str, chain: tuple[str, ...], line: int, deep: bool, keywords: list[str] | None
    ) -> None:
        self.kind = kind
        """`name`, `import` (by `from`) or `call`."""
        self.chain = chain
        """Dotted path from the top-level module on."""
        self.line = line
        self.deep = deep
        """Whether it stands in a function, so that it runs only when that is called."""
        self.keywords = keywords
        """Names of arguments where it is called, else None."""
        self.doubted = False
        """Whether it depends on a condition that may ask for it."""
        self.taken = 0
        """How many parts of the path an import statement takes, which is a use of its own."""
        self.either = ""
        """The module's name for those parts, where its branches decide what the name stands for."""
        self.given = 0
        """How many arguments it is called with by their place; 0 where that is not known."""
        self.function = 0
        """Which function of the file it stands in."""
        self.sure = False
        """Whether it runs at every call of its function, whatever comes: under no condition, in no loop."""
        self.raised = False
        """Whether it stands in what a function raises: with it or without, the call ends in an error."""
        self.asked = ()  # type: tuple[str, ...]
        """Words of the conditions around it, and the names of the functions and classes that it stands in."""


class SourceReader:
    """Collects the uses of a module that have no way out. `package` resolves relative imports.

    `live` are the first lines of functions that the module is known to have: what led to their definition,
    such as an import that fails, says nothing of what comes of their calls.
    """

    def __init__(self, package: str, wanted: Any, live: frozenset[int] = frozenset()) -> None:
        self.package = package
        self.wanted = wanted
        self.live = live
        self.uses = []  # type: list[Use]
        self.calls = []  # type: list[tuple[tuple[str, ...], int, list[str], int]]
        self.builds = []  # type: list[tuple[str, int, list[str], int]]
        """Calls of `super().__init__`: the class, the line, the names of arguments and how many by place."""
        self.uncopied = []  # type: list[tuple[tuple[str, ...], int, str]]
        """Calls with `copy=False`: what is called, the line, and the name of what may not be copied."""
        self.classes = []  # type: list[str]
        self.stored = {}  # type: dict[tuple[str, ...], list[tuple[int, int]]]
        """What the file itself puts into others: the function and the line of each place."""
        self.imports = []  # type: list[str]
        self.looped = set()  # type: set[str]
        """Names that a loop gives one thing after the other, so that all of them are used."""
        self.scopes = []  # type: list[dict[str, list[Any]]]
        self.guards = dict.fromkeys(CAUGHT, 0)
        self.doubts = 0
        self.raises = 0
        self.branches = 0
        self.asked = []  # type: list[str]
        self.depth = 0
        self.function = 0

    def read_module(self, tree: ast.Module) -> None:
        """Go through a whole module."""
        scope = bindings(tree, self)
        scope.update(set_later(tree, scope, self.package))
        self.scopes.append(scope)
        self.block(tree.body)
        self.scopes.pop()

    def block(self, body: list[Any]) -> None:
        """Statements in order; after an `if` that asks and leaves, the rest has a way out."""
        doubts = branches = 0
        for node in body:
            self.visit(node)
            if isinstance(node, ast.If) and leaves(node.body):
                branches += 1
                self.branches += 1
                if any(map(is_doubt, words_of(node.test))):
                    doubts += 1
                    self.doubts += 1
        self.doubts -= doubts
        self.branches -= branches

    def guard(self, doubt: bool, by: int = 1) -> None:
        """What follows has a way out, whatever goes wrong (or no longer, by -1)."""
        for kind in self.guards:
            self.guards[kind] += by * doubt

    def visit(self, node: Any) -> None:
        """One node, by its kind."""
        kind = type(node)
        if kind not in VISITS:
            VISITS[kind] = getattr(SourceReader, "visit_" + kind.__name__, SourceReader.children)
        VISITS[kind](self, node)

    def children(self, node: Any) -> None:
        """Everything below a node."""
        for field in fields(type(node)):
            value = getattr(node, field, None)
            if isinstance(value, list):
                if value and isinstance(value[0], ast.stmt):
                    self.block(value)
                else:
                    for each in value:
                        if isinstance(each, ast.AST):
                            self.visit(each)
            elif isinstance(value, ast.AST):
                self.visit(value)

    def visit_Try(self, node: Any) -> None:
        names = {name for handler in node.handlers for name in caught(handler)}
        kinds = [kind for kind, expected in CAUGHT.items() if names & expected]
        self.branches += 1
        for kind in kinds:
            self.guards[kind] += 1
        self.block(node.body)
        for handler in node.handlers:
            self.guard(bool(kinds))
            self.block(handler.body)
            self.guard(bool(kinds), -1)
        self.block(node.orelse)
        for kind in kinds:
            self.guards[kind] -= 1
        self.branches -= 1
        self.block(node.finalbody)

    visit_TryStar = visit_Try

    def visit_If(self, node: Any) -> None:
        self._either(node, [node.body, node.orelse])

    def visit_While(self, node: Any) -> None:
        self._either(node, [node.body, node.orelse])

    def _either(self, node: Any, blocks: list[list[Any]]) -> None:
        with self.asking(node.test):
            self.visit(node.test)
            self.branches += 1
            for block in blocks:
                self.block(block)
            self.branches -= 1

    def visit_For(self, node: Any) -> None:
        self.visit(node.target)
        self.visit(node.iter)
        self.branches += 1
        self.block(node.body)
        self.block(node.orelse)
        self.branches -= 1

    visit_AsyncFor = visit_For

    def visit_IfExp(self, node: Any) -> None:
        with self.asking(node.test, nested=True):
            self.children(node)

    def visit_BoolOp(self, node: Any) -> None:
        with self.asking(*node.values, nested=True):
            self.children(node)

    @contextlib.contextmanager
    def asking(self, *tests: Any, nested: bool = False) -> Iterator[None]:
        """What depends on conditions: doubtful where they may ask for it, and named by their words."""
        words = [word for test in tests for word in words_of(test)]
        doubt = any(map(is_doubt, words))
        known = len(self.asked)
        self.doubts += doubt
        self.asked += map(str.lower, words)
        self.branches += nested
        yield
        self.branches -= nested
        self.doubts -= doubt
        del self.asked[known:]

    def visit_With(self, node: Any) -> None:
        names = [last_name(item.context_expr) for item in node.items]
        doubt = any(name in ("suppress", "raises", "warns", "skip", "catch") for name in names)
        self.guard(doubt)
        self.children(node)
        self.guard(doubt, -1)

    visit_AsyncWith = visit_With

    def visit_FunctionDef(self, node: Any) -> None:
        for each in [*node.decorator_list, *node.args.defaults, *[d for d in node.args.kw_defaults if d]]:
            self.visit(each)
        around = self.guards, self.doubts
        if not self.depth and min([node.lineno, *[each.lineno for each in node.decorator_list]]) in self.live:
            self.guards, self.doubts = dict.fromkeys(CAUGHT, 0), 0
        self.inner(node, node.body)
        self.guards, self.doubts = around

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: Any) -> None:
        self.inner(node, [node.body])

    def inner(self, node: Any, body: list[Any]) -> None:
        """A function's own scope."""
        held = [scope for scope in self.scopes if not scope.get("class body")]
        self.scopes, outer = [*held, bindings(node, self)], self.scopes
        self.asked.append(getattr(node, "name", "").lower())
        self.depth += 1
        around = self.function, self.branches
        self.function, self.branches = node.lineno, 0
        self.block(body)
        self.function, self.branches = around
        self.depth -= 1
        self.asked.pop()
        self.scopes = outer

    def visit_ClassDef(self, node: Any) -> None:
        for each in [*node.decorator_list, *node.bases, *[word.value for word in node.keywords]]:
            self.visit(each)
        scope = bindings(node, self)
        scope["class body"] = [True]
        self.scopes.append(scope)
        self.asked.append(node.name.lower())
        self.classes.append(node.name)
        self.block(node.body)
        self.classes.pop()
        self.asked.pop()
        self.scopes.pop()

    def visit_AnnAssign(self, node: Any) -> None:
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Import(self, node: Any) -> None:
        for alias in node.names:
            self.note(alias.name)
            if "." in alias.name:
                self.use("import", tuple(alias.name.split(".")), node.lineno)

    def visit_ImportFrom(self, node: Any) -> None:
        module = absolute_module(self.package, node.level, node.module or "")
        if module is None:
            return
        self.note(module)
        for alias in node.names:
            if alias.name != "*":
                self.note(module + "." + alias.name)
                self.use("import", (*module.split("."), alias.name), node.lineno)

    def note(self, module: str) -> None:
        """A module that is imported whenever this one is."""
        if not self.guards["import"] and not self.doubts and not self.depth:
            self.imports.append(module)

    def visit_Raise(self, node: Any) -> None:
        self.raises += 1
        self.children(node)
        self.raises -= 1

    def visit_Call(self, node: Any) -> None:
        words = [word.arg for word in node.keywords if word.arg is not None]
        given = 0 if any(isinstance(each, ast.Starred) for each in node.args) else len(node.args)
        chain = spelled(node.func)
        if (words or given) and not self.guards["call"] and not self.doubts:
            if chain is not None:
                self.call(chain, node, words, given)
            elif is_super_init(node.func) and self.classes:
                self.builds.append((".".join(self.classes), node.lineno, words, given))
        self.children(node)

    def call(self, chain: tuple[str, ...], node: Any, words: list[str], given: int) -> None:
        """A call with arguments: of a module's function, or of a name of this module."""
        found = self.resolve(chain[0])
        either = self.either(chain[0], found or ())
        for target in found or ():
            if any(word.arg == "copy" and is_false(word.value) for word in node.keywords):
                given_name = getattr(node.args[0], "id", "") if node.args else ""
                self.uncopied.append(((*target, *chain[1:]), node.lineno, given_name))
            full = (*target, *chain[1:])
            self.use("call", full, node.lineno, words, given, taken=len(target), either=either)
        own = found is None or (self.certain("call") and not any(map(self.wanted, found)))
        if own and self.is_global(chain[0]):
            self.calls.append((chain, node.lineno, words, given))

    def either(self, name: str, found: Sequence[tuple[str, ...]]) -> str:
        """The name where it stands for one of these, by which branch of the module was taken."""
        alone = len(found) < 2 or name in self.looped or not self.is_global(name)
        return "" if alone else name

    def is_global(self, name: str) -> bool:
        """Whether a name means what the module binds to it."""
        holders = [scope for scope in self.scopes if name in scope]
        return len(holders) == 1 and holders[0] is self.scopes[0]

    def visit_Attribute(self, node: Any) -> None:
        chain = spelled(node)
        if chain is None:
            self.visit(node.value)
            return
        found = self.resolve(chain[0]) or ()
        either = self.either(chain[0], found)
        for target in found:
            full = (*target, *chain[1:])
            if isinstance(node.ctx, ast.Load):
                self.use("name", full, node.lineno, taken=len(target), either=either)
            else:
                self.stored.setdefault(full, []).append((self.function, node.lineno))

    def is_stored(self, use: Use) -> bool:
        """Whether the file may have put there what it uses: in another function, or a line before."""
        return any(
            function != use.function or line < use.line for function, line in self.stored.get(use.chain, ())
        )

    def use(
        self,
        kind: str,
        chain: tuple[str, ...],
        line: int,
        keywords: list[str] | None = None,
        given: int = 0,
        taken: int = 0,
        either: str = "",
    ) -> None:
        """Note a use that has no way out, as far as can be told: outside of functions the import tells."""
        if self.certain(kind) and self.wanted(chain):
            used = Use(kind, chain, line, self.depth > 0, keywords)
            used.doubted = self.doubts > 0
            used.asked = tuple(self.asked)
            used.raised = used.deep and self.raises > 0
            used.sure = not self.branches
            used.given, used.taken, used.function = given, taken, self.function
            used.either = either
            self.uses.append(used)

    def certain(self, kind: str) -> bool:
        """Whether nothing around a use takes its failure or asks beforehand."""
        return not self.guards[kind] and not (self.depth and self.doubts)

    def resolve(self, name: str) -> list[tuple[str, ...]] | None:
        """What a name stands for, if it can only be modules or what was imported from them."""
        for scope in reversed(self.scopes):
            if name in scope:
                found = [each for each in scope[name] if each is not None]
                return found if found and "other" not in found else None
        return None


def is_false(node: Any) -> bool:
    """Whether a node is the constant `False`."""
    return getattr(node, "value", None) is False


VISITS = {}  # type: dict[type, Any]
"""How each kind of node is read."""
FIELDS = {}  # type: dict[type, tuple[str, ...]]
"""Fields of each kind of node under which others may lie."""
LEAVES = {"ctx", "id", "attr", "arg", "op", "ops", "kind", "type_comment", "simple", "is_async", "level"}
"""Fields that never hold a name or a statement; most nodes of a tree are of this sort."""


def fields(kind: type) -> tuple[str, ...]:
    """The fields of a kind of node under which others may lie."""
    if kind not in FIELDS:
        names = () if issubclass(kind, ast.Constant) else getattr(kind, "_fields", ())
        FIELDS[kind] = tuple(name for name in names if name not in LEAVES)
    return FIELDS[kind]


def bindings(node: Any, reader: SourceReader) -> dict[str, list[Any]]:
    """Names that a scope binds: to dotted paths by import, to several by a loop, or to something else."""
    scope = {}  # type: dict[str, list[Any]]
    if hasattr(node, "args"):
        for arg in ast.walk(node.args):
            if isinstance(arg, ast.arg):
                scope[arg.arg] = ["other"]
    body = node.body if isinstance(node.body, list) else []
    loops, foreign = [], []  # type: tuple[list[Any], list[str]]
    nodes = list(within(body))
    # What is imported where another import fails is taken only then.
    handlers = [handler for each in nodes if type(each) in TRIES for handler in each.handlers]
    spare = {id(inner) for handler in handlers for inner in within(handler.body)}
    for each in sorted(nodes, key=lambda node: id(node) in spare) if spare else nodes:
        kind = type(each)
        if kind in BINDERS or (kind is ast.Name and type(each.ctx) is not ast.Load):
            for name, target in bound(each, reader.package):
                if target == "other" or id(each) not in spare or name not in scope:
                    scope.setdefault(name, []).append(target)
        elif kind is ast.For and isinstance(each.target, ast.Name):
            loops.append(each)
        elif kind in (ast.Global, ast.Nonlocal):
            foreign += each.names
    for loop in loops:
        rebind(loop, scope, reader)
    for word in foreign:
        scope.pop(word, None)
    return scope


def set_later(tree: ast.Module, scope: dict[str, list[Any]], package: str) -> dict[str, list[Any]]:
    """What names of a module stand for that are nothing at first, and that a function imports for all."""
    empty = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and not node.value.value
        for target in node.targets
        if isinstance(target, ast.Name) and scope.get(target.id) == ["other"]
    }
    found = {}  # type: dict[str, list[Any]]
    for function in (
        (node for node in within(tree.body) if isinstance(node, ast.FunctionDef)) if empty else ()
    ):
        nodes = list(within(function.body))
        shared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names} & empty
        for node in nodes if shared else ():
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                for name, target in bound(node, package):
                    if name in shared:
                        found.setdefault(name, []).append(target)
    return {name: targets for name, targets in found.items() if len(targets) == 1}


def rebind(loop: Any, scope: dict[str, list[Any]], reader: SourceReader) -> None:
    """`for x in a, b` with modules a and b: x is each of them."""
    if not isinstance(loop.iter, (ast.Tuple, ast.List)) or len(scope.get(loop.target.id, ())) != 1:
        return
    targets = []  # type: list[Any]
    for each in loop.iter.elts:
        chain = spelled(each)
        inside = scope.get(chain[0]) if chain else None
        found = inside if inside is not None else reader.resolve(chain[0]) if chain else None
        if chain is None or not found or "other" in found:
            return
        targets += [(*target, *chain[1:]) for target in found]
    scope[loop.target.id] = targets
    reader.looped.add(loop.target.id)


def within(body: list[Any]) -> Iterator[Any]:
    """Nodes of a scope, inner scopes left out (but named)."""
    todo = list(reversed(body))
    while todo:
        node = todo.pop()
        yield node
        kind = type(node)
        if kind in SCOPES:
            continue
        for field in fields(kind):
            value = getattr(node, field, None)
            if isinstance(value, list):
                todo.extend(each for each in value if isinstance(each, ast.AST))
            elif isinstance(value, ast.AST):
                todo.append(value)


def bound(node: Any, package: str) -> Iterator[tuple[str, Any]]:
    """Names that one node binds."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname:
                yield alias.asname, tuple(alias.name.split("."))
            else:
                top = alias.name.partition(".")[0]
                yield top, (top,)
    elif isinstance(node, ast.ImportFrom):
        module = absolute_module(package, node.level, node.module or "")
        for alias in node.names:
            yield alias.asname or alias.name, (*module.split("."), alias.name) if module else "other"
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name, "other"
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name, "other"
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id, "other"
    elif type(node).__name__ in ("MatchAs", "MatchStar") and getattr(node, "name", None):
        yield node.name, "other"


def spelled(node: Any) -> tuple[str, ...] | None:
    """`a.b.c` as its parts; None for anything else."""
    parts = []  # type: list[str]
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return (node.id, *reversed(parts))


def is_super_init(function: Any) -> bool:
    """Whether what is called is `super().__init__`."""
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "__init__"
        and isinstance(function.value, ast.Call)
        and isinstance(function.value.func, ast.Name)
        and function.value.func.id == "super"
        and not function.value.args
    )


def last_name(node: Any) -> str:
    """The last word of what is called."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_doubt(word: str) -> bool:
    """Whether a condition with this word may ask for a version, a platform or the presence of something."""
    return bool(DOUBT.search(word) or CONSTANT.match(word))


def words_of(test: Any) -> Iterator[str]:
    """Names, attributes and texts in a condition; what an object says of itself, without its `is_`."""
    for node in ast.walk(test):
        attribute = getattr(node, "attr", None)
        if attribute and attribute.startswith("is_") and last_name(getattr(node, "value", None)) == "self":
            attribute = attribute[len("is_") :]
        words = [
            getattr(node, "id", None),
            attribute,
            getattr(node, "value", None) if isinstance(node, ast.Constant) else None,
        ]
        for word in words:
            if isinstance(word, str):
                yield word


def leaves(body: list[Any]) -> bool:
    """Whether a block ends by leaving."""
    return isinstance(body[-1], (ast.Return, ast.Raise, ast.Continue, ast.Break))


def caught(handler: Any) -> list[str]:
    """Names of the exceptions that a handler takes; empty for all, or where it is computed."""
    if handler.type is None:
        return [""]
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [last_name(kind) for kind in kinds]
