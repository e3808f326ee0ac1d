"""YAML of plain values. Only the library writes it: no value can become structure."""

from __future__ import annotations

from typing import Any

import yaml


class _Plain(yaml.SafeDumper):
    """Without anchors, and texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Plain.add_representer(str, _text)


def document(head: str, *parts: Any) -> str:
    """The parts as documents of one file, below a comment of one line or more."""
    comment = "".join(f"# {line}".rstrip() + "\n" for line in head.splitlines())
    body = yaml.dump_all(parts, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)
    return comment + body


def doubled(text: str) -> str:
    """The text with every `$` doubled, which both orchestrators read as `$` and never as a variable."""
    return text.replace("$", "$$")
