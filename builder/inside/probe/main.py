"""The probe's own pass: read what is installed, start the interpreter, import everything, say it as JSON."""

from __future__ import annotations

import concurrent.futures
import json
import os
import re
import shutil
import sys
import tempfile
import time

from ..names import canonical_name
from . import (
    asides,
    bytecode,
    cards,
    device,
    distributions,
    doors,
    exchange,
    files,
    jobs,
    plugins,
    rescue,
    runtimes,
    shadows,
    shape,
    standard,
    startup,
    strays,
)
from .protocol import FORMAT, MARK, READING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .report import (
        ComparedFiles,
        ExchangeOutcome,
        FoundDistribution,
        ImportOutcome,
        InterpreterFacts,
        LooseModule,
        PluginOutcome,
        ProbeReport,
        Start,
        UsageOutcome,
    )

SCRATCH = "envspec-probe-"
"""How temporary folders of probes begin; the process id follows."""
MOST = 20
"""Modules that are tried again in the folder that programs start in."""
MUCH = 150
"""Files of a distribution from which on reading them takes longer than to import its root once more."""
MANY = 20
"""Modules below the roots of a family, likewise."""
STARTERS = {"sitecustomize", "usercustomize"}
"""What the interpreter itself imports when it starts, and goes on without."""
TOOLS = {"pip", "setuptools", "wheel", "uv", "pkg_resources", "_distutils_hack"}
"""What installs: it carries its dependencies inside."""
VARIABLES = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "LD_PRELOAD", "LD_LIBRARY_PATH")
"""Variables whose presence (never the value of others) is a fact."""
DOUBTFUL = ("signal", "exit", "timeout", "killed_by", "processes", "flood")
"""Ends of an import that may have come from the fork or a neighbour."""


class Clock:
    """A clock that keeps how many seconds each phase took."""

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
        report = Probe(bundle, scratch).report()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.stdout.write(MARK + json.dumps(report) + "\n")
    sys.stdout.flush()


