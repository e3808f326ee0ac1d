"""The forms a report can take, by the name that `--format` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from builder.report import github, html, json_form, junit, sarif, terminal
from builder.report.model import Report

FORMS: Mapping[str, Callable[[Report], str]] = {
    "text": terminal.render,
    "json": json_form.render,
    "junit": junit.render,
    "sarif": sarif.render,
    "html": html.render,
    "github": github.render,
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
