"""Lint: every rule with a spec that shows it and one that does not."""

from collections.abc import Callable

import pytest

from envspec.spec.lint import CHECKS, lint_spec
from envspec.spec.load import parse_spec
from envspec.system.finding import Finding, Severity
from tests.support.counting import is_linear
from tests.support.specs import spec, spec_text, stage

NUMPY = stage("numeric", "numpy==1.23.5")
CPU = '[index.cpu]\nurl = "https://cpu.example/whl"\n'


def wheels(entry: str) -> str:
    return f'name = "wheels"\nwheels = [{{ {entry} }}]\n'


SECRET = "https://bob:hunter22@corp.example"

SHOWN = [
    ("EV001", "warning", "stage[0].install[1]", spec_text(stage("one", "a==1", "b>=1"))),
    ("EV001", "warning", "stage[0].install[0]", spec_text(stage("one", "a"))),
    ("EV001", "warning", "stage[0].install[0]", spec_text(stage("one", "a==1.*"))),
    ("EV002", "warning", "stage[1].install[0]", spec_text(NUMPY, stage("two", "numpy==1.23.5", "b==1"))),
    ("EV002", "warning", "stage[1].install[0]", spec_text(NUMPY, stage("two", "NumPy>=1.20", "b==1"))),
    ("EV003", "warning", "stage[1].install[0]", spec_text(NUMPY, stage("two", "numpy==1.24.0"))),
    ("EV003", "error", "stage[1].install[0]", spec_text(NUMPY, stage("two", "Numpy>=2"))),
    ("EV003", "warning", "stage[1].install[0]", spec_text(stage("a", "x>=2"), stage("b", "x==1"))),
    ("EV003", "error", "stage[0].install[1]", spec_text(stage("a", "numpy===odd", "numpy>=1"))),
    ("EV003", "error", "stage[0].install[1]", spec_text(stage("a", "numpy==1", "numpy==2"))),
    ("EV003", "warning", "stage[2].install[0]",
     spec_text(stage("a", "x>=1"), stage("b", "x==2"), stage("c", "x==3"))),
    ("EV004", "error", "stage[1].name", spec_text(stage("one", "a==1"), stage("one", "b==1"))),
    ("EV004", "warning", "stage[1]", spec_text(stage("one", "a==1"), stage("two", "a==1"))),
    ("EV005", "error", "stage[0]", spec_text('name = "one"')),
    ("EV006", "warning", "stage[0].wheels[0]", spec_text(wheels('url = "https://x.example/a-1-py3-none-any.whl"'))),
    ("EV007", "error", "stage[0].wheels[0]", spec_text(wheels('path = "a-1-cp310-cp310-linux_x86_64.whl"'))),
    ("EV007", "error", "stage[0].wheels[0]", spec_text(wheels('path = "a-1-cp311-cp311-win_amd64.whl"'))),
    ("EV007", "error", "stage[0].wheels[0]",
     spec_text(wheels('path = "a-1-cp311-cp311-manylinux_2_99_x86_64.whl"'))),
    ("EV008", "error", "remove.packages[0]", spec_text(NUMPY, tail='[remove]\npackages = ["NumPy"]')),
    ("EV009", "info", "base.image", spec_text(NUMPY, tail='[base]\nimage = "python:3.11-slim"')),
    ("EV009", "warning", "base.image", spec_text(NUMPY, tail='[base]\nimage = "python"')),
    ("EV009", "warning", "base.image", spec_text(NUMPY, tail='[base]\nimage = "host:5000/python:latest"')),
    ("EV010", "error", "stage[0].index", spec_text(stage("one", "a==1", more='index = "cpu"'))),
    ("EV011", "info", "index.cpu", spec_text(NUMPY, tail=CPU)),
    ("EV012", "error", "base.apt",
     spec_text(NUMPY, tail='[base]\nimage = "python:3.11-alpine"\napt = ["libgomp1"]')),
    ("EV013", "warning", "index.own.url",
     spec_text(stage("one", "a==1", more='index = "own"'), tail=f'[index.own]\nurl = "{SECRET}/simple"')),
    ("EV013", "warning", "variant.v.index.own.url",
     spec_text(NUMPY, tail=f'[variant.v.index.own]\nurl = "{SECRET}/simple"')),
    ("EV013", "warning", "stage[0].wheels[0].url",
     spec_text(wheels(f'url = "{SECRET}/a-1-py3-none-any.whl"'))),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "severity", "where", "text"), SHOWN)
