"""Carries a request out and hands its report over: on standard output, and in a folder."""

from __future__ import annotations

import pathlib
import shutil
import sys

import click

from builder.cli.bars import shown_progress
from builder.cli.streams import say_document
from builder.flow.pipeline import run_pipeline
from builder.report.forms import FILES, FORMS
from builder.report.model import Report
from builder.report.scrubbing import Private
from builder.values.request import Request
from envspec.system.home import write_atomic


def carry_out(request: Request, form: str, folder: pathlib.Path | None, *, quiet: bool) -> int:
    """Do what is asked and deliver the report; the exit code. Raises `SpecError`."""
    with shown_progress(quiet=quiet) as progress:
        report = run_pipeline(request, progress)
    return deliver(report, form, folder)


def deliver(report: Report, form: str, folder: pathlib.Path | None) -> int:
    """The report in the form that was asked for, and in all forms in the folder; the exit code."""
    private = Private.here()
    if folder is not None:
        for name, render in FORMS.items():
            write_atomic(folder / FILES[name], render(report, private))
        for name, text in report.attachments.items():
            write_atomic(folder / name, text)
    if form == "text":
        from builder.report import terminal  # rich is slow to load, and other forms do without

        width = min(120, shutil.get_terminal_size((100, 24)).columns)
        text = terminal.render(report, private, width=width, colour=sys.stdout.isatty())
        click.echo(text, nl=False)
    else:
        say_document(FORMS[form](report, private))
    return report.exit_code
