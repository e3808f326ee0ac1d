"""The page of each rule, as this installation has it: what the rule finds, how, and what to do."""

from __future__ import annotations

import importlib.resources
import pathlib

from envspec.system.rules import RULES


def rule_page(rule: str) -> str:
    """The page of a rule in Markdown; empty for an id that no rule has. A wheel carries the pages with it."""
    if rule not in RULES:
        return ""
    shipped = importlib.resources.files("envspec") / "resources" / "rules" / f"{rule}.md"
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    return (pathlib.Path(__file__).parents[2] / RULES[rule].page).read_text(encoding="utf-8")
