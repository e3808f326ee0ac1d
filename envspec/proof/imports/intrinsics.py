"""What built-in and library functions answer when the answer is known without running anything."""

from __future__ import annotations

import collections
import contextlib
import re
from collections.abc import Callable
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envspec.proof.abi.base import Base
from envspec.proof.imports.expressions import Frame, sequence
from envspec.proof.imports.source import Index
from envspec.proof.imports.values import (
    FALSE,
    NONE,
    TRUE,
    UNKNOWN,
    Class,
    External,
    Fault,
    Function,
    Items,
    Known,
    Module,
    Raised,
    Table,
    Value,
    constant,
    truth,
)
from envspec.proof.stdlib import Stdlib

_VersionInfo = collections.namedtuple("_VersionInfo", "major minor micro releaselevel serial")
_NEWEST_MICRO = 99  # which patch release will run is unknown; a new one is likelier than an old one

_VERSION_CLASSES = frozenset(
    {
        "packaging.version.parse", "packaging.version.Version", "pkg_resources.parse_version",
        "distutils.version.LooseVersion", "distutils.version.StrictVersion",
    }
)  # fmt: skip
_METADATA = frozenset({"importlib.metadata.version", "importlib_metadata.version"})
_SPEC = frozenset({"importlib.util.find_spec"})
_LOADERS = frozenset({"ctypes.CDLL", "ctypes.PyDLL", "ctypes.cdll.LoadLibrary", "ctypes.pydll.LoadLibrary"})
_USUAL = re.compile(
    r"(?i)(PATH|HOME|USER(NAME|PROFILE)?|LOGNAME|SHELL|PWD|LANG(UAGE)?|LC_.*|TERM|TMP(DIR)?|TEMP|HOST(NAME)?|DISPLAY|TZ|EDITOR"
    r"|CI|PYTHON.*|VIRTUAL_ENV|CONDA.*|.*_PROXY|.*(_BUNDLE|_CERT_FILE)|XDG_.*|LD_.*|CUDA.*|NVIDIA.*|OMP_.*|MKL_.*|OPENBLAS_.*"
    r"|KUBERNETES.*|AWS_.*|GOOGLE_.*|AZURE_.*)$"
)
"""Variables that systems, shells, images and orchestrators set by themselves."""
_SILENT = frozenset({"print", "warnings.warn", "warnings.filterwarnings", "warnings.simplefilter"})
_KNOWN_CALLS = {
    "platform.system": "Linux",
    "platform.python_implementation": "CPython",
}


