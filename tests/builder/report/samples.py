"""Reports of every kind that the forms have to show."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from builder.report.changes import Changes, Moved
from builder.report.model import Report, StageReport
from builder.report.occasion import Occasion
from builder.report.scrubbing import Private
from builder.report.source import Source
from builder.values.environment import Environment
from builder.values.verdict import Installed, Verdict
from envspec.proof.gpu.served import GpuProof, Row, Served
from envspec.spec.cards import architecture
from envspec.system.errors import BuildError, FindingsError
from envspec.system.finding import Finding, Severity
from envspec.system.rules import RULES

SPEC = """\
name = "demo"
python = "3.11"
[base]
image = "python:3.11"
[[stage]]
name = "numeric"
install = ["numpy==1.23.5"]
[[stage]]
name = "service"
install = [
    "flask==3.0.3",
    "Soundfile>=0.12",
]
"""
DIGEST = "sha256:" + "0" * 64
NOBODY = Private()
"""A machine with nothing to hide."""


def info(number: int, package: str = "flask") -> Finding:
    return RULES["EV206"].finding(
        f"{package}.part{number}: the import prints '<b>hello</b>'", where=f"{package}.part{number}"
    )


ERROR = RULES["EV203"].finding(
    "soundfile 0.12.1 needs libsndfile.so.1, which is not there",
    hint="apt-get install libsndfile1",
    where="soundfile",
)
WARNING = Finding(
    rule="EV001",
    severity=Severity.WARNING,
    message="Soundfile>=0.12 leaves the version open: only the lock holds it still",
    hint="pin it, as in Soundfile==1.2.3",
    where="stage[1].install[1]",
)
STAGES = (
    StageReport(name="numeric", why="others adapt to it", packages={"numpy": "1.23.5"}, size=17_000_000),
    StageReport(name="service", why="", packages={"flask": "3.0.3", "soundfile": "0.12.1"}, size=1_200_000),
)
VERDICT = Verdict(
    target="/tmp/demo",
    findings=(),
    python="3.11.7",
    platform="linux-x86_64, glibc 2.36",
    distributions=(
        Installed(name="Flask", version="3.0.3", size=340_000, requires=("Werkzeug>=3",), roots=("flask",)),
        Installed(name="numpy", version="1.23.5", size=60_000_000, roots=("numpy",), extensions=19),
        Installed(name="pip", version="24.0", roots=("pip",)),
        Installed(
            name="soundfile",
            version="0.12.0",
            size=3_700_000,
            requires=("flask<3", "numpy"),
            roots=("_soundfile", "soundfile"),
            extensions=1,
            numpy=">=1.20",
        ),
    ),
    counts={"distributions": 4, "imports": 155, "extensions": 136, "files": 2893, "bytes": 64_040_000},
    timings={"start": 0.04, "imports": 3.2, "total": 4.1},
)
TRIAL = {
    "ready": True,
    "ready_seconds": 1.4,
    "memory": 56_000_000,
    "trials": [{"status": 200, "seconds": 0.3, "audio": {"rate": 22050, "seconds": 3.2, "rms": 3396}}],
    "log": "a line with a secret",
}
ENVIRONMENT = Environment(
    backend="virtualenv",
    reference="/tmp/demo",
    digest=DIGEST,
    python="/tmp/demo/bin/python",
    payload=None,
    reused=True,
    variables={"API_TOKEN": "in the environment"},
)
OCCASION = Occasion(
    date="2026-01-31T09:05:00Z",
    command="build-image . --report out",
    commit="0123456789ab",
    changed=True,
    system="Debian GNU/Linux 12 (bookworm), Linux 6.1.0",
    processor="x86_64, 2 processors",
    python="CPython 3.11.2",
)
CHANGES = Changes(
    since="2026-01-30T09:05:00Z",
    verdicts=("ships", "must be fixed"),
    new=(ERROR,),
    gone=(WARNING,),
    moved=(
        Moved(name="numpy", before="1.23.5", after="1.26.4"),
        Moved(name="six", before="1.16.0", after=""),
        Moved(name="cffi", before="", after="2.0"),
    ),
    sizes=(60_000_000, 64_040_000),
    aside=("the last run did not come to the verification: its findings are not counted as new",),
)
SHIPS = Report(
    name="demo",
    source=Source(file="envspec.toml", text=SPEC),
    phase="ship",
    lock=DIGEST,
    plan=DIGEST,
    stages=STAGES,
    environment=ENVIRONMENT,
    verdict=VERDICT,
    trials={"main": TRIAL},
    files=("envspec.lock",),
    said=("docker run --rm -p 5000:5000 demo",),
    seconds={
        "lint": 0.001,
        "lock": 4.0,
        "prove": 2.1,
        "plan": 0.004,
        "build": 31.5,
        "verify": 64.2,
        "ship": 0.0,
    },
).having(info(0))
UNSOUND = dataclasses.replace(
    SHIPS, variant="cuda", phase="verify", verdict=dataclasses.replace(VERDICT, findings=(ERROR,))
).having(ERROR, WARNING)
MANY = UNSOUND.having(
    *(dataclasses.replace(ERROR, rule=rule, severity=Severity.ERROR) for rule in sorted(RULES)[:14]),
    *(dataclasses.replace(WARNING, message=f"number {number} is left open") for number in range(25)),
    *(info(number, "numpy") for number in range(300)),
)
FAILED = dataclasses.replace(
    SHIPS,
    phase="build",
    findings=(WARNING,),
    environment=None,
    verdict=None,
    trials={},
    failure=BuildError("stage service failed\nno space left on device", hint="free some space"),
    seconds={"lint": 0.001, "lock": 4.0, "prove": 2.1, "plan": 0.004, "build": 31.5},
)
JUDGED = Report(
    name="/srv/venv",
    phase="verify",
    verdict=dataclasses.replace(VERDICT, fast=True),
    seconds={"verify": 4.2},
)
EMPTY = Report(name="nothing")


def proof(
    *words: str, driver: str = "", names: Sequence[str] = ("torch", "xformers"), **changes: Any
) -> GpuProof:
    """What of a set serves cards: the first package all of them, the last none, each beside NVIDIA's own."""
    cards = tuple(dict.fromkeys(str(architecture(word)) for word in words))
    whys = {
        names[0]: "it computes with CUDA 12 (libcudart.so.12)",
        names[-1]: "its PTX for sm_80, all that it has for sm_120, must be compiled by the driver",
    }
    kinds = (Served(by="machine code", code="sm_80"), Served(by="PTX", code="sm_80", driver="570.26"))
    rows = [
        Row(
            package=name,
            version="2.8.0",
            nvidia=False,
            cuda=12,
            machine=("sm_75", "sm_80", "sm_86", "sm_90"),
            ptx=("sm_90",),
            served=tuple(
                (*kinds, Served(by="none"), Served(by="unknown"))[(number and place) % 4]
                for place in range(len(cards))
            ),
            driver="525.60.13" if number == 0 else "570.26",
            why=whys.get(name, whys[names[0]]),
        )
        for number, name in enumerate(names)
    ]
    own = [
        Row(
            package=name, version="12.8.4.1", nvidia=True, cuda=12, driver="525.60.13",
            served=tuple(Served(by="release") for _ in cards), why="NVIDIA's libraries of CUDA 12 do",
        )
        for name in ("nvidia-cublas-cu12", "nvidia-cudnn-cu12")
    ]  # fmt: skip
    given = {"cards": cards, "words": words, "open": False, "driver": driver, "rows": (*rows, *own)}
    return GpuProof(**{**given, **changes})