class Probe:
    """One look at one environment: its phases in order, each resting on what those before it have found."""

    def __init__(self, bundle: dict[str, Any], scratch: str) -> None:
        self.bundle, self.scratch = bundle, scratch
        self.options = bundle["options"]
        self.fast = bool(self.options["fast"])
        self.clock = Clock()
        self.workers = max(1, min(len(os.sched_getaffinity(0)), 16))
        self.env = surroundings(scratch)
        self.python = startup.describe_interpreter()
        self.device = device.look()
        self.start, self.path = start_as_users_do(self.python, self.env)
        self.clock.lap("start")
        library = (self.python["stdlib"], os.path.join(self.python["stdlib"], "lib-dynload"))
        known = [os.path.realpath(each) for each in library]
        self.sites = [entry for entry in self.path if entry not in known]
        if not bytecode.is_compiled(self.sites):
            # Each process would compile anew what it imports: they share what one of them has compiled.
            self.env["PYTHONPYCACHEPREFIX"] = compiled = os.path.join(scratch, "compiled")
            bytecode.lend(self.python["stdlib"], compiled)
            del self.env["PYTHONDONTWRITEBYTECODE"]
        self.dists = distributions.find_distributions(self.sites)
        for dist in self.dists:
            left_out = strays.strays(dist)
            dist["roots"] = [root for root in dist["roots"] if root not in left_out]

    def report(self) -> ProbeReport:
        """All facts of this environment."""
        python, dists, options = self.python, self.dists, self.options
        loose = files.ownerless([each for each in self.sites if is_site(each)], dists)
        shaded = shadows.find_shadows(python, self.path, self.env)
        surface = {} if self.fast else shape.surfaces(dists)
        begun = {} if self.fast else doors.doors(dists)
        self.clock.lap("read")
        self.runner = self.make_runner()
        comparing = self.begin_comparing()
        uses = self.plan_uses()
        plan = families(dists, loose, surface, list(begun), uses, options)
        if self.workers > 1:
            plan = [each for job in plan for each in read_beside(job)]
        outcomes, used, broken = self.import_all(plan)
        below = folders([python["prefix"], *self.sites]) if python["prefix"] != "/usr" else self.sites
        kinds = runtimes.find_runtimes(below)
        used += self.read_rest(uses, outcomes, {each["module"] for each in used})
        trips = round_trips(outcomes, kinds, options)
        if not self.fast and plugins.HOST in imported(outcomes):
            trips.append({"kind": "plugins", "root": plugins.HOST, "modules": plugins.modules(dists)})
        sent, hosted = send_twice(self.runner, trips, self.workers)
        self.clock.lap("exchange")
        self.try_cards(outcomes)
        self.clock.lap("cards")
        compared = comparing.result()
        self.clock.lap("files")
        return {
            "format": FORMAT,
            "python": python,
            "start": self.start,
            "path": self.path,
            "variables": [name for name in VARIABLES if os.environ.get(name)],
            "distributions": [distributions.report(dist) for dist in dists],
            "loose": loose,
            "scripts": shape.scripts(python["prefix"], dists),
            "placeholders": shape.placeholders(dists),
            "surface": surface,
            "doors": begun,
            "shadows": shaded,
            "leftovers": shape.leftovers(self.path),
            "severed": shape.severed(self.sites, dists),
            "imports": outcomes,
            "standard": broken,
            "files": compared,
            "usage": used,
            "runtimes": kinds,
            "exchange": sent,
            "plugins": hosted,
            "device": self.device,
            "workers": self.workers,
            "timings": self.clock.timings,
        }

    def make_runner(self) -> jobs.Runner:
        """What carries out jobs; its time begins now."""
        return jobs.Runner(
            executable=self.python["executable"],
            options=[] if self.start["ok"] else ["-E"],
            env=self.env,
            bundle=self.bundle,
            scratch=self.scratch,
            guarded=folders([self.python["prefix"], self.python["base_prefix"], *self.sites]),
            timeout=float(self.options["timeout"]),
            deadline=time.monotonic() + float(self.options["deadline"]),
            follows=bool(self.options["follows"]),
        )

    def import_all(
        self, plan: list[dict[str, Any]]
    ) -> tuple[list[ImportOutcome], list[UsageOutcome], dict[str, str]]:
        """How every import went, what its code uses, and the standard modules that cannot be loaded."""
        told = self.runner.run_all(plan, self.workers, "import")
        outcomes = [each for each in told if "usage" not in each]  # type: list[ImportOutcome]
        fine = imported(outcomes)
        read = (each for each in told if "usage" in each and "failed" not in each and "late" not in each)
        used = [each for each in read if each["module"] in fine]  # type: list[UsageOutcome]
        names = standard.names(self.python["stdlib"])
        base = self.runner.run_all([{"kind": "standard", "root": "stdlib", "names": names}], 1)
        outcomes += self.runner.run_all(again(outcomes, plan), self.workers)
        outcomes += self.try_where_programs_start(outcomes)
        outcomes += self.try_after_hosts(outcomes)
        outcomes += self.try_with_loans(outcomes)
        self.clock.lap("imports")
        return outcomes, used, base[0].get("failed", {})

    def try_where_programs_start(self, outcomes: list[ImportOutcome]) -> list[ImportOutcome]:
        """How those imports went that failed elsewhere and succeed in the folder that programs start in.

        One's own code may read a file of its own when it is imported.
        """
        folder = self.options.get("folder")
        if not folder or not os.path.isdir(folder):
            return []
        failed = [each["module"] for each in outcomes if "error" in each]
        failed = [name for name in dict.fromkeys(failed) if name not in imported(outcomes)][:MOST]
        plan = [{"root": name, "roots": [[name, []]], "cwd": folder} for name in failed]
        told = self.runner.run_all(plan, self.workers)  # type: list[ImportOutcome]
        return [each for each in told if each["module"] in imported(told)]

    def try_after_hosts(self, outcomes: list[ImportOutcome]) -> list[ImportOutcome]:
        """How those imports went that name the package which brings them, after that one: it comes first."""
        plan = hosted(outcomes, self.dists)
        told = self.runner.run_all(plan, self.workers)  # type: list[ImportOutcome]
        wanted = {job["roots"][1][0] for job in plan}
        return [each for each in told if each["module"] in wanted & imported(told)]

    def try_with_loans(self, outcomes: list[ImportOutcome]) -> list[ImportOutcome]:
        """How those imports went that lacked a library which is elsewhere, once it was loaded before."""
        loans = rescue.Rescue(
            self.dists, str(self.options["driver"]), self.scratch, card=bool(self.device.get("nodes"))
        )
        last = list({each["module"]: each for each in outcomes}.values())  # type: list[Any]
        told = []  # type: list[ImportOutcome]
        plan = loans.jobs(last)
        while plan:
            last = self.runner.run_all(plan, self.workers)
            told += last
            plan = loans.jobs(last)
        return loans.settled([*outcomes, *told])

    def try_cards(self, outcomes: list[ImportOutcome]) -> None:
        """Compute on this machine's cards, where it has some."""
        if self.device["nodes"] and not self.fast:
            fine = imported(outcomes) & set(cards.LIBRARIES)
            job = {"kind": "cards", "root": "card", "libraries": sorted(fine)}
            for each in self.runner.run_all([job], 1, "cards"):
                self.device.update(each.get("facts", {"error": "the driver did not answer"}))

    def begin_comparing(self) -> concurrent.futures.Future[ComparedFiles]:
        """Hold files against their records while all else goes on: that waits for disks above all."""
        pool = concurrent.futures.ThreadPoolExecutor(1)
        begun = pool.submit(files.compare_files, self.dists, hashes=not self.fast, jobs=self.workers)
        pool.shutdown(wait=False)
        return begun

    def plan_uses(self) -> dict[str, list[dict[str, Any]]]:
        """By root, the jobs that read what code there uses of others: one for each distribution in it."""
        return {} if self.fast else uses(self.dists, self.options)

    def read_rest(
        self, plan: dict[str, list[dict[str, Any]]], outcomes: list[ImportOutcome], known: set[str]
    ) -> list[UsageOutcome]:
        """The same for those that were not read where they were imported, as they failed there at first."""
        rest = [job for root in sorted(imported(outcomes) & set(plan) - known) for job in plan[root]]
        self.runner.allow(float(self.options["deadline"]) * READING)
        used = self.runner.run_all(rest, self.workers, "read")  # type: list[UsageOutcome]
        self.clock.lap("usage")
        return used


