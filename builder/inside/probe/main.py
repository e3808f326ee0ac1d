"""The probe's own pass: read what is installed, start the interpreter, import everything, say it as JSON."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import time

from . import distributions, exchange, files, jobs, runtimes, shadows, shape, standard, startup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORMAT = 1
"""Version of the facts."""
MARK = "\x1e"
"""Stands before the facts on standard output: what the interpreter's own start printed comes before it."""
SCRATCH = "envspec-probe-"
"""How temporary folders of probes begin; the process id follows."""
SKIPPED = {
    "test",
    "tests",
    "testing",
    "conftest",
    "docs",
    "doc",
    "examples",
    "example",
    "benchmarks",
    "bench",
}
"""Top-level names that wheels install by accident."""
STARTERS = {"sitecustomize", "usercustomize"}
"""What the interpreter itself imports when it starts, and goes on without."""
TOOLS = {"pip", "setuptools", "wheel", "uv", "pkg_resources", "_distutils_hack"}
"""What installs: it carries its dependencies inside."""
VARIABLES = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "LD_PRELOAD", "LD_LIBRARY_PATH")
"""Variables whose presence (never the value of others) is a fact."""


class Clock:
    """Seconds that each phase took."""

    def __init__(self) -> None:
        self.timings = {}  # type: dict[str, float]
        self.last = time.monotonic()

    def lap(self, name: str) -> None:
        """A phase ends here."""
        now = time.monotonic()
        self.timings[name] = round(now - self.last, 3)
        self.last = now


def main(bundle: dict[str, Any]) -> None:
    """Entry of the probe's first process; `bundle` holds the probe's modules and the options."""
    os.setpgid(0, 0) if os.getpgid(0) == 0 else None
    sweep(tempfile.gettempdir())
    scratch = tempfile.mkdtemp(prefix="%s%d-" % (SCRATCH, os.getpid()))
    try:
        facts = look(bundle, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.stdout.write(MARK + json.dumps(facts) + "\n")
    sys.stdout.flush()


def look(bundle: dict[str, Any], scratch: str) -> dict[str, Any]:
    """All facts of this environment."""
    options = bundle["options"]
    clock = Clock()
    env = surroundings(scratch)
    python = startup.interpreter()
    begun = startup.start(python["executable"], env, [])
    trusted = begun if begun.get("path") else startup.start(python["executable"], env, ["-E"])
    path = [os.path.realpath(entry) for entry in trusted.get("path", []) if os.path.isdir(entry)]
    clock.lap("start")
    stdlib = [
        os.path.realpath(each) for each in (python["stdlib"], os.path.join(python["stdlib"], "lib-dynload"))
    ]
    sites = [entry for entry in path if entry not in stdlib]
    dists = distributions.installed(sites)
    loose = files.ownerless([each for each in sites if is_site(each)], dists)
    shaded = shadows.standard(python, path, env)
    clock.lap("read")
    guarded = folders([python["prefix"], python["base_prefix"], *sites])
    runner = jobs.Runner(
        executable=python["executable"],
        options=[] if begun["ok"] else ["-E"],
        env=env,
        bundle=bundle,
        scratch=scratch,
        guarded=guarded,
        timeout=float(options["timeout"]),
        deadline=time.monotonic() + float(options["deadline"]),
        follows=bool(options["follows"]),
    )
    surface = {} if options["fast"] else shape.surfaces(dists)
    plan = families(dists, loose, surface, options)
    workers = max(1, min(len(os.sched_getaffinity(0)), 16))
    outcomes = runner.all(plan, workers, "import")
    compiled = {"kind": "standard", "root": "stdlib", "names": standard.names(python["stdlib"])}
    base = runner.all([compiled], 1)
    outcomes += runner.all(again(outcomes, plan), workers)
    clock.lap("imports")
    compared = files.compare(dists, hashes=not options["fast"], jobs=workers)
    clock.lap("files")
    kinds = runtimes.found(folders([python["prefix"], *sites]) if python["prefix"] != "/usr" else sites)
    used = [] if options["fast"] else runner.all(uses(dists, outcomes, compared, options), workers, "read")
    clock.lap("usage")
    sent = twice(runner, trips(outcomes, kinds, options), workers)
    clock.lap("exchange")
    return {
        "format": FORMAT,
        "python": python,
        "start": begun,
        "path": path,
        "variables": [name for name in VARIABLES if os.environ.get(name)],
        "distributions": [distributions.facts(dist) for dist in dists],
        "loose": loose,
        "scripts": shape.scripts(python["prefix"], dists),
        "placeholders": shape.placeholders(dists),
        "surface": surface,
        "shadows": shaded,
        "leftovers": shape.leftovers(path),
        "severed": shape.severed(sites, dists),
        "imports": outcomes,
        "standard": base[0].get("failed", {}),
        "files": compared,
        "usage": used,
        "runtimes": kinds,
        "exchange": sent,
        "workers": workers,
        "timings": clock.timings,
    }


def sweep(folder: str) -> None:
    """Remove what probes that were killed have left."""
    for name in os.listdir(folder):
        pid = name[len(SCRATCH) :].partition("-")[0]
        if name.startswith(SCRATCH) and pid.isdigit() and not os.path.exists("/proc/" + pid):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def surroundings(scratch: str) -> dict[str, str]:
    """The environment of everything that is started: the user's, but nothing is written where it counts."""
    home, temporary = os.path.join(scratch, "home"), os.path.join(scratch, "tmp")
    for folder in (home, temporary):
        os.mkdir(folder)
    env = dict(os.environ)
    if not env.get("PYTHONUSERBASE"):
        env["PYTHONUSERBASE"] = os.path.join(os.path.expanduser("~"), ".local")
    env.update(HOME=home, TMPDIR=temporary, PYTHONDONTWRITEBYTECODE="1")
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "PYTHONSTARTUP"):
        env.pop(name, None)
    return env


