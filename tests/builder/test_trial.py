"""The trial of programs: what runs inside is asked, and what it saw is judged."""

from __future__ import annotations

import base64
import http.server
import io
import json
import math
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time
import wave
from typing import Any

import pytest

from builder.image import travelling
from builder.inside import asking, program
from builder.judge.expected import differences
from builder.judge.trial import try_program
from builder.judge.tried import judge_trial
from builder.judge.understood import error_rate
from builder.values.plan import Plan
from builder.values.program import PlannedProgram, planned_programs, service_program
from envspec.lockfile.lock import LockedModel
from envspec.spec.model import Service
from envspec.spec.program import Health
from tests.builder.backends.docker.conftest import make_plan
from tests.support.fakes import FakeBackend, environment
from tests.support.specs import spec, stage

TRIED = service_program(
    Service.model_validate(
        {"module": "app:app", "trial": {"path": "/tts", "json": {"text": "x"}, "audio": "audio"}}
    )
)


def programs(text: str) -> tuple[PlannedProgram, ...]:
    return planned_programs(spec(stage("one", "six==1.17.0"), tail=text))


def main(text: str) -> PlannedProgram:
    return programs(f"[run]\n{text}")[0]


def sound(seconds: float = 1.0, height: int = 8000, rate: int = 8000) -> bytes:
    """A JSON answer that holds a tone."""
    samples = [round(height * math.sin(number / 5)) for number in range(int(rate * seconds))]
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return json.dumps({"audio": base64.b64encode(file.getvalue()).decode()}).encode()


def test_audio_is_measured() -> None:
    facts = asking.measured(sound(2.0), "audio")
    assert (facts["rate"], facts["channels"], facts["bits"], facts["seconds"]) == (8000, 1, 16, 2.0)
    assert facts["rms"] == pytest.approx(8000 / math.sqrt(2), rel=0.01)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"audio": 7}', b'{"audio": "AAAA"}', b'{"audio": "%"}', b"\xff"]
)
def test_what_is_no_audio_is_said_so(body: bytes) -> None:
    assert "no WAV under 'audio'" in asking.measured(body, "audio")["error"]


# What the facts mean.


def rules(facts: dict[str, Any], tried: PlannedProgram = TRIED) -> list[str]:
    return [finding.rule for finding in judge_trial(facts, tried, service=True)]


def said(facts: dict[str, Any], tried: PlannedProgram) -> str:
    return "\n".join(f"{each.where}: {each.message}" for each in judge_trial(facts, tried))


READY = {"ready": True, "ready_seconds": 0.5, "memory": 1e6}


def answered(**answer: Any) -> dict[str, Any]:
    return {**READY, "trials": [answer]}


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (answered(status=200), ["EV305"]),
        (answered(status=200, audio={"seconds": 1.0, "rms": 3000}), ["EV305"]),
        (answered(status=200, audio={"seconds": 1.0, "rms": 3}), ["EV304"]),
        (answered(status=200, audio={"seconds": 0.0, "rms": 0}), ["EV304"]),
        (answered(status=200, audio={"error": "no WAV"}), ["EV304"]),
        (answered(status=500, said="oops"), ["EV303"]),
        (answered(error="timed out"), ["EV303"]),
        (answered(lacks="network"), ["EV308", "EV305"]),
        ({**answered(status=200), "ended": -9}, ["EV301"]),
        ({"ready": False, "ended": 1, "log": "no module x"}, ["EV301"]),
        ({"ready": False, "broken": True, "log": ""}, ["EV301"]),
        ({"ready": False, "seen": "/readyz answers 503"}, ["EV302"]),
        ({"missing": "there is no program x"}, ["EV306"]),
        ({"in_use": 5000}, ["EV308"]),
        ({"found": True}, ["EV308"]),
    ],
)
def test_what_the_facts_mean(facts: dict[str, Any], found: list[str]) -> None:
    assert rules(facts) == found


HEARD = service_program(
    Service.model_validate(
        {
            "module": "app:app",
            "trial": {"path": "/tts", "json": {"text": "x"}, "audio": "audio", "heard": "她八点来，世界！"},
        }
    )
)