def test_a_rule_speaks(rule: str, severity: str, where: str, text: str) -> None:
    found = [finding for finding in lint_spec(parse_spec(text)) if finding.rule == rule]
    assert [(finding.severity, finding.where) for finding in found] == [(Severity(severity), where)]
    assert found[0].hint or found[0].severity is Severity.INFO


def test_a_password_is_never_shown_and_the_variable_for_it_is_named() -> None:
    text = spec_text(NUMPY, tail=f'[index.my-own]\nurl = "{SECRET}/simple"\nextra = true\n')
    (found,) = [each for each in lint_spec(parse_spec(text)) if each.rule == "EV013"]
    assert "hunter22" not in f"{found.message} {found.hint}"
    assert "index my-own" in found.message
    assert "ENVSPEC_INDEX_MY_OWN" in found.hint


SILENT = [
    spec_text(NUMPY),
    spec_text(stage("one", "a===1.0", "b==1.0+cpu", "c[extra]==2 ; python_version > '3'")),
    spec_text(stage("one", "a==1 ; python_version < '3'", "a==2 ; python_version >= '3'")),
    spec_text(stage("one", "a==1 ; sys_platform == 'win32'"), stage("two", "a==2")),
    spec_text(wheels('path = "wheels/a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"')),
    spec_text(wheels(f'url = "https://x.example/a-1-py3-none-any.whl", sha256 = "{"0" * 64}"')),
    spec_text(stage("one", "a==1", more='index = "cpu"'), tail=CPU),
    spec_text(NUMPY, tail=f'{CPU}[[variant.v.stage]]\nname = "numeric"\nindex = "cpu"\n'),
    spec_text(NUMPY, tail='[remove]\npackages = ["scipy"]'),
    spec_text(NUMPY, tail="[base]\nhost = true"),
    spec_text(NUMPY, tail='[base]\ndebian = "bookworm"'),
    spec_text(
        wheels('path = "a-1-cp311-cp311-musllinux_1_2_x86_64.whl"'),
        tail=f'[base]\nimage = "a@sha256:{"0" * 64}"\nlibc = "musl"',
    ),
]


@pytest.mark.parametrize("text", SILENT)
def test_lint_says_nothing_of_what_is_right(text: str) -> None:
    assert lint_spec(parse_spec(text)) == ()


def test_errors_come_first() -> None:
    found = lint_spec(
        parse_spec(spec_text(stage("one", "a"), stage("one", "b==1"), tail='[base]\nimage = "x"'))
    )
    assert [finding.severity for finding in found] == sorted(
        (finding.severity for finding in found), key=lambda severity: severity.rank
    )


def test_every_rule_is_shown_here() -> None:
    """A check's docstring begins with its rule's id."""
    shown = {entry[0] for entry in SHOWN}
    for check in CHECKS:
        assert (check.__doc__ or "")[:5] in shown


def test_a_finding_survives_its_json_form() -> None:
    for finding in lint_spec(spec(stage("one", "a"))):
        assert Finding.from_dict(finding.as_dict()) == finding


@pytest.mark.parametrize("requirement", ["p{}==1.0", "p{}>=1"])
def test_lint_is_linear_in_the_stages(requirement: str) -> None:
    """Of one package there are few words: `envspec.system.limits.NAMINGS`."""

    def lint(size: int) -> Callable[[], object]:
        stages = [stage(f"s{n}", f"q{n}==1", requirement.format(n)) for n in range(size)]
        text = spec_text(*stages)
        parsed = parse_spec(text)
        return lambda: lint_spec(parsed)

    lint(1)()
    assert is_linear(lint, 20)
