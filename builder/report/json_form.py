"""The report as JSON; `resources/report.schema.json` is its published schema."""

from __future__ import annotations

import importlib.resources
import json
from typing import Any

from builder.report.model import Report
from builder.report.scrubbing import Private, clean_report


def render(report: Report, private: Private) -> str:
    """Indented, keys in the order of the report, a newline at the end."""
    return json.dumps(clean_report(report.bounded(), private).as_dict(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """The JSON schema of what `render` gives."""
    file = importlib.resources.files("builder.report") / "resources" / "report.schema.json"
    shape: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return shape
