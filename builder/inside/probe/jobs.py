"""Carries out jobs: each in a sandbox of its own, some at once, lost ones named and resumed."""

from __future__ import annotations

import json
import marshal
import os
import select
import signal
import subprocess
import threading
import time

from . import cards, child, exchange, group, plugins, runtimes, sandbox, standard, usage
from .protocol import PROGRESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

GRACE = 20.0
"""Seconds beyond a time-out in which a group must have said how an import ended."""

SMALL = 120
"""Files of a distribution from which on its families have processes of their own."""
FEW = 6
"""Modules below its roots, likewise: each is imported in a process."""
TOGETHER = 8
"""Small families that one process imports at most."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that tell libraries how many threads to start as soon as they are loaded."""

KINDS = {
    "sandbox": sandbox,
    "group": group,
    "standard": standard,
    "usage": usage,
    "runtimes": runtimes,
    "exchange": exchange,
    "plugins": plugins,
    "cards": cards,
}
"""Kinds of processes by the module whose `main` they run; the bundle says what each of these needs."""


class Runner:
    """The runner of all jobs, with what they share: interpreter, variables, loader and deadline."""

    def __init__(
        self,
        *,
        executable: str,
        options: list[str],
        env: dict[str, str],
        bundle: dict[str, Any],
        scratch: str,
        guarded: list[str],
        timeout: float,
        deadline: float,
        follows: bool = False,
    ) -> None:
        self.follows = follows
        self.executable = executable
        self.options = options
        self.env = env
        # As many imports at once as there are processors: with as many threads each they would stand in line.
        self.alone = {**dict.fromkeys(THREADS, "1"), **env}
        self.loader = bundle["loader"]
        self.scratch = scratch
        self.bundles = {kind: self.write_bundle(kind, bundle) for kind in KINDS}
        self.guarded = guarded
        self.timeout = timeout
        self.deadline = deadline
        self.counter = 0
        self.lock = threading.Lock()

    def allow(self, seconds: float) -> None:
        """Let what comes next have at least these seconds, however long it took to get here."""
        self.deadline = max(self.deadline, time.monotonic() + seconds)

    def run_all(self, jobs: list[dict[str, Any]], workers: int, title: str = "") -> list[Any]:
        """The outcomes of all jobs, `workers` of them at once; under a title it is told how far they are."""
        queue = list(reversed(jobs))
        self.title, self.done = title, 0
        self.total = sum(len(below) + 1 for job in jobs for _, below in job.get("roots", [("", [])]))
        self.total += sum(len(job.get("uses", ())) for job in jobs)
        outcomes = []  # type: list[dict[str, Any]]

        def work() -> None:
            while True:
                with self.lock:
                    taken = next_jobs(queue, workers)
                if not taken:
                    return
                found = self.run_together(taken) if len(taken) > 1 else self.run_job(taken[0])
                with self.lock:
                    outcomes.extend(found)

        threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcomes

    def report_progress(self, module: str) -> None:
        """Tell on standard error how far the jobs are, if anybody follows; `module` is the latest."""
        if not self.follows or not self.title:
            return
        with self.lock:
            self.done += 1
            told = {
                "title": self.title,
                "done": min(self.done, self.total),
                "of": self.total,
                "module": module,
            }
            os.write(2, (PROGRESS + json.dumps(told) + "\n").encode("utf-8", "replace"))

    def run_together(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Run small jobs one after the other in one process; those that it is lost over run by themselves."""
        outcomes, told = [], []  # type: tuple[list[dict[str, Any]], list[dict[str, Any]]]
        whole = 0
        if time.monotonic() < self.deadline:
            for line in self.run_group({"root": jobs[0]["root"], "together": jobs}).lines:
                if "end" in line:
                    told.append(dict(line["outcome"], module=line["end"]))
                elif "through" in line:
                    outcomes, told, whole = outcomes + told, [], whole + 1
        for job in jobs[whole:]:
            outcomes += self.run_job(job)
        return outcomes

    def run_job(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """Run one job to its end, starting again without what took the group down."""
        outcomes = []  # type: list[dict[str, Any]]
        job = dict(job)
        while time.monotonic() < self.deadline:
            listener = self.run_group(job)
            outcomes.extend(
                dict(each["outcome"], module=each["end"]) for each in listener.lines if "end" in each
            )
            if listener.done:
                return outcomes
            roots = job.get("roots", [])
            culprit = listener.open or (roots[0][0] if roots else job["root"])
            reads = {"usage": True} if listener.reads else {}
            outcomes.append(dict(listener.loss(), module=culprit, **reads))
            known = {each["module"] for each in outcomes}
            rest = [(root, [name for name in below if name not in known]) for root, below in roots]
            job["roots"] = [
                [root, below] for root, below in rest if root != culprit and (below or root not in known)
            ]
            if not job["roots"]:
                return outcomes
        reads = {"usage": True} if job.get("kind") == "usage" else {}
        outcomes.append(dict(reads, module=job["root"], late=True))
        return outcomes

    def run_group(self, job: dict[str, Any]) -> Listener:
        """Start a group, listen to it until it ends, and leave nothing of it running."""
        with self.lock:
            self.counter += 1
            number = self.counter
        read, write = os.pipe()
        job = dict(job, guarded=self.guarded, timeout=job.get("timeout", self.timeout))
        inner = self.write_job("job-%d.json" % number, job)
        program = self.bundles[job.get("kind", "group")]
        command = [self.executable, *self.options, "-c", self.loader, program, inner, str(write)]
        outer = self.write_job(
            "box-%d.json" % number,
            {"command": command, "guarded": self.guarded, "report": write},
        )
        output = open(os.path.join(self.scratch, "out-%d" % number), "w+b")
        process = subprocess.Popen(
            [self.executable, "-I", "-S", "-c", self.loader, self.bundles["sandbox"], outer],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=self.alone if job.get("kind", "group") in ("group", "usage") else self.env,
            cwd=job.get("cwd", self.scratch),
            pass_fds=[write],
            start_new_session=True,
        )
        os.close(write)
        listener = Listener(read, job["timeout"], self.report_progress)
        try:
            listener.listen(process, self.deadline)
        finally:
            os.close(read)
            for pid in child.descendants(process.pid):
                child.kill(pid)
            child.kill_group(process.pid)
            process.kill()
            listener.code = process.wait() if listener.code is None else listener.code
            listener.output = tail(output)
        return listener

    def write_bundle(self, kind: str, bundle: dict[str, Any]) -> str:
        """Write the modules that one kind of process needs, for the loader to read; returns the path."""
        path = os.path.join(self.scratch, kind + ".bundle")
        entry = "probe." + kind
        modules = [[name, code] for name, code in bundle["modules"] if name in bundle["needs"][entry]]
        with open(path, "wb") as stream:
            marshal.dump({"room": bundle["room"], "entry": entry, "modules": modules}, stream)
        return path

    def write_job(self, name: str, value: dict[str, Any]) -> str:
        """Write a job for a process to read; returns the path."""
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as stream:
            json.dump(value, stream)
        return path


def next_jobs(queue: list[dict[str, Any]], workers: int) -> list[dict[str, Any]]:
    """Take the next job off the queue, with those behind it as long as all are small.

    A process for each would cost more than what it does. Near the end everybody gets a share.
    """
    most = min(TOGETHER, -(-len(queue) // workers))
    taken = queue[-1:]
    del queue[-1:]
    while len(taken) < most and is_small(taken[-1]) and is_small(queue[-1]):
        taken.append(queue.pop())
    return taken


def is_small(job: dict[str, Any]) -> bool:
    """Whether a job imports a family of little code; of others it is not known."""
    return job.get("weight", SMALL) < SMALL and sum(len(below) for _, below in job["roots"]) < FEW


def tail(stream: Any) -> str:
    """The end of a temporary output file, which is closed."""
    with stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 3000))
        return str(stream.read().decode("utf-8", "replace"))


class Listener:
    """The end of a pipe to which a group says, line by line, how its imports went."""

    def __init__(self, fd: int, timeout: float, tell: Callable[[str], None]) -> None:
        self.fd = fd
        self.tell = tell
        self.timeout = timeout
        self.lines = []  # type: list[dict[str, Any]]
        self.open = None  # type: str | None
        self.reads = False
        """Whether it is the code of what is open that is read, rather than that it is imported."""
        self.started = self.done = False
        self.code = None  # type: int | None
        self.output = ""
        self.silent = False

    def listen(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        """Read until the group is done, dead, or silent for longer than any import may take."""
        rest = b""
        last = time.monotonic()
        os.set_blocking(self.fd, False)
        while not self.done:
            now = time.monotonic()
            if now > deadline or now - last > child.PATIENCE * self.timeout + GRACE:
                self.silent = True
                return
            ready, _, _ = select.select([self.fd], [], [], 0.5)
            block = os.read(self.fd, 1 << 18) if ready else None
            if block:
                last = now
                rest = self.take(rest + block)
            elif block == b"" or (process.poll() is not None and not ready):
                break
        try:
            self.code = process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.code = None

    def take(self, data: bytes) -> bytes:
        """Complete lines become values; what is left over comes back."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            try:
                value = json.loads(line.decode("utf-8", "replace"))
            except ValueError:
                continue
            if "begin" in value:
                self.open, self.reads = value["begin"], value.get("usage", False)
            elif "end" in value:
                self.open = None
                self.tell(value["end"])
            self.started = self.started or "started" in value
            self.done = self.done or "done" in value
            self.lines.append(value)
        return rest

    def loss(self) -> dict[str, Any]:
        """Why the group was lost, as an outcome of what it was doing."""
        if not self.started and not self.silent:
            return {"unstarted": True, "code": self.code, "output": self.output}
        if self.code == sandbox.TOO_MANY_PROCESSES:
            return {"processes": sandbox.PROCESSES}
        if self.silent:
            return {"timeout": True}
        signalled = self.code is not None and self.code > 128
        return {
            "killed_by": self.code - 128 if signalled and self.code else int(signal.SIGKILL),
            "output": self.output,
        }