def is_site(folder: str) -> bool:
    """Whether a path entry is one that installers fill."""
    return os.path.basename(folder) in ("site-packages", "dist-packages")


def folders(paths: list[str]) -> list[str]:
    """The outermost of these folders, resolved; never the root."""
    real = sorted({os.path.realpath(path) for path in paths if os.path.isdir(path)} - {"/"})
    return [path for path in real if not any(path.startswith(other + "/") for other in real)]


def families(
    dists: list[dict[str, Any]],
    loose: list[dict[str, Any]],
    surface: dict[str, list[str]],
    options: dict[str, Any],
) -> list[dict[str, Any]]:
    """One job a distribution, with its roots and, unless `fast`, their compiled modules; the longest first.

    Each of the `roots` is a pair of a name and the names `below` it.
    """
    plan = []  # type: list[dict[str, Any]]
    planned = {}  # type: dict[str, list[str]]
    attributes = options["attributes"]

    def add(roots: list[str], weight: int = 0) -> None:
        new = [root for root in dict.fromkeys(roots) if root not in planned]
        planned.update((root, []) for root in new)
        if new:
            pairs = [[root, planned[root]] for root in new]
            plan.append({"root": new[0], "roots": pairs, "weight": weight, "attributes": attributes})

    for dist in dists:
        roots = [root for root in dist["roots"] if root.partition(".")[0] not in SKIPPED]
        # The root with the most modules is what the others lean on: they are imported on top of it.
        add(sorted(roots, key=lambda root: -extent(dist, root)), len(dist["files"] or ()))
        for module, _ in [] if options["fast"] else dist["extensions"]:
            owner = next((root for root in roots if module.startswith(root + ".")), None)
            if owner is not None and not is_test(module):
                planned[owner].append(module)
    for root, modules in surface.items():
        if root in planned:
            planned[root] += modules
    found = [each["name"] for each in loose if each["name"] not in STARTERS]
    for name in [*found, *options["imports"], *attributes]:
        add([name])
    for below in planned.values():
        below[:] = dict.fromkeys(below)
    return sorted(plan, key=lambda job: (-sum(len(below) for _, below in job["roots"]), -job["weight"]))


def extent(dist: dict[str, Any], root: str) -> int:
    """How many files lie below a root."""
    stem = root.replace(".", "/") + "/"
    return sum(row[0].startswith(stem) for row in dist["files"] or ())


