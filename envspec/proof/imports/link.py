"""Linking a set of packages: which requested ones surely cannot be imported, and why."""

from __future__ import annotations

import collections
import dataclasses
import gc
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from envspec.proof.abi.base import LoaderBase
from envspec.proof.imports.course import Exhausted
from envspec.proof.imports.interpreter import Interpreter
from envspec.proof.imports.modules import State
from envspec.proof.imports.source import Index, Origin, Package
from envspec.proof.imports.stub import is_stub
from envspec.proof.imports.suspects import Suspects
from envspec.proof.imports.values import UNKNOWN, External, Fault, Known, Module, Raised, SourceLine

DEFAULT_BUDGET = 3_000_000
"""Statements that one run reads at most."""
DEFAULT_INNER_BYTES = 6 << 20
"""Bytes of source that are read for the inner modules of all requested packages together."""

SHARE = 0.5
"""Share of a package's modules that one cause must take down to be more than a dead corner of it."""
BARE_SHARE = 0.2
"""The same where every user has to import some of them."""
FEW = 3
"""Modules below which a share says nothing."""

_STACK = 512 << 20
_ASIDE = re.compile(
    r"(^|\.)(_?tests?|testing|_\w*tests?|tests?_\w+|\w+_tests?|conftest|examples?|samples?|benchmarks?|docs?|setup"
    r"|demos?|scripts?|tools|__main__)(\.|$)"
)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """An import that raises."""

    package: str
    version: str
    module: str
    """The module that cannot be imported."""
    certain: bool
    """Whether it decides; the others are worth a warning."""
    exception: str
    """Class of the exception, such as `ImportError`; empty when unknown."""
    message: str
    fault: Fault
    """The root cause."""
    chain: tuple[SourceLine, ...]
    """Import statements from `module` down to the fault."""
    user: str = ""
    """The package whose code misses what is wanted; empty where that is no package's code."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class LinkReport:
    """What linking found."""

    failures: tuple[Failure, ...]
    """One for each root cause, certain ones first."""
    modules: int
    """Modules that were read."""
    complete: bool
    """False when the budget ended before every requested package was imported."""
    left_out: int = 0
    """Inner modules of requested packages that were not read, the deepest ones: see `inner_bytes`."""
    compiled: frozenset[str] = frozenset()
    """Compiled modules that were imported, as far as they could be."""


def link(
    packages: Sequence[Package],
    *,
    python: str,
    base: LoaderBase | None = None,
    broken: Mapping[str, str] | None = None,
    wanted: Sequence[str] = (),
    variables: Sequence[str] = (),
    budget: int = DEFAULT_BUDGET,
    inner_bytes: int = DEFAULT_INNER_BYTES,
) -> LinkReport:
    """Import the requested packages, and the modules in `wanted`, abstractly and report what surely fails.

    `python` such as `3.11`; `base` tells which shared libraries there are; `broken` maps compiled modules
    that cannot be loaded to the reason; `variables` are those of the environment that may be set, beyond the
    usual ones. Certain are: a wanted module, or a top-level module of a requested package, that cannot be
    imported, and any module of such a package that uses a name that the locked version of a declared
    requirement does not have.
    """
    # Trees of syntax hold no cycles worth looking for, and looking for them costs half of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        interpreter = Interpreter(
            packages, python=python, base=base, broken=broken, variables=variables, budget=budget
        )
        return _with_deep_stack(lambda: _link(interpreter, wanted, inner_bytes))
    finally:
        if collecting:
            gc.enable()


def _link(interpreter: Interpreter, wanted: Sequence[str], inner_bytes: int) -> LinkReport:
    failures: list[Failure] = []
    requested = [package for package in interpreter.modules.packages if package.requested]
    left_out = 0
    complete = True
    try:
        for package in requested:
            failures += _tops(interpreter, package)
            failures += _stub(package)
            failures += _commands(interpreter, package)
        failures += _wanted(interpreter, wanted)
        for package in requested:
            if not any(failure.package == package.name for failure in failures):
                left_out += _inner(interpreter, package, inner_bytes // len(requested), failures)
    except Exhausted:
        complete = False
    states = interpreter.modules.states
    return LinkReport(
        failures=_ordered(failures),
        modules=len(states),
        complete=complete,
        left_out=left_out,
        compiled=frozenset(name for name, state in states.items() if state.kind == "compiled")
        | interpreter.modules.stand_ins,
    )


def is_aside(module: str) -> bool:
    """Whether a module belongs to tests, examples, documentation or set-up, which no user imports."""
    return _ASIDE.search(module) is not None


def _tops(interpreter: Interpreter, package: Package) -> Iterator[Failure]:
    origins = interpreter.modules.index.origins
    names = [
        name
        for name in package.top_level
        if not is_aside(name) and (o := origins.get(name)) and o.package is package
    ]
    names += _below_namespaces(interpreter, package)
    own = [name for name in names if re.sub("[._]", "-", name.lower()) == package.name]
    for name in names:
        main = name in own if own else not name.startswith("_")
        failing, raised = name, interpreter.failure(name) or _dead_finder(interpreter, name)
        if raised is None and main and (inner := _only_door(interpreter, package, name)):
            failing, raised = inner, interpreter.failure(inner)
        if raised and (main or not own or not _lacks_package(interpreter, raised)):
            yield _failure(origins, package, failing, raised, certain=main and _decides(raised))


def _lacks_package(interpreter: Interpreter, raised: Raised) -> bool:
    """Whether no package here has a module: beside a package's own module it is for an extra."""
    top = raised.fault.wanted.partition(".")[0]
    return raised.fault.kind == "module" and top not in interpreter.modules.index.origins


