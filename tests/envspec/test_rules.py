"""The registry of rules: it is whole, every rule has its page, and findings are made of its rules alone."""

from __future__ import annotations

import ast
import re

import pytest

from envspec.system import rules
from envspec.system.finding import Severity
from envspec.system.rules import RULES, Rule
from tests.floors import modules, tree
from tests.support.paths import ROOT

NAMED = {name: value for name, value in vars(rules).items() if isinstance(value, Rule)}


def test_every_rule_has_one_name_and_its_place() -> None:
    assert list(NAMED.values()) == list(RULES.values())
    assert [rule.id for rule in RULES.values()] == sorted(RULES)
    assert all(key == rule.id for key, rule in RULES.items())


def test_an_id_is_given_once() -> None:
    with pytest.raises(ValueError, match="EV001 is there twice"):
        rules._rule("EV001", "another", Severity.INFO)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_has_a_page_with_example_cause_and_cure(rule: Rule) -> None:
    text = (ROOT / rule.page).read_text("utf-8")
    assert text.startswith(f"# {rule.id}: {rule.title}\n")
    assert re.search(rf"^Severity: {rule.severity}(;.*)?$", text, re.MULTILINE)
    assert all(part in text for part in ("**Example.**", "**How it is found.**", "**What to do.**"))


def test_every_page_has_a_rule() -> None:
    assert {path.stem for path in (ROOT / "docs" / "rules").glob("EV*.md")} == set(RULES)


def test_every_rule_makes_findings_somewhere() -> None:
    """A rule that no code names finds nothing."""
    named = {
        node.attr
        for module in modules()
        if module != "envspec.system.rules"
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "rules"
    }
    assert set(NAMED) - named == set()


def test_findings_are_made_by_rules_alone() -> None:
    """One way: `rules.NAME.finding(...)`. Readers of kept findings make them of their JSON form."""
    makers = {
        module
        for module in modules()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding"
    }
    assert makers == {"envspec.system.rules"}


def test_a_finding_may_weigh_other_than_its_rule() -> None:
    rule = rules.SIZE
    assert rule.finding("m").severity is Severity.INFO
    assert rule.finding("m", severity=Severity.ERROR).severity is Severity.ERROR
    assert (rule.finding("m").rule, rule.page) == ("EV150", "docs/rules/EV150.md")