def heard(answer: dict[str, Any]) -> dict[str, Any]:
    return answered(status=200, audio={"seconds": 1.0, "rms": 3000}, heard=answer)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (heard({"status": 200, "text": "他8点來 世界"}), ["EV305"]),
        (heard({"status": 200, "text": "李宝是天"}), ["EV315"]),
        (heard({"status": 200, "text": ""}), ["EV315"]),
        (heard({"status": 404, "said": '{"code": "no_ears"}'}), ["EV315"]),
        (heard({"error": "timed out"}), ["EV315"]),
    ],
)
def test_what_is_heard_is_held_against_what_was_said(facts: dict[str, Any], expected: list[str]) -> None:
    assert rules(facts, HEARD) == expected


@pytest.mark.parametrize(
    ("said", "found", "rate"),
    [
        ("Hello, World!", "hello world", 0.0),
        ("abcd", "abd", 0.25),
        ("abcd", "xxxxxxxxxx", 1.0),
        ("八点", "８点", 0.0),
        ("8 apples", "eight apples", 5 / 7),
        ("", "", 0.0),
    ],
)
def test_the_error_rate_counts_what_can_be_heard(said: str, found: str, rate: float) -> None:
    assert error_rate(said, found) == pytest.approx(rate)


def test_the_sound_is_given_to_what_listens(tmp_path: pathlib.Path) -> None:
    """The payload answers both paths; what it was sent to hear is what it said."""

    class Both(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, came))
            body = sound() if self.path == "/tts" else json.dumps({"text": "好"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    asked: list[tuple[str, dict[str, str]]] = []
    with http.server.HTTPServer(("127.0.0.1", 0), Both) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        wanted = {"path": "/tts", "json": {"text": "好"}, "audio": "audio", "heard": {"text": "好"}}
        got = asking.answered(f"http://127.0.0.1:{server.server_port}", wanted, 10.0)
        server.shutdown()
    assert got["heard"]["text"] == "好"
    path, sent = asked[1]
    assert path == "/asr"
    assert sent["audio"] == json.loads(sound())["audio"]
    assert sent["language"] == "zh"


def test_what_is_heard_needs_a_sound() -> None:
    with pytest.raises(ValueError, match="heard needs audio"):
        Service.model_validate({"module": "a:b", "trial": {"path": "/tts", "heard": "x"}})


def test_the_last_words_of_a_program_that_ends_are_the_hint() -> None:
    (finding,) = judge_trial({"ready": False, "ended": 1, "log": "Traceback\nno module x"}, TRIED)
    assert "no module x" in finding.hint


def test_last_words_are_alike_whenever_they_were_said() -> None:
    logs = (f"[2026-11-26 18:10:{second} +0000] [{second}] [ERROR] no voice" for second in (18, 19))
    first, second = ([*judge_trial({"ready": False, "ended": 1, "log": log}, TRIED)] for log in logs)
    assert first == second


WEB = """command = ["web"]
port = 8000
[[run.trial]]
path = "/price"
json = { sku = 7 }
expect = { total = 12.5 }
[[run.trial]]
path = "/"
output = "welcome"
[[run.trial]]
command = ["web", "check"]
exit = 3
output = "fine"
"""


@pytest.mark.parametrize(
    ("number", "answer", "words"),
    [
        (0, {"status": 200, "json": {"total": 12}},
         "[0]: the main program answers POST /price otherwise than expected: total is 12, expected 12.5"),
        (0, {"status": 404, "said": "nothing here"}, "POST /price with 404 instead of 200: nothing here"),
        (0, {"status": 200, "no_json": "bad", "said": "<html>"}, "POST /price with what is no JSON: <html>"),
        (1, {"status": 200, "holds": False, "said": "bye"},
         "run.trial[1]: the main program answers GET / without 'welcome': bye"),
        (2, {"exit": 1, "holds": True},
         "run.trial[2]: `web check`, a trial of the main program, ends with 1 instead of 3"),
        (2, {"exit": -11}, "ends with signal 11 instead of 3"),
        (2, {"exit": 3, "holds": False}, "does not say 'fine'"),
        (2, {"late": True}, "does not end in 120 s"),
        (2, {"missing": "there is no program web"}, "cannot be started: there is no program web"),
    ],
)  # fmt: skip
def test_a_trial_that_goes_wrong_says_what_was_expected(
    number: int, answer: dict[str, Any], words: str
) -> None:
    good: list[dict[str, Any]] = [
        {"status": 200, "json": {"total": 12.5}},
        {"status": 200, "holds": True},
        {"exit": 3, "holds": True},
    ]
    wanted = main(WEB)
    assert said({**READY, "trials": good}, wanted).startswith("run: the main program is ready")
    good[number] = answer
    assert words in said({**READY, "trials": good}, wanted)


@pytest.mark.parametrize(
    ("expected", "found", "words"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, ""),
        (12.0, 12, ""),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None, "c": 1}]}, ""),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "a[1].b is 3, expected 2"),
        ({"a": 1}, {}, "a is missing, expected 1"),
        ({"a": True}, {"a": 1}, "a is 1, expected true"),
        ([1, 2], [1], "it is a list of 1, expected 2"),
        ("x", None, 'it is null, expected "x"'),
        (
            {"long": {"of": 1}, "b": 2, "c": 3},
            {"long": {"of": 2}, "b": 3, "c": 3},
            "long.of is 2, expected 1; b is 3, expected 2",
        ),
    ],
)
def test_the_differences_are_told(expected: Any, found: Any, words: str) -> None:
    assert differences(expected, found) == words


