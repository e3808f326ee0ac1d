"""Carries a request out and hands its report over: on standard output, and in a folder."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
import sys
import time

import click

from builder.cli.bars import shown_progress
from builder.cli.streams import say_document
from builder.flow.pipeline import run_pipeline, run_request
from builder.report.forms import FILES, FORMS
from builder.report.model import Report
from builder.report.occasion import occasion_of
from builder.report.scrubbing import Private, clean_report
from builder.values.receipt import question
from builder.values.request import Request
from envspec.system.home import disk_refusals, write_atomic


def carry_out(request: Request, form: str, folder: pathlib.Path | None, *, quiet: bool) -> int:
    """Do what is asked and deliver the report; the exit code. Raises `SpecError`."""
    with shown_progress(quiet=quiet) as progress:
        report = run_pipeline(request, progress)
    return deliver(report, form, folder)


def carry_out_once(request: Request, form: str, program: str, *, quiet: bool) -> int:
    """As `carry_out`, and have the same words answered at once as long as nothing changes."""
    began = time.time()
    with shown_progress(quiet=quiet) as progress:
        run = run_request(request, progress)
    code = deliver(run.report, form, request.report)
    if form == "text" and run.environment is not None:
        from builder.flow.receipt import as_unchanged, keep_receipt

        unchanged, private = with_occasion(as_unchanged(run).report), Private.here()
        day = unchanged.occasion.day if unchanged.occasion else ""
        keep_receipt(run, question(program), as_text(unchanged, private).rstrip("\n"), day, began)
    return code


def deliver(report: Report, form: str, folder: pathlib.Path | None) -> int:
    """The report in the form that was asked for, and in all forms in the folder; the exit code.

    A report of the same spec that is in the folder already is the last one: what changed since is said.
    """
    private = Private.here()
    report = with_occasion(report)
    if folder is not None:
        report = with_changes(report, folder / FILES["json"], private)
        with disk_refusals(folder, setting="--report"):
            for name, render in FORMS.items():
                write_atomic(folder / FILES[name], render(report, private))
            for name, text in report.attachments.items():
                write_atomic(folder / name, text)
    if form == "text":
        click.echo(as_text(report, private), nl=False)
    else:
        say_document(FORMS[form](report, private))
    return report.exit_code


def as_text(report: Report, private: Private) -> str:
    """The report for whatever standard output is."""
    from builder.report import terminal  # rich is slow to load, and other forms do without

    width = min(120, shutil.get_terminal_size((100, 24)).columns)
    colour = sys.stdout is not None and sys.stdout.isatty()
    return terminal.render(report, private, width=width, colour=colour)


def with_occasion(report: Report) -> Report:
    """The report with when and how it was made: now, by this process."""
    spec = pathlib.Path(report.source.file).absolute() if report.source is not None else None
    occasion = occasion_of((pathlib.Path(sys.argv[0]).name, *sys.argv[1:]), spec)
    return dataclasses.replace(report, occasion=occasion)


def with_changes(report: Report, file: pathlib.Path, private: Private) -> Report:
    """The report with what changed since the one in `file`, where that is of the same spec."""
    if not file.is_file():
        return report
    from builder.report.last import compare, read_last  # only who keeps reports needs it

    clean = clean_report(report.bounded(), private)
    return dataclasses.replace(report, changes=compare(read_last(file), clean))
