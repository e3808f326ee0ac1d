"""The forms a report can take, by the name that `--format` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from builder.report import json_form, terminal
from builder.report.model import Report

FORMS: Mapping[str, Callable[[Report], str]] = {"text": terminal.render, "json": json_form.render}

FILES: Mapping[str, str] = {"text": "report.txt", "json": "report.json"}
"""What `--report DIR` calls each form's file."""