class Intrinsics:
    """Answers for the built-in and library names that matter to imports."""

    python: str
    base: Base | None
    versions: dict[str, str]
    variables: frozenset[str]
    doubt: int
    load: Callable[[str, Frame], Any]
    attribute: Callable[[Value, str, Frame], Value]
    bind_attribute: Callable[[Value, str, Value], None]
    absolute: Callable[[str, int, str], str]
    members: Callable[[Value], list[Value] | None]
    states: dict[str, Any]
    index: Index
    stdlib: Stdlib
    may_exist: Callable[[str], bool]

    def intrinsic(self, name: str) -> Value | None:
        """The value of a library's name where it is known."""
        if name in _VERSION_CLASSES or name in _METADATA:
            return External(name)
        constants: dict[str, Any] = {
            "typing.TYPE_CHECKING": False,
            "typing_extensions.TYPE_CHECKING": False,
            "sys.platform": "linux",
            "os.name": "posix",
            "os.sep": "/",
            "sys.byteorder": "little",
            "sys.maxsize": 2**63 - 1,
        }
        if name in constants:
            return Known(constants[name])
        major, minor = (int(part) for part in self.python.split(".")[:2])
        if name == "sys.version_info":
            return Known(_VersionInfo(major, minor, _NEWEST_MICRO, "final", 0))
        if name == "sys.hexversion":
            return Known((major << 24) + (minor << 16) + (_NEWEST_MICRO << 8) + 0xF0)
        if name == "sys.version":
            return Known(f"{major}.{minor}.{_NEWEST_MICRO} (main) [GCC]")
        return None

    def external_attribute(self, value: External, name: str) -> Value:
        """Attributes of library objects, where they lead to something known."""
        whole = f"{value.name}.{name}"
        if whole == "os.environ.get":
            return External(whole)
        if whole == "sys.implementation.name":
            return Known("cpython")
        return External(whole) if whole in _LOADERS or value.name == "ctypes.cdll" else UNKNOWN

    def call_external(
        self, name: str, args: list[Value] | None, named: dict[str, Value], frame: Frame
    ) -> Value:
        """The result of calling a built-in or library function."""
        if name in _SILENT:
            return NONE
        if args is None:
            return UNKNOWN
        if name in _KNOWN_CALLS:
            return Known(_KNOWN_CALLS[name])
        if name in ("sys.exit", "exit", "quit"):
            fault = Fault(kind="raised", wanted="the module ends the program", owner="", place=frame.place)
            raise Raised(External("SystemExit"), "the module ends the program", fault)
        method = getattr(self, f"_call_{name.replace('.', '_')}", None)
        if method is not None and args:
            found: Value = method(args, named, frame)
            return found
        if name in _VERSION_CLASSES:
            return _version(args)
        if name in _METADATA:
            return self._distribution_version(args, frame)
        if name in _SPEC:
            return self._find_spec(args)
        if name in _LOADERS:
            return self._shared_library(args, frame)
        if name == "dict":
            return Table(dict(named), open=bool(args) or "" in named)
        return (
            Items([], open=False) if name in ("list", "tuple", "set", "frozenset") and not args else UNKNOWN
        )

    # -- built in ---------------------------------------------------------------------------------

    def _call_hasattr(self, args: list[Value], _: object, frame: Frame) -> Value:
        known, name = constant(args[-1])
        if not known or not isinstance(name, str) or not isinstance(args[0], Module):
            return UNKNOWN
        try:
            self.attribute(args[0], name, frame)
        except Raised:
            return FALSE
        state = self.states.get(args[0].name)
        return TRUE if state and (name in state.names or self._sure(state, name)) else UNKNOWN

    def _sure(self, state: Any, name: str) -> bool:
        names = self.stdlib.names(state.name) if state.kind == "stdlib" else None
        return names is not None and name in names

    def _call_getattr(self, args: list[Value], _: object, frame: Frame) -> Value:
        known, name = constant(args[1]) if len(args) > 1 else (False, None)
        if not known or not isinstance(name, str):
            return UNKNOWN
        try:
            return self.attribute(args[0], name, frame)
        except Raised:
            if len(args) > 2:
                return args[2]
            raise

    def _call_setattr(self, args: list[Value], _: object, __: object) -> Value:
        known, name = constant(args[1]) if len(args) > 2 else (False, None)
        if known and isinstance(name, str):
            self.bind_attribute(args[0], name, args[2])
        elif isinstance(args[0], Module) and args[0].name in self.states:
            self.states[args[0].name].open = True
        return NONE

    def _call_len(self, args: list[Value], *_: object) -> Value:
        items = sequence(args[0])
        return UNKNOWN if items is None else Known(len(items))

    def _call_bool(self, args: list[Value], *_: object) -> Value:
        answer = truth(args[0])
        return UNKNOWN if answer is None else Known(answer)

    def _call_callable(self, args: list[Value], *_: object) -> Value:
        return TRUE if isinstance(args[0], Class | Function) else UNKNOWN

    def _call_isinstance(self, args: list[Value], *_: object) -> Value:
        kinds = {"str": str, "int": int, "tuple": tuple, "float": float, "bytes": bytes, "bool": bool}
        kind = args[1] if len(args) > 1 else UNKNOWN
        if isinstance(args[0], Known) and isinstance(kind, External) and kind.name in kinds:
            return Known(isinstance(args[0].value, kinds[kind.name]))
        return UNKNOWN

    def _converted(self, args: list[Value], convert: Callable[[Any], Any]) -> Value:
        known, value = constant(args[0])
        if known and len(args) == 1 and isinstance(value, str | int | float | bytes) and len(str(value)) < 64:
            with contextlib.suppress(TypeError, ValueError, OverflowError):
                return Known(convert(value))
        return UNKNOWN

    def _call_int(self, args: list[Value], *_: object) -> Value:
        return self._converted(args, int)

    def _call_float(self, args: list[Value], *_: object) -> Value:
        return self._converted(args, float)

    def _call_str(self, args: list[Value], *_: object) -> Value:
        return self._converted(args, str)

    def _call_list(self, args: list[Value], *_: object) -> Value:
        items = self.members(args[0])
        return Items([], open=True) if items is None else Items(list(items))

    _call_tuple = _call_set = _call_frozenset = _call_sorted = _call_list

    def _call_map(self, args: list[Value], named: dict[str, Value], frame: Frame) -> Value:
        items = sequence(args[1]) if len(args) == 2 else None
        if items is None or len(items) > 64 or not isinstance(args[0], External):
            return Items([], open=True)
        return Items([self.call_external(args[0].name, [item], named, frame) for item in items])

    def _call_any(self, args: list[Value], *_: object) -> Value:
        answers = [truth(item) for item in (sequence(args[0]) or [UNKNOWN])]
        if True in answers:
            return TRUE
        return UNKNOWN if None in answers else FALSE

    def _call_all(self, args: list[Value], *_: object) -> Value:
        answers = [truth(item) for item in (sequence(args[0]) or [UNKNOWN])]
        if False in answers:
            return FALSE
        return UNKNOWN if None in answers else TRUE

    # -- the environment --------------------------------------------------------------------------

    def _call_os_environ_get(self, args: list[Value], *_: object) -> Value:
        """A variable that only those set who know of it is not set."""
        known, name = constant(args[0])
        if not known or not isinstance(name, str) or name in self.variables or _USUAL.match(name):
            return UNKNOWN
        return args[1] if len(args) > 1 else NONE

    _call_os_getenv = _call_os_environ_get

    # -- imports ----------------------------------------------------------------------------------

    def _call___import__(self, args: list[Value], named: dict[str, Value], frame: Frame) -> Value:
        known, name = constant(args[0])
        if not known or not isinstance(name, str) or len(args) > 1 or named or not name:
            return UNKNOWN
        self.load(name, frame)
        return Module(name.partition(".")[0])

    def _call_importlib_import_module(
        self, args: list[Value], named: dict[str, Value], frame: Frame
    ) -> Value:
        known, name = constant(args[0])
        if not known or not isinstance(name, str) or not name:
            return UNKNOWN
        if name.startswith("."):
            package = args[1] if len(args) > 1 else named.get("package", UNKNOWN)
            if not isinstance(package, Known) or not isinstance(package.value, str):
                return UNKNOWN
            level = len(name) - len(name.lstrip("."))
            parts = package.value.split(".")
            parts = parts[: len(parts) - level + 1]
            name = ".".join([*parts, *filter(None, [name.lstrip(".")])])
        self.load(name, frame)
        return Module(name)

    def _find_spec(self, args: list[Value]) -> Value:
        known, name = constant(args[0])
        if known and isinstance(name, str) and name and "." not in name and not self._anywhere(name):
            return NONE
        return UNKNOWN

    def _anywhere(self, name: str) -> bool:
        known = name in self.index.modules or self.stdlib.has(name) or name in self.states
        return known or self.may_exist(name)

    def _distribution_version(self, args: list[Value], frame: Frame) -> Value:
        known, name = constant(args[0])
        if not known or not isinstance(name, str):
            return UNKNOWN
        found = self.versions.get(canonicalize_name(name))
        if found is not None:
            return Known(found)
        fault = Fault(kind="module", wanted=name, owner="", place=frame.place)
        kind = External("importlib.metadata.PackageNotFoundError")
        raise Raised(kind, f"No package metadata was found for {name}", fault)

    # -- shared libraries -------------------------------------------------------------------------

    def _call_ctypes_util_find_library(self, args: list[Value], *_: object) -> Value:
        """`libNAME.so*` of the base; None when it is known to lack it."""
        known, name = constant(args[0])
        there = self.base.names() if self.base else None
        if not known or not isinstance(name, str) or there is None:
            return UNKNOWN
        return UNKNOWN if any(item.startswith(f"lib{name}.so") for item in there) else NONE

    def _shared_library(self, args: list[Value], frame: Frame) -> Value:
        known, name = constant(args[0]) if args else (False, None)
        if not known or not isinstance(name, str) or "/" in name or ".so" not in name or self.base is None:
            return UNKNOWN
        if self.base.has(name) is not False:
            return UNKNOWN
        fault = Fault(kind="library", wanted=name, owner="", place=frame.place)
        raise Raised(External("OSError"), f"{name}: cannot open shared object file", fault)


def _version(args: list[Value]) -> Value:
    known, text = constant(args[0]) if args else (False, None)
    if isinstance(text, Version):
        return Known(text)
    if known and isinstance(text, str):
        with contextlib.suppress(InvalidVersion):
            return Known(Version(text))
    return UNKNOWN