def start_as_users_do(python: InterpreterFacts, env: dict[str, str]) -> tuple[Start, list[str]]:
    """How the interpreter starts, and its path: that of a start without variables where they break it."""
    begun = startup.start_interpreter(python["executable"], env, [])
    trusted = begun if begun.get("path") else startup.start_interpreter(python["executable"], env, ["-E"])
    return begun, [os.path.realpath(entry) for entry in trusted.get("path", []) if os.path.isdir(entry)]


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
    dists: list[FoundDistribution],
    loose: list[LooseModule],
    surface: dict[str, list[str]],
    begun: list[str],
    uses: dict[str, list[dict[str, Any]]],
    options: dict[str, Any],
) -> list[dict[str, Any]]:
    """One job a distribution, with its roots and, unless `fast`, their compiled modules; the longest first.

    `surface` has the modules that are imported in the place of a root that is empty, `begun` those in which
    commands and plugins begin, `uses` what is read of a root once it is imported.

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
            read = {root: uses[root] for root in new if root in uses}
            plan.append(
                {"root": new[0], "roots": pairs, "weight": weight, "attributes": attributes, "uses": read}
            )

    for dist in dists:
        roots = [root for root in dist["roots"] if not asides.is_stray(root)]
        # The root with the most modules is what the others lean on: they are imported on top of it.
        add(sorted(roots, key=lambda root: -extent(dist, root)), len(dist["files"] or ()))
        for module, _ in [] if options["fast"] else dist["extensions"]:
            owner = next((root for root in roots if module.startswith(root + ".")), None)
            if owner is not None and not asides.is_test(module):
                planned[owner].append(module)
    for root, modules in surface.items():
        if root in planned:
            planned[root] += modules
    for module in begun:
        roots = [root for root in planned if module.startswith(root + ".")]
        if roots and not asides.is_test(module):
            planned[max(roots, key=len)].append(module)
    found = [each["name"] for each in loose if each["name"] not in STARTERS]
    for name in [*found, *options["imports"], *attributes]:
        add([name])
    for below in planned.values():
        below[:] = dict.fromkeys(below)
    # A compiled module is imported in a process of its own, a file only read.
    return sorted(plan, key=lambda job: -(10 * sum(len(below) for _, below in job["roots"]) + job["weight"]))


def read_beside(family: dict[str, Any]) -> list[dict[str, Any]]:
    """The job of a family, and what its root's code uses as jobs of their own, where both take their time."""
    uses = family["uses"].get(family["root"], [])
    below = sum(len(names) for _, names in family["roots"])
    much = any(len(job["files"]) >= MUCH and not job["hot"] for job in uses)
    if below < MANY or not much:
        return [family]
    rest = {root: jobs for root, jobs in family["uses"].items() if root != family["root"]}
    return [dict(family, uses=rest), *uses]


def extent(dist: FoundDistribution, root: str) -> int:
    """How many files lie below a root."""
    stem = root.replace(".", "/") + "/"
    return sum(row[0].startswith(stem) for row in dist["files"] or ())