def _only_door(interpreter: Interpreter, package: Package, name: str) -> str:
    """`name.name`, where that is what everybody imports: the package itself binds constants at most."""
    inner = f"{name}.{name.rpartition('.')[2]}"
    origin, state = interpreter.modules.index.origins.get(inner), interpreter.modules.states[name]
    bare = _binds_constants(state)
    return inner if bare and origin is not None and origin.package is package else ""


def _binds_constants(state: State) -> bool:
    """Whether a module says its version and the like, and no more; modules below it do not count."""
    return not state.open and all(
        isinstance(value, Known | Module) for key, value in state.names.items() if key[0] != "_"
    )


def _below_namespaces(interpreter: Interpreter, package: Package) -> list[str]:
    """The package that is called like the distribution and lies in folders that it shares with others."""
    modules = interpreter.modules.index.origins
    return [
        name
        for name, origin in modules.items()
        if origin.package is package
        and origin.is_package
        and re.sub("[._]", "-", name.lower()) == package.name
        and "." in name
        and all(modules[above].kind == "folder" for above in _above(name))
    ]


def _above(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _wanted(interpreter: Interpreter, names: Iterable[str]) -> Iterator[Failure]:
    """Modules that the user says must import. One that no package has is left to verification."""
    origins = interpreter.modules.index.origins
    for name in names:
        origin = origins.get(name)
        raised = interpreter.failure(name) if origin and origin.package else None
        if raised and origin and origin.package:
            yield _failure(
                interpreter.modules.index.origins, origin.package, name, raised, certain=_decides(raised)
            )


def _stub(package: Package) -> Iterator[Failure]:
    if is_stub(package):
        name = package.top_level[0] if package.top_level else package.name
        where = SourceLine(module=name, line=1)
        fault = Fault(kind="stub", wanted=package.name, owner=package.name, where=where)
        raised = Raised(
            UNKNOWN, f"{package.name} {package.version} holds no code: it is a placeholder", fault
        )
        yield _failure({}, package, name, raised, certain=True)


def _dead_finder(interpreter: Interpreter, name: str) -> Raised | None:
    """A module that can be imported, yet whose import hook this Python never calls."""
    line = interpreter.modules.dead_finders.get(name)
    if line is None or not interpreter.modules.states[name].syntax.modules:
        return None
    fault = Fault(kind="importer", wanted=f"{name}.*", owner="", where=SourceLine(module=name, line=line))
    python = interpreter.modules.python
    message = f"the import hook of {name} has no find_spec: Python {python} never calls it"
    return Raised(External("ImportError"), message, fault)


def _decides(raised: Raised) -> bool:
    """Exceptions that an import raises because something is not as it should be."""
    kind = raised.builtin
    if raised.fault.kind in ("unbound", "bases"):
        return raised.fault.kind == "bases"
    wanted = (ImportError, AttributeError, NameError, SyntaxError, OSError, RuntimeError)
    return kind is not None and issubclass(kind, wanted)


def _inner(interpreter: Interpreter, package: Package, allowed: int, failures: list[Failure]) -> int:
    """Import what lies below the top level, the outer modules first; how many were left out."""
    modules, parser = interpreter.modules, interpreter.parser
    names = [
        name
        for name, origin in modules.index.origins.items()
        if origin.package is package
        and origin.kind == "source"
        and not is_aside(name)
        and not modules.stdlib.has(name.partition(".")[0])  # a backport that this Python never looks at
    ]
    names.sort(key=lambda name: (name.count("."), name))
    limit = parser.read_bytes + allowed
    found: list[Failure] = []
    for number, name in enumerate(names):
        if parser.read_bytes > limit:
            failures += [*found, *_suspects(interpreter, package, names, number)]
            return len(names) - number
        raised = interpreter.failure(name)
        if raised and (hard := _hard(raised, package, modules.index)) is not None:
            found.append(_failure(modules.index.origins, package, name, raised, certain=hard))
    causes = collections.Counter(failure.fault for failure in found)
    share = BARE_SHARE if _is_bare(interpreter, package) else SHARE
    wide = {cause for cause, count in causes.items() if count >= max(FEW, share * len(names))}
    failures += [
        dataclasses.replace(failure, certain=failure.certain or failure.fault in wide) for failure in found
    ]
    return 0


def _suspects(
    interpreter: Interpreter, package: Package, names: Sequence[str], read: int
) -> Iterator[Failure]:
    """Failures among the modules after the first `read`, which were left out, as far as their texts lead."""
    suspects = Suspects(interpreter, package, names, read)
    for name in suspects:
        raised = interpreter.failure(name)
        hard = _hard(raised, package, interpreter.modules.index, suspects.providers) if raised else None
        if raised and hard is not None:
            faulty = raised.fault.where.module
            certain = hard and suspects.takes_down(faulty)
            yield _failure(interpreter.modules.index.origins, package, faulty, raised, certain=certain)


def _is_bare(interpreter: Interpreter, package: Package) -> bool:
    """Whether nothing can be used of a package without importing what is inside."""
    states = [interpreter.modules.states.get(name) for name in package.top_level]
    return all(state is None or _binds_constants(state) for state in states)


def _commands(interpreter: Interpreter, package: Package) -> Iterator[Failure]:
    """Modules that the package's own commands begin with: what they miss for sure, their users miss.

    Of several commands one may be a corner that nobody uses any more, where Python has moved on.
    """
    index = interpreter.modules.index
    origins = {name: index.origins.get(name) for name in package.doors}
    own = [name for name, origin in origins.items() if origin and origin.package is package]
    failed = {name: raised for name in own if (raised := interpreter.failure(name)) is not None}
    for name, raised in failed.items():
        hard = _hard(raised, package, index)
        if hard is not None:
            certain = _decides(raised) and (hard or len(failed) == len(own))
            yield _failure(index.origins, package, name, raised, certain=certain)


def _hard(raised: Raised, package: Package, index: Index, providers: Set[str] = frozenset()) -> bool | None:
    """Whether the fault inside a package decides; None when such faults are nobody's business.

    `providers` are packages that must be as it wants them, besides those that it requires itself.
    """
    fault = raised.fault
    origin = index.origins.get(fault.where.module)
    if fault.where.module.partition(".")[0] not in package.top_level and not (
        origin is not None and origin.package is package
    ):
        return None
    if fault.kind in ("stdlib-module", "stdlib-name"):
        # Packages that work carry corners which an older Python was the last to import.
        return False
    if fault.kind == "name" and package.name in index.overwritten.get(fault.wanted.rpartition(".")[0], ()):
        return True
    if fault.kind == "name" and fault.owner and fault.owner != package.name:
        return fault.owner in package.requires or fault.owner in providers
    return None


def _failure(
    origins: Mapping[str, Origin], package: Package, module: str, raised: Raised, *, certain: bool
) -> Failure:
    kind = raised.kind
    origin = origins.get(raised.fault.where.module)
    return Failure(
        package=package.name,
        version=package.version,
        module=module,
        certain=certain,
        exception=getattr(kind, "name", ""),
        message=raised.message,
        fault=raised.fault,
        chain=tuple(line for line in raised.chain if line.module),
        user=origin.package.name if origin is not None and origin.package is not None else "",
    )


def _ordered(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """The first failure of each root cause, certain ones first: the others are its echoes."""
    found: dict[tuple[Any, ...], Failure] = {}
    for failure in failures:
        key = (failure.fault.kind, failure.fault.wanted, failure.fault.where)
        if key not in found or (failure.certain and not found[key].certain):
            found[key] = failure
    return tuple(sorted(found.values(), key=lambda failure: not failure.certain))


def _with_deep_stack(work: Callable[[], LinkReport]) -> LinkReport:
    """Chains of imports are long: run with a stack that holds them."""
    results: list[LinkReport] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 — handed over to the caller's thread
            errors.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size(_STACK)
    sys.setrecursionlimit(100_000)
    try:
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    if errors:
        raise errors[0]
    return results[0]
