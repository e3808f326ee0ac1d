"""What a run found out is found again by the next one, unless something that it depends on changed."""

import dataclasses
import pathlib

import pytest

from builder.flow import kept
from builder.flow.kept import proof_depends
from builder.values import tool
from builder.values.tool import result_key
from envspec.lockfile import lock
from envspec.lockfile.lock import LockedSource
from envspec.spec import load
from envspec.system.finding import Finding, Severity
from tests.support import specs
from tests.support.paths import EXAMPLES
from tests.support.wheels import wheel

EXAMPLE = EXAMPLES / "espeak" / "envspec.toml"


def test_what_depends_on_other_things_has_another_key() -> None:
    assert result_key({"lock": "one"}) == result_key({"lock": "one"})
    assert result_key({"lock": "one"}) != result_key({"lock": "two"})


def test_an_edited_tool_finds_out_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = result_key({"lock": "one"})
    monkeypatch.setattr(tool, "tool_digest", lambda: "sha256:other")
    assert result_key({"lock": "one"}) != before


@pytest.mark.usefixtures("home")
def test_findings_come_back_as_they_were() -> None:
    found = (rules_finding(), dataclasses.replace(rules_finding(), hint="do x", severity=Severity.INFO))
    kept.kept_proofs().put("key", found)
    kept.kept_trials().put("key", (found, {"main": {"ready": True}}))
    assert kept.kept_proofs().get("key") == found
    assert kept.kept_trials().get("key") == (found, {"main": {"ready": True}})
    assert kept.kept_trials().get("other") is None


def rules_finding() -> Finding:
    return Finding(rule="EV140", severity=Severity.ERROR, message="an import fails", where="one")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[smoke]\n", '[smoke]\nattributes = ["json:loads"]\n'),  # looked at in the environment alone
        ('imports = ["', 'imports = ["json", "'),
        ("[service]\n", '[service]\nenv = { WORD = "x" }\n'),
        ("[service]\n", '[env]\nWORD = "x"\n[service]\n'),
        ("[service]\n", '[target]\ngpu = ["sm_90"]\n[service]\n'),
        ("[service]\n", '[run.job]\ncommand = ["python", "-m", "job"]\n[service]\n'),
    ],
)
def test_what_a_proof_depends_on(old: str, new: str) -> None:
    text = EXAMPLE.read_text()
    held = lock.read_lock(lock.lock_file(EXAMPLE, None))
    assert held is not None
    assert old in text
    one, other = load.parse_spec(text), load.parse_spec(text.replace(old, new, 1))
    same = proof_depends(one, held, base_read=True) == proof_depends(other, held, base_read=True)
    assert same is ("attributes" in new)


def test_a_proof_depends_on_what_a_variable_holds() -> None:
    """A path for libraries decides what is found."""
    text = EXAMPLE.read_text()
    held = lock.read_lock(lock.lock_file(EXAMPLE, None))
    assert held is not None
    keys = [
        proof_depends(
            load.parse_spec(text.replace("[service]\n", f"[service]\nenv = {{ P = '{value}' }}\n", 1)),
            held,
            base_read=True,
        )
        for value in "ab"
    ]
    assert keys[0] != keys[1]


def test_a_proof_depends_on_what_stands_in_a_tree(tmp_path: pathlib.Path) -> None:
    """The lock says the same of it before and after an edit."""
    tree = LockedSource(name="core", stage="one", path="core", requires=f"sha256:{'0' * 64}")
    wheels = [wheel(tmp_path / code, "core", files={"core.py": code}) for code in "ab"]
    held = [specs.lock(specs.artifact(each, index="spec"), source=[tree]) for each in wheels]
    wanted = specs.spec(specs.stage("one", "./core"))
    keys = [proof_depends(wanted, each, base_read=True) for each in held]
    assert held[0].digest == held[1].digest
    assert keys[0] != keys[1]
