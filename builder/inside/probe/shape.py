"""What the installed files amount to: empty packages, orphaned scripts, leftovers of broken installations."""

from __future__ import annotations

import ast
import os
import re
import sys

from . import asides

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .report import FoundDistribution, Severed

CONSTANT = ast.Constant if sys.version_info >= (3, 8) else (ast.Constant, ast.Str)
"""Node types of constants; Python 3.7 still has several."""
SMALL = 4096
"""Bytes above which a file is not looked at as a placeholder."""
UNIMPORTED = ("setup", "version")
"""Direct submodules that nobody imports a package for; tests and what begins with `_` are others."""
SCRIPT = re.compile(r"^\s*(?:from\s+(\w+)[\w.]*\s+import|import\s+(\w+))", re.MULTILINE)


def parsed(path: str, limit: int = SMALL) -> ast.Module | None:
    """The syntax tree of a small file; None where it is large or none."""
    try:
        if os.path.getsize(path) > limit:
            return None
        with open(path, "rb") as stream:
            return ast.parse(stream.read())
    except (OSError, SyntaxError, ValueError):
        return None


def is_inert(node: ast.stmt) -> bool:
    """Whether a statement only describes: a docstring, a constant, a name list."""
    if isinstance(node, ast.Pass):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, CONSTANT)
    if isinstance(node, ast.If):
        return "__name__" in [each.id for each in ast.walk(node.test) if isinstance(each, ast.Name)]
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return all(isinstance(each, (ast.Constant, ast.Tuple, ast.List)) for each in [node.value] if each)
    return False


def is_toy(node: ast.stmt) -> bool:
    """Whether a statement is inert, or a function that only prints or returns a constant."""
    if is_inert(node):
        return True
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    return all(is_inert(each) or is_output(each) for each in node.body)


def is_output(node: ast.stmt) -> bool:
    """Whether a statement returns or prints constants."""
    if isinstance(node, ast.Return):
        return node.value is None or isinstance(node.value, CONSTANT)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        simple = all(isinstance(each, CONSTANT) for each in call.args)
        return isinstance(call.func, ast.Name) and call.func.id == "print" and simple
    return False


def placeholders(dists: list[FoundDistribution]) -> list[str]:
    """Distributions that install modules without any content, and nothing else, and require nothing."""
    return [dist["name"] for dist in dists if dist["files"] and is_placeholder(dist)]


def is_placeholder(dist: FoundDistribution) -> bool:
    """Whether all that a distribution installs are modules that do nothing."""
    if dist["requires"] or dist.get("entry_points") or dist.get("editable"):
        return False
    inside = [
        row[0] for row in dist["files"] or () if ".dist-info/" not in row[0] and "__pycache__" not in row[0]
    ]
    code = [path for path in inside if path.endswith(".py")]
    if not code or len(code) > 5 or len(code) < len(inside):
        return False
    trees = [parsed(os.path.join(dist["folder"], path)) for path in code]
    return all(tree is not None and all(is_toy(node) for node in tree.body) for tree in trees)


def surfaces(dists: list[FoundDistribution]) -> dict[str, list[str]]:
    """For packages whose `__init__` does nothing: their direct public modules, which users import instead."""
    found = {}
    for dist in dists:
        for root in dist["roots"]:
            stem = root.replace(".", "/")
            tree = parsed(os.path.join(dist["folder"], stem, "__init__.py"))
            if dist["files"] is None or tree is None or not all(is_inert(node) for node in tree.body):
                continue
            names = [direct(row[0], stem + "/") for row in dist["files"]]
            modules = sorted({root + "." + name for name in names if name})
            if 0 < len(modules) <= 40:
                found[root] = modules
    return found


def direct(path: str, prefix: str) -> str | None:
    """The name of a public module or package directly below a prefix."""
    if not path.startswith(prefix) or not path.endswith(".py"):
        return None
    name, _, rest = path[len(prefix) : -3].partition("/")
    if rest not in ("", "__init__") or name.startswith("_") or not name.isidentifier():
        return None
    return None if name in UNIMPORTED or asides.is_test_name(name) else name


def scripts(prefix: str, dists: list[FoundDistribution]) -> dict[str, list[str]]:
    """Scripts of the environment that no distribution claims, by the module that they import."""
    folder = os.path.join(prefix, "bin")
    claimed = {os.path.basename(row[0]) for dist in dists for row in dist["files"] or () if "/bin/" in row[0]}
    found = {}  # type: dict[str, list[str]]
    try:
        names = sorted(set(os.listdir(folder)) - claimed)
    except OSError:
        return {}
    for name in names:
        path = os.path.join(folder, name)
        if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > SMALL:
            continue
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read()
        if text.startswith("#!") and "python" in text.partition("\n")[0]:
            for match in SCRIPT.finditer(text):
                found.setdefault(match.group(1) or match.group(2), []).append(name)
    return found


def leftovers(path: list[str]) -> list[str]:
    """What installers leave when they are interrupted: folders whose name begins with a tilde."""
    found = []
    for folder in path:
        try:
            found += [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("~")]
        except OSError:
            continue
    return sorted(found)


def severed(sites: list[str], dists: list[FoundDistribution]) -> list[Severed]:
    """Editable installations whose folder is gone."""
    found = []  # type: list[Severed]
    for dist in dists:
        for row in dist["files"] or () if dist.get("editable") else ():
            file = os.path.join(dist["folder"], row[0])
            found += [
                {"name": dist["name"], "path": path, "file": file}
                for path in leads(file)
                if not os.path.exists(path) and not os.path.exists(path + ".py")
            ]
    for folder in sites:
        for name in os.listdir(folder):
            if name.endswith(".egg-link"):
                file = os.path.join(folder, name)
                found += [
                    {"name": name[: -len(".egg-link")], "path": path, "file": file}
                    for path in absolute(file)[:1]
                    if not os.path.exists(path)
                ]
    return found


def leads(file: str) -> list[str]:
    """Where a file of an editable installation leads to: the lines of a `.pth`, the mapping of a finder."""
    if file.endswith(".pth"):
        return absolute(file)
    if not file.endswith("_finder.py"):
        return []
    tree = parsed(file, limit=1 << 20)
    for node in tree.body if tree else ():
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "MAPPING" and node.value:
            try:
                return [str(path) for path in ast.literal_eval(node.value).values()]
            except ValueError:
                return []
    return []


def absolute(file: str) -> list[str]:
    """Lines of a text file that are absolute paths."""
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            return [line.strip() for line in stream if line.startswith("/")]
    except OSError:
        return []
