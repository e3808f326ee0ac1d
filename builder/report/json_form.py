"""The report as JSON."""

from __future__ import annotations

import json

from builder.report.model import Report


def render(report: Report) -> str:
    """Indented, keys in the order of the report, a newline at the end."""
    return json.dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n"