def uses(dists: list[FoundDistribution], options: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Jobs by root: its code against what the other distributions have.

    A distribution that another has overwritten is held against itself as well.
    """
    programs = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", os.defpath)
    overwritten = files.overwritten(dists)
    tops = {}  # type: dict[str, set[str]]
    named = {}  # type: dict[str, set[str]]
    for dist in dists:
        for root in dist["roots"]:
            tops.setdefault(dist["name"], set()).add(root.partition(".")[0])
        named[canonical_name(dist["name"])] = tops.get(dist["name"], set())
    brought = distributions.needed(dists)
    everything = set().union(*tops.values()) if tops else set()
    plan = {}  # type: dict[str, list[dict[str, Any]]]
    for dist in dists:
        if dist["name"] in TOOLS or not dist["files"]:
            continue
        for root in dist["roots"]:
            read = sources(dist, root)
            if read:
                own = set() if dist["name"] in overwritten else tops[dist["name"]]
                others = sorted(everything - own - TOOLS)
                job = {"kind": "usage", "root": root, "files": read, "others": others}  # type: dict[str, Any]
                job.update(dist=dist["name"], summary=dist["summary"])
                job["commands"], job["starts"] = doors.commands(dist), doors.programs(dist)
                job["met"] = sorted(everything - own)
                required = (named.get(name, set()) for name in distributions.needed([dist]))
                job["requires"] = sorted(set().union(*required))
                # What is only there for others is read as far as it is loaded: more would decide nothing.
                job["hot"] = canonical_name(dist["name"]) in brought and not dist.get("requested")
                job.update(
                    budget=options["budget"], gone=options["gone"], path=programs, acts=options["acts"]
                )
                plan.setdefault(root, []).append(job)
    return plan


def hosted(outcomes: list[ImportOutcome], dists: list[FoundDistribution]) -> list[dict[str, Any]]:
    """Jobs that import a root after one that its error names, whose distribution requires it in an extra."""
    fine = imported(outcomes)
    plan = []  # type: list[dict[str, Any]]
    for outcome in {each["module"]: each for each in outcomes}.values():
        name, error = outcome["module"], outcome.get("error")
        named = set(re.findall(r"\w+", error["message"])) if error is not None else set()
        owners = {canonical_name(dist["name"]) for dist in dists if name in dist["roots"]} if named else set()
        hosts = [
            root
            for dist in (dists if owners else ())
            for root in dist["roots"]
            if root in named & fine and owners & distributions.optional([dist])
        ]
        plan += [{"root": name, "roots": [[host, []], [name, []]]} for host in sorted(hosts)]
    return plan


def imported(outcomes: list[ImportOutcome]) -> set[str]:
    """Modules whose import came to a good end."""
    return {each["module"] for each in outcomes if "file" in each and "error" not in each}


def round_trips(
    outcomes: list[ImportOutcome], kinds: dict[str, list[str]], options: dict[str, Any]
) -> list[dict[str, Any]]:
    """Round trips through every consumer that imports, and one process that loads runtimes together."""
    if options["fast"]:
        return []
    fine = imported(outcomes)
    exclusive = runtimes.exclusive(kinds)
    plan = []  # type: list[dict[str, Any]]
    if len(exclusive) > 1:
        plan.append({"kind": "runtimes", "root": "OpenMP", "files": exclusive})
    if options["exchange"] and "numpy" in fine:
        plan += [{"kind": "exchange", "root": name} for name in exchange.CONSUMERS if name in fine]
    return plan


def send_twice(
    runner: jobs.Runner, plan: list[dict[str, Any]], workers: int
) -> tuple[list[ExchangeOutcome], list[PluginOutcome]]:
    """Outcomes of round trips, and of hosts; what was late is tried again with the machine to itself."""
    sent = runner.run_all(plan, workers, "exchange")
    late = {each["module"] for each in sent if each.get("timeout")}
    more = runner.run_all([job for job in plan if job["root"] in late], 1)
    told = [each for each in sent if each["module"] not in late] + more
    return [each for each in told if "plugins" not in each], [each for each in told if "plugins" in each]


def sources(dist: FoundDistribution, root: str) -> list[list[Any]]:
    """Python files of a root as [module, path, is package]."""
    found = []
    stem = root.replace(".", "/")
    for path, _, _ in dist["files"] or ():
        if path == stem + ".py" or (path.startswith(stem + "/") and path.endswith(".py")):
            name, package = path[:-3], path.endswith("/__init__.py")
            module = (name[: -len("/__init__")] if package else name).replace("/", ".")
            found.append([module, os.path.join(dist["folder"], path), package])
    return found


def again(outcomes: list[ImportOutcome], plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Jobs that confirm, alone and in a fresh process, what may have come from the fork or a neighbour."""
    doubtful = [each for each in outcomes if any(key in each for key in DOUBTFUL) and "computed" not in each]
    names = [each["module"] for each in doubtful[:20]]
    later = {root for job in plan for root, _ in job.get("roots", [])[1:]}
    names += [each["module"] for each in outcomes if each["module"] in later and "error" in each]
    return [{"root": name, "roots": [[name, []]]} for name in dict.fromkeys(names)]
