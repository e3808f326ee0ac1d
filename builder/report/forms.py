"""The forms a report can take, by the name that `--format` takes. A form is loaded when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from builder.report.model import Report
from builder.report.scrubbing import Private

Render = Callable[[Report, Private], str]
"""The whole text of a form, without what is private."""


def _from(module: str) -> Render:
    def render(report: Report, private: Private) -> str:
        found: Render = importlib.import_module(f"builder.report.{module}").render
        return found(report, private)

    return render


FORMS: Mapping[str, Render] = {
    "text": _from("terminal"),
    "json": _from("json_form"),
    "junit": _from("junit"),
    "sarif": _from("sarif"),
    "html": _from("html"),
    "github": _from("github"),
}

FILES: Mapping[str, str] = {
    "text": "report.txt",
    "json": "report.json",
    "junit": "report.junit.xml",
    "sarif": "report.sarif",
    "html": "report.html",
    "github": "report.github.txt",
}
"""What `--report DIR` calls each form's file."""