def uses(
    dists: list[dict[str, Any]],
    outcomes: list[dict[str, Any]],
    compared: dict[str, Any],
    options: dict[str, Any],
) -> list[dict[str, Any]]:
    """One job a root that imported: its code against what the other distributions have.

    A distribution that another has overwritten is held against itself as well.
    """
    programs = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", os.defpath)
    overwritten = {name for entry in compared["shared"] for name in entry["differs"]}
    fine = imported(outcomes)
    tops = {}  # type: dict[str, set[str]]
    for dist in dists:
        for root in dist["roots"]:
            tops.setdefault(dist["name"], set()).add(root.partition(".")[0])
    needed = {simplified(word) for dist in dists for word in dist["requires"] if "extra ==" not in word}
    everything = set().union(*tops.values()) if tops else set()
    plan = []
    for dist in dists:
        if dist["name"] in TOOLS or not dist["files"]:
            continue
        for root in dist["roots"]:
            if root not in fine:
                continue
            files = sources(dist, root)
            if files:
                own = set() if dist["name"] in overwritten else tops[dist["name"]]
                others = sorted(everything - own - TOOLS)
                job = {"kind": "usage", "root": root, "files": files, "others": others, "dist": dist["name"]}
                job["summary"] = dist["summary"]
                job["commands"] = commands(dist["entry_points"])
                # What is only there for others is read as far as it is loaded: more would decide nothing.
                job["hot"] = simplified(dist["name"]) in needed and not dist.get("requested")
                plan.append(dict(job, budget=options["budget"], gone=options["gone"], path=programs))
    return sorted(plan, key=lambda job: -len(job["files"]))


def commands(text: str) -> dict[str, str]:
    """Module to the command that it is, of those that `entry_points.txt` promises."""
    found = {}  # type: dict[str, str]
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip(" []\t")
        elif section == "console_scripts" and "=" in line:
            name, _, value = line.partition("=")
            found.setdefault(re.split(r"[:\[]", value)[0].strip(), name.strip())
    return found


def imported(outcomes: list[dict[str, Any]]) -> set[str]:
    """Modules whose import came to a good end."""
    return {each["module"] for each in outcomes if "file" in each and "error" not in each}


def trips(
    outcomes: list[dict[str, Any]], kinds: dict[str, list[str]], options: dict[str, Any]
) -> list[dict[str, Any]]:
    """Round trips through every consumer that imports, and one process that loads runtimes together."""
    if options["fast"]:
        return []
    fine = imported(outcomes)
    jealous = runtimes.jealous(kinds)
    plan = []  # type: list[dict[str, Any]]
    if len(jealous) > 1:
        plan.append({"kind": "runtimes", "root": "OpenMP", "files": jealous})
    if options["exchange"] and "numpy" in fine:
        plan += [{"kind": "exchange", "root": name} for name in exchange.CONSUMERS if name in fine]
    return plan


def twice(runner: jobs.Runner, plan: list[dict[str, Any]], workers: int) -> list[dict[str, Any]]:
    """Outcomes of round trips; what was late is sent again with the machine to itself."""
    sent = runner.all(plan, workers, "exchange")
    late = {each["module"] for each in sent if each.get("timeout")}
    more = runner.all([job for job in plan if job["root"] in late], 1)
    return [each for each in sent if each["module"] not in late] + more


def simplified(requirement: str) -> str:
    """The canonical name that a requirement begins with."""
    name = re.match(r"[\w.-]*", requirement)
    return re.sub(r"[-_.]+", "-", name.group() if name else "").lower()


def sources(dist: dict[str, Any], root: str) -> list[list[Any]]:
    """Python files of a root as [module, path, is package]."""
    found = []
    stem = root.replace(".", "/")
    for path, _, _ in dist["files"]:
        if path == stem + ".py" or (path.startswith(stem + "/") and path.endswith(".py")):
            name, package = path[:-3], path.endswith("/__init__.py")
            module = (name[: -len("/__init__")] if package else name).replace("/", ".")
            found.append([module, os.path.join(dist["folder"], path), package])
    return found


def is_test(module: str) -> bool:
    """Whether a module is part of somebody's tests."""
    return any(
        part in ("tests", "test", "testing", "conftest") or part.startswith("_") and part.endswith("tests")
        for part in module.split(".")[1:]
    )


def again(outcomes: list[dict[str, Any]], plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Jobs that confirm, alone and in a fresh process, what may have come from the fork or a neighbour."""
    doubtful = ("signal", "exit", "timeout", "murder", "bomb", "flood")
    names = [each["module"] for each in outcomes if any(key in each for key in doubtful)][:20]
    later = {root for job in plan for root, _ in job["roots"][1:]}
    names += [each["module"] for each in outcomes if each["module"] in later and "error" in each]
    return [{"root": name, "roots": [[name, []]]} for name in dict.fromkeys(names)]