GPU = dataclasses.replace(SHIPS, gpu=proof("sm_90", "RTX 4090", driver="580"))
CROWDED = dataclasses.replace(
    UNSOUND,
    gpu=proof(
        *(
            "Tesla T4",
            "A100",
            "RTX A6000",
            "RTX 6000 Ada Lovelace",
            "L40S",
            "H100",
            "B200",
            "GB300",
            "RTX 5090",
        ),
        names=["torch", *(f"a-package-with-a-very-long-name-number-{number}" for number in range(30))],
    ),
)
OPEN = dataclasses.replace(SHIPS, gpu=proof(open=True))
CHANGED = dataclasses.replace(UNSOUND, occasion=OCCASION, changes=CHANGES)
UNCHANGED = dataclasses.replace(
    SHIPS, occasion=OCCASION, changes=Changes(since="", verdicts=("ships", "ships"))
)
REFUSED = dataclasses.replace(
    UNSOUND,
    phase="prove",
    environment=None,
    verdict=None,
    trials={},
    failure=FindingsError(
        "the proof found errors: EV203", (), hint="run `envspec fix` or `envspec lock SPEC`"
    ),
)
PROCESSORS = dataclasses.replace(SHIPS, gpu=proof(open=False))
REPORTS = {
    "gpu": GPU,
    "changed": CHANGED,
    "unchanged": UNCHANGED,
    "refused": REFUSED,
    "crowded": CROWDED,
    "open": OPEN,
    "processors": PROCESSORS,
    "ships": SHIPS,
    "unsound": UNSOUND,
    "many": MANY,
    "failed": FAILED,
    "judged": JUDGED,
    "empty": EMPTY,
}
