"""What `[run]` and `[[copy]]` say, and what is refused of them."""

from __future__ import annotations

import pytest

from envspec.spec.load import parse_spec
from envspec.spec.model import Spec
from envspec.spec.program import Health, module_run
from envspec.system.errors import SpecError

HEAD = 'name = "shop"\npython = "3.11"\n[[stage]]\nname = "app"\ninstall = ["six==1.17.0"]\n'

SHOP = """
[run]
command = ["uvicorn", "shop.api:app", "--port", "8000"]
port = 8000
health = "/healthz"
env = { SHOP_MODE = "fast" }
[[run.trial]]
path = "/price"
json = { sku = 7 }
expect = { total = 12.5 }

[run.worker]
command = ["celery", "-A", "shop.tasks", "worker"]
health = { command = ["celery", "-A", "shop.tasks", "inspect", "ping"] }

[run.nightly]
command = ["python", "-m", "shop.report"]
schedule = "0 3 * * *"
"""


def read(text: str, variant: str | None = None) -> Spec:
    return parse_spec(HEAD + text, variant=variant)


def refused(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        read(text)
    return "\n".join(map(str, caught.value.problems))


def test_an_environment_has_programs_by_name() -> None:
    programs = read(SHOP).programs
    assert list(programs) == ["main", "worker", "nightly"]
    assert programs["main"].health == Health(path="/healthz")
    assert programs["main"].trial[0].sent == {"sku": 7}
    assert [program.lasting for program in programs.values()] == [True, True, False]


def test_programs_may_do_without_a_main_one() -> None:
    assert list(read('[run.train]\ncommand = ["python", "-m", "train"]\n').programs) == ["train"]


def test_a_variant_changes_single_keys_of_programs() -> None:
    changed = read(SHOP + '[variant.b.run]\nport = 9000\n[variant.b.run.worker.env]\nA = "1"\n', "b")
    assert changed.programs["main"].port == 9000
    assert changed.programs["main"].command[0] == "uvicorn"
    assert dict(changed.programs["worker"].env) == {"A": "1"}


def test_programs_and_copies_change_nothing_that_is_locked() -> None:
    copied = '[[copy]]\nfrom = "conf"\nto = "/etc/shop/"\nmode = "0640"\n'
    assert read(SHOP + copied).digest == read("").digest


@pytest.mark.parametrize(
    ("command", "module"),
    [
        (["python", "-m", "shop"], "shop"),
        (["/opt/env/bin/python3.11", "-u", "-m", "shop.worker", "-m", "x"], "shop.worker"),
        (["python", "shop.py", "-m", "x"], ""),
        (["celery", "-m", "shop"], ""),
        (["python", "-m"], ""),
        (["python"], ""),
    ],
)
def test_the_module_that_a_command_runs(command: list[str], module: str) -> None:
    assert module_run(command) == module


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[run]\ncomand = ["a"]', "run.comand: unknown key, did you mean command?"),
        ('[run.worker]\ncomand = ["a"]', "run.worker.comand: unknown key, did you mean command?"),
        ("[variant.b.run]\ncomand = 1", "variant.b.run.comand: unknown key, did you mean command?"),
        ("[run.worker]", "run.worker: command is missing"),
        ("[run]\nport = 80", "run: command is missing"),
        ('[run]\ncommand = ["a"]\nhealth = "/x"', "give the port that answers it"),
        ('[run]\ncommand = ["a"]\nhealth = { tcp = 80, command = ["a"] }', "run.health: give one way"),
        ('[run]\ncommand = ["a"]\nport = 80\nports = [81, 80]', "port 80 is given twice"),
        ('[run]\ncommand = ["a"]\nport = 80\nschedule = "* * * * *"', "schedule is for a job"),
        ('[run]\ncommand = ["a"]\nstart-timeout = 9', "start-timeout is for a service"),
        ('[run]\ncommand = ["a"]\nport = 80\nstart-timeout = "9s"', "run.start-timeout"),
        ('[run]\ncommand = ["a"]\n[[run.trial]]\npath = "/"', "give the port that answers it"),
        ('[run]\ncommand = ["a"]\n[[run.trial]]\nstatus = 200', "status belongs to a request"),
        (
            '[run]\ncommand = ["a"]\nport = 80\n[[run.trial]]\npath = "/"\nexit = 1',
            "exit belongs to a command",
        ),
        ('[run]\ncommand = ["a"]\nenv = { PATH = "/" }', "PATH is set by the builder"),
        ('[run.serve]\ncommand = ["a"]', "serve is what the image itself understands"),
        ('[run.Bad]\ncommand = ["a"]', "'Bad' is no name of a program"),
        ('[run]\ncommand = ["a"]\n[service]\nmodule = "a:b"', "give one of them"),
        ('[[copy]]\nfrom = "../a"\nto = "/x"', "leaves the folder of the spec"),
        ('[[copy]]\nfrom = "a"\nto = "/../x"', "no place for a copy"),
        ('[[copy]]\nfrom = "a"\nto = "x"\nmode = "rw"', "copy[0].mode"),
    ],
)
def test_what_no_program_can_be_is_refused_where_it_stands(text: str, said: str) -> None:
    assert said in refused(text)