@pytest.mark.parametrize(
    ("length", "rest"), [(5, ""), (6, "; and 1 more"), (9999, "; and at least 1000 more")]
)
def test_of_many_differences_some_are_told_and_the_others_counted(length: int, rest: str) -> None:
    told = differences([1] * length, [2] * length)
    assert told.endswith(f"[4] is 2, expected 1{rest}")
    assert told.count("expected 1") == 5


# Inside: whole programs.

PAYLOAD = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(302 if self.path == "/away" else 200)
        self.end_headers(); self.wfile.write(b"welcome")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.end_headers()
        self.wfile.write(open(sys.argv[2], "rb").read() if self.path == "/tts" else body)
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def tried(
    wanted: PlannedProgram, *, deadline: float = 20, grace: float = 0.3, refusal: float | None = None
) -> dict[str, Any]:
    """Run the script as it runs inside an environment."""
    task = {
        "name": wanted.name,
        "programs": {wanted.name: wanted.facts("/env", "3.11")},
        "trials": [
            {**trial.model_dump(mode="json", by_alias=True, exclude_defaults=True), "timeout": trial.timeout}
            for trial in wanted.trials
        ],
        "starts": True,
        "deadline": deadline,
        "grace": grace,
        "refusal": refusal,
    }
    done = subprocess.run(
        [sys.executable, "-", json.dumps(task)],
        input=travelling.program("trial"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


def started(*command: object, **more: Any) -> PlannedProgram:
    return TRIED.model_copy(update={"command": tuple(map(str, command)), **more})


def test_a_service_is_started_asked_and_stopped(tmp_path: pathlib.Path) -> None:
    (tmp_path / "answer").write_bytes(sound())
    facts = tried(started(sys.executable, "-c", PAYLOAD, "{port}", tmp_path / "answer"))
    assert facts["ready"]
    assert facts["trials"][0]["audio"]["seconds"] == 1.0
    assert facts["memory"] > 1_000_000
    assert rules(facts) == ["EV305"]


def test_requests_and_commands_are_made_in_order() -> None:
    trials = main(
        """command = ["x"]
port = 5000
[[run.trial]]
path = "/"
output = "welcome"
[[run.trial]]
path = "/echo"
json = { sku = 7, more = [1] }
expect = { sku = 7 }
[[run.trial]]
path = "/away"
status = 302
[[run.trial]]
command = ["python3", "-c", "print('port', {port}); raise SystemExit(3)"]
exit = 3
output = "port "
"""
    ).trials
    wanted = started(sys.executable, "-c", PAYLOAD, "{port}", "x", trials=trials, name="main")
    facts = tried(wanted)
    assert said(facts, wanted).startswith("run: the main program is ready after")
    assert [trial.get("status") or trial["exit"] for trial in facts["trials"]] == [200, 200, 302, 3]


def test_a_program_that_ends_is_reported_with_its_words() -> None:
    facts = tried(started(sys.executable, "-c", "raise SystemExit('no voice')"))
    assert (facts["ready"], facts["ended"]) == (False, 1)
    assert "no voice" in facts["log"]


def test_a_service_that_never_gets_ready_is_stopped() -> None:
    facts = tried(started(sys.executable, "-c", "import time; time.sleep(60)"), deadline=0.5)
    assert not facts["ready"]
    assert rules(facts) == ["EV302"]
    assert "/readyz answers nothing" in facts["seen"]


REFUSING = """
import http.server, sys, time
began = time.monotonic()
class Handler(http.server.BaseHTTPRequestHandler):
    server_version, sys_version = "shop/1", ""
    def do_GET(self):
        early = time.monotonic() - began < float(sys.argv[3])
        self.send_response(int(sys.argv[2]) if early else 200)
        self.end_headers(); self.wfile.write(b"no such page")
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_a_path_that_is_refused_again_and_again_ends_the_wait() -> None:
    wanted = started(sys.executable, "-c", REFUSING, "{port}", 404, 60, trials=())
    began = time.monotonic()
    facts = tried(wanted, refusal=0.5)
    assert time.monotonic() - began < 15
    (finding,) = judge_trial(facts, wanted)
    assert finding.rule == "EV302"
    assert "answers GET /readyz, its health, with 404 (shop/1): no such page" in finding.message
    assert "start-timeout" in finding.hint


@pytest.mark.parametrize(("status", "refusal"), [(404, 5.0), (404, None), (503, 0.3), (429, 0.3)])
def test_what_is_refused_at_first_or_busy_is_waited_for(status: int, refusal: float | None) -> None:
    wanted = started(sys.executable, "-c", REFUSING, "{port}", status, 1.5, trials=())
    assert tried(wanted, refusal=refusal)["ready"]


def test_without_health_a_service_must_go_on() -> None:
    sleeping = started(sys.executable, "-c", "import time; time.sleep(60)", health=None, trials=())
    assert "still runs after" in said(tried(sleeping), sleeping)
    ending = started(sys.executable, "-c", "pass", health=None, trials=())
    assert "ends with 0 instead of serving" in said(tried(ending), ending)


def test_a_command_can_tell_the_health(tmp_path: pathlib.Path) -> None:
    flag = tmp_path / "ready"
    code = f"import pathlib, time; time.sleep(0.3); pathlib.Path({str(flag)!r}).touch(); time.sleep(60)"
    asks = f"import pathlib, sys; sys.exit(not pathlib.Path({str(flag)!r}).exists())"
    health = Health(command=(sys.executable, "-c", asks))
    facts = tried(started(sys.executable, "-c", code, health=health, trials=()))
    assert facts["ready"]
    assert facts["ready_seconds"] >= 0.3


def test_a_job_is_run_to_its_end_with_further_words() -> None:
    code = "import sys; print(sys.argv[1:]); sys.exit(len(sys.argv))"
    wanted = main(f"""command = ["{sys.executable}", "-c", "{code}"]
[[run.trial]]
args = ["--epochs", "1"]
exit = 3
output = "['--epochs', '1']"
""")
    facts = tried(wanted)
    assert said(facts, wanted).startswith("run: the main program ends as its trials expect")


def test_what_hangs_is_ended_with_its_children(tmp_path: pathlib.Path) -> None:
    note = tmp_path / "pid"
    code = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(child.pid))\n"
        "time.sleep(60)"
    )
    wanted = PlannedProgram(
        name="train",
        command=(sys.executable, "-c", code),
        lasting=False,
        trials=main('command = ["x"]\n[[run.trial]]\ntimeout = 1.5\n').trials,
    )
    facts = tried(wanted)
    assert "does not end in 1.5 s" in said(facts, wanted)
    child = pathlib.Path("/proc", note.read_text())
    for _ in range(100):
        if not child.exists() or child.joinpath("stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("the child still runs")


def test_a_port_in_use_is_no_fault_of_the_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        wanted = started(sys.executable, "-c", "pass", port=port)
        facts = tried(wanted)
        assert facts == {"in_use": port}
        assert f"port {port} of this machine is in use" in said(facts, wanted)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("no-such-program",), "there is no program no-such-program"),
        (("/etc/passwd",), "/etc/passwd may not be run"),
        ((sys.executable, "-m", "no_such.module"), "there is no module no_such"),
        ((sys.executable, "-u", "-m", "json.no_such"), "there is no module json.no_such"),
        ((sys.executable, "-m", "email"), "email is a package without __main__"),
        ((sys.executable, "no_such_file.py"), "there is no file no_such_file.py"),
        ((sys.executable, "-m", "json.tool"), ""),
        ((sys.executable, "-c", "pass"), ""),
        ((sys.executable, "-X", "dev", "-m", "no_such"), ""),
        ((sys.executable,), ""),
        (("sh", "-c", "x"), ""),
    ],
)
def test_what_cannot_be_started_is_told_from_what_can(command: tuple[str, ...], why: str) -> None:
    found = program.missing(command, {"PATH": "/usr/bin:/bin"}, None)
    assert found.startswith(why) if why else found == ""


def test_each_program_has_its_own_variables() -> None:
    known = {"main": {"env": {"A": "main", "B": "main"}}, "worker": {"env": {"B": "worker"}}}
    common = {"A": "all", "C": "all"}
    image = {**common, "A": "main", "B": "main"}
    assert program.variables("main", known, common, image) == image
    assert program.variables("worker", known, common, image) == {"A": "all", "B": "worker", "C": "all"}
    given = {**image, "A": "given", "B": "given", "C": "given"}
    assert program.variables("worker", known, common, given) == given


# Which trials are made.


class Inside(FakeBackend):
    """A backend that notes what it is told to try, and says that all of it went well."""

    def __init__(self, *, reaches: bool = True) -> None:
        super().__init__()
        self.reaches = reaches
        self.tasks: list[tuple[dict[str, Any], bool]] = []

    def run(self, environment: Any, command: Any, **how: Any) -> Any:
        task = json.loads(command[-1])
        self.tasks.append((task, how["network"]))
        facts: dict[str, Any] = {"found": True}
        if task["starts"]:
            facts = {**READY, "trials": [{"status": 200, "exit": 0} for _ in task["trials"]]}
        self.says = json.dumps(facts)
        return super().run(environment, command)


NEEDY = """command = ["web"]
port = 8000
[[run.trial]]
path = "/a"
[[run.trial]]
path = "/b"
needs = ["network"]
[[run.trial]]
path = "/c"
needs = ["model"]
"""


def planned(*wanted: PlannedProgram, **more: Any) -> Plan:
    return make_plan([], programs=wanted, **more)


def facts_of(backend: Inside, wanted: PlannedProgram, *, online: bool = True, **more: Any) -> dict[str, Any]:
    return try_program(backend, environment(), planned(wanted, **more), wanted, online=online)


def test_a_network_is_given_to_those_trials_that_need_one() -> None:
    backend = Inside()
    facts = facts_of(backend, main(NEEDY))
    assert [([trial["path"] for trial in task["trials"]], network) for task, network in backend.tasks] == [
        (["/a"], False),
        (["/b"], True),
    ]
    assert [trial.get("lacks") for trial in facts["trials"]] == [None, None, "model"]


@pytest.mark.parametrize(("reaches", "online"), [(False, True), (True, False)])
def test_without_a_network_such_trials_are_not_made(reaches: bool, online: bool) -> None:
    model = LockedModel(name="a/b", digest="sha256:" + "0" * 64, size=1)
    backend = Inside(reaches=reaches)
    facts = facts_of(backend, main(NEEDY), online=online, models=(model,))
    assert [trial.get("lacks") for trial in facts["trials"]] == [None, "network", None]
    assert "EV308" in [finding.rule for finding in judge_trial(facts, main(NEEDY))]


def test_a_job_without_a_trial_is_looked_for_and_not_run() -> None:
    backend = Inside()
    wanted = main('command = ["train"]\n')
    facts = facts_of(backend, wanted)
    assert [task["starts"] for task, _ in backend.tasks] == [False]
    assert "it is a job without a trial; its command is there" in said(facts, wanted)


def test_a_service_without_a_trial_is_started() -> None:
    backend = Inside()
    facts_of(backend, main('command = ["web"]\nkind = "service"\n'))
    assert [task["starts"] for task, _ in backend.tasks] == [True]


def test_an_environment_that_answers_nonsense_is_no_crash() -> None:
    backend = FakeBackend(says="Segmentation fault", code=-11)
    facts = try_program(backend, environment(), planned(TRIED), TRIED, online=True)
    assert rules(facts) == ["EV301"]
