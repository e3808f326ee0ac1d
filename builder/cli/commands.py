"""The command line: `build-image` and `envspec`. The only place that decides on exit codes."""

from __future__ import annotations

import pathlib
import shutil
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

from builder.cli.bars import shown
from builder.report.forms import FILES, FORMS
from builder.report.model import PHASES, Report
from builder.values.request import Request
from builder.values.shipping import Shipping
from envspec.system.errors import EnvspecError, UsageError

EXIT_CODES = """
\b
Exit codes:
  0    fine
  1    findings that must be fixed
  2    the spec or the command line is wrong
  3    the build failed
  4    something outside is missing or unreachable
  130  interrupted
"""


def run(program: str) -> NoReturn:
    """Run `envspec` or `build-image` and exit."""
    ended({"envspec": envspec, "build-image": build}[program], program)


def ended(command: click.Command, program: str) -> NoReturn:
    """Run a command and exit: the one place where errors become words and exit codes."""
    try:
        code = command.main(prog_name=program, standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        code = 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; nothing half-made was left behind", err=True)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has left: nothing more to say
        code = 0
    except EnvspecError as error:
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
        code = error.exit_code
    raise SystemExit(code)


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


spec_argument = click.argument("spec", required=False, type=click.Path(path_type=pathlib.Path))
variant_option = click.option("--variant", help="A [variant.NAME] of the spec to lay over it.")
lock_options = _options(
    click.option("--locked", is_flag=True, help="Refuse a missing or stale lock instead of making it anew."),
    click.option("--offline", is_flag=True, help="Touch no network: everything must be here already."),
    click.option("--resolver", type=click.Choice(["uv", "pip-tools"]), default="uv", show_default=True),
)
strict_option = click.option("--strict", is_flag=True, help="Count warnings as errors, as CI should.")
report_options = _options(
    click.option("--format", "form", type=click.Choice(list(FORMS)), default="text", show_default=True),
    click.option(
        "--report",
        "folder",
        type=click.Path(path_type=pathlib.Path),
        help="Write the report in all forms here.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="No progress."),
)


def _deliver(report: Report, form: str, folder: pathlib.Path | None) -> int:
    """The report on standard output and in its folder; the exit code."""
    if folder is not None:
        from envspec.system.home import write_atomic

        for name, render in FORMS.items():
            write_atomic(folder / FILES[name], render(report))
        for name, text in report.attachments.items():
            write_atomic(folder / name, text)
    if form == "text":
        from builder.report import terminal

        width = min(120, shutil.get_terminal_size((100, 24)).columns)
        click.echo(terminal.render(report, width=width, colour=sys.stdout.isatty()), nl=False)
    else:
        click.echo(FORMS[form](report), nl=False)
    return report.exit_code


def _run(request: Request, form: str, folder: pathlib.Path | None, *, quiet: bool) -> int:
    from builder.flow import pipeline

    with shown(quiet=quiet) as progress:
        report = pipeline.run(request, progress)
    return _deliver(report, form, folder)


@click.command("build-image", epilog=EXIT_CODES)
@spec_argument
@variant_option
@click.option(
    "--backend",
    type=click.Choice(["auto", "docker", "virtualenv", "oci"]),
    default="auto",
    show_default=True,
    help="What carries out the plan.",
)
@click.option("--tag", help="Name of the image.")
@click.option(
    "--output", type=click.Path(path_type=pathlib.Path), help="An OCI layout folder, or a .tar to load."
)
@click.option("--push", is_flag=True, help="Push the image to the registry that its tag names.")
@click.option(
    "--stop-after", type=click.Choice(PHASES), help="Do no more than this phase and those before it."
)
@click.option("--fast", is_flag=True, help="Verify only the static part and the top-level imports.")
@click.option("--fresh", is_flag=True, help="Prove and verify again what was found good before.")
@lock_options
@strict_option
@report_options
@click.version_option(package_name="envspec")
def build(
    form: str,
    folder: pathlib.Path | None,
    quiet: bool,
    tag: str | None,
    output: pathlib.Path | None,
    push: bool,
    **wanted: Any,
) -> int:
    """Build the environment that SPEC describes, and prove that it works.

    SPEC is an envspec.toml, or the folder that holds one; left out, the current folder's.
    """
    shipping = Shipping(tag=tag, output=output, push=push)
    return _run(Request(shipping=shipping, report=folder, **wanted), form, folder, quiet=quiet)


@click.group(epilog=EXIT_CODES)
@click.version_option(package_name="envspec")
def envspec() -> None:
    """Python environments: proved before they are built, judged after."""


@envspec.command()
@spec_argument
@variant_option
@click.option("--fresh", is_flag=True, help="Prove again what was proved before.")
@lock_options
@strict_option
@report_options
def check(form: str, folder: pathlib.Path | None, quiet: bool, **wanted: Any) -> int:
    """Say what is wrong with SPEC before anything is installed."""
    return _run(Request(stop_after="prove", **wanted), form, folder, quiet=quiet)


@envspec.command()
@spec_argument
@variant_option
@lock_options
@click.option("--upgrade", is_flag=True, help="Resolve anew even though the lock fits.")
@click.option(
    "--export",
    type=click.Path(path_type=pathlib.Path),
    help="Also write hashed requirements for each stage, pylock.toml and the wheels here.",
)
@strict_option
@report_options
def lock(
    form: str, folder: pathlib.Path | None, quiet: bool, export: pathlib.Path | None, **wanted: Any
) -> int:
    """Find versions that work together and write them to the lock beside SPEC."""
    request = Request(stop_after="lock", **wanted)
    code = _run(request, form, folder, quiet=quiet)
    if code == 0 and export is not None:
        from builder.cli import export as exporting

        with shown(quiet=quiet) as progress:
            for file in exporting.export(request, export, progress):
                click.echo(f"wrote: {file}", err=True)
    return code


@envspec.command()
@spec_argument
@variant_option
@lock_options
@click.option("--classic", is_flag=True, help="The form for engines without BuildKit.")
@click.option("--to", type=click.Choice(["compose", "kubernetes"]), help="What runs the image, instead.")
@click.option("--image", help="With --to: the image's name there; the spec's own if left out.")
@click.option("--replicas", type=click.IntRange(1, 1000), help="With --to: how many run at least (2).")
@click.option("--cores", type=float, help="With --to: processors for each (2).")
@click.option("--memory", help="With --to: memory for each, such as 512Mi; left out, by what it runs.")
def render(
    classic: bool,
    to: str | None,
    image: str | None,
    replicas: int | None,
    cores: float | None,
    memory: str | None,
    **wanted: Any,
) -> int:
    """Print the Dockerfile that `build-image --backend docker` builds, or what runs its image."""
    if to is None:
        from builder.backends.docker.dockerfile import render_dockerfile
        from builder.flow import pipeline

        plan = pipeline.planned(Request(stop_after="plan", **wanted))
        click.echo(render_dockerfile(plan, mounts=not classic), nl=False)
        return 0
    from builder import orchestrate
    from envspec.spec import load

    spec = load.load(load.find(wanted["spec"]), wanted["variant"])
    run = orchestrate.deployment(spec, image=image, replicas=replicas, cores=cores, memory=memory)
    click.echo(orchestrate.FORMS[to](run), nl=False)
    return 0


@envspec.command()
def schema() -> None:
    """Print the JSON schema of envspec.toml, for editors."""
    import json

    from envspec.spec.model import schema as spec_schema

    click.echo(json.dumps(spec_schema(), indent=2, ensure_ascii=False))


@envspec.command()
@click.option("--python", "interpreter", type=click.Path(path_type=pathlib.Path), help="An interpreter.")
@click.option("--image", help="An image of the Docker engine, also one built elsewhere.")
@click.option("--venv", type=click.Path(path_type=pathlib.Path), help="A virtual environment's folder.")
@click.option(
    "--spec", type=click.Path(path_type=pathlib.Path), help="Take smoke tests and lock from this spec."
)
@variant_option
@click.option("--fast", is_flag=True, help="Only the static part and the top-level imports.")
@strict_option
@report_options
def verify(form: str, folder: pathlib.Path | None, quiet: bool, **wanted: Any) -> int:
    """Judge any Python environment: may it ship, why not, and what to do."""
    from builder.cli import verify as verification

    with shown(quiet=quiet) as progress:
        report = verification.run(progress=progress, **wanted)
    return _deliver(report, form, folder)


@envspec.command()
@spec_argument
@variant_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on; the spec's if left out, 0 for any."
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def serve(host: str, port: int | None, quiet: bool, **wanted: Any) -> int:
    """Serve the payload of SPEC in the virtual environment built for it."""
    from builder.cli import serve as serving

    wanted |= {"backend": "virtualenv", "stop_after": "build"}
    return serving.run(Request(**wanted), host, port, quiet=quiet)


@envspec.command()
@click.argument("source", type=click.Path(path_type=pathlib.Path))
@click.option(
    "--output",
    type=click.Path(path_type=pathlib.Path),
    default=pathlib.Path("envspec.toml"),
    show_default=True,
)
@click.option("--force", is_flag=True, help="Write over a spec that is there.")
def init(source: pathlib.Path, output: pathlib.Path, force: bool) -> None:
    """Make a first spec from SOURCE: a requirements.txt, Dockerfile, cog.yaml or interpreter."""
    from envspec.ingest import read, write
    from envspec.system.home import write_atomic

    if output.exists() and not force:
        raise UsageError(f"{output} is there already", hint="--force writes over it, --output names another")
    draft = read.read(source)
    if not draft.installs:
        raise UsageError(f"{source} installs nothing with pip")
    write_atomic(output, write.text(draft))
    for note in draft.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"wrote: {output}")


@envspec.command()
@click.argument("spec", type=click.Path(path_type=pathlib.Path))
@click.argument("package")
@variant_option
def explain(spec: pathlib.Path, package: str, variant: str | None) -> None:
    """Say who wants PACKAGE, at which version and from which stage."""
    from builder.cli import compare

    click.echo(compare.explanation(spec, variant, package).text(), nl=False)


@envspec.command()
@click.argument("before")
@click.argument("after")
def diff(before: str, after: str) -> int:
    """Say what differs from BEFORE to AFTER; 1 if anything does.

    Each is a lock, a spec, a virtual environment's folder, an interpreter, or image:NAME.
    """
    from builder.cli import compare

    found = compare.changes(before, after)
    for change in found:
        click.echo(str(change))
    return 1 if found else 0


@envspec.command()
@click.argument("place", metavar="[SPEC|FILE]", required=False, type=click.Path(path_type=pathlib.Path))
@variant_option
@click.option("--python", help="Python of a Dockerfile or requirements file that does not tell it.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Exit with 1 if a stage changes what an earlier one installed.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def simulate(
    place: pathlib.Path | None,
    variant: str | None,
    python: str | None,
    form: str,
    strict: bool,
    quiet: bool,
) -> int:
    """Say what plain pip would do with the stages of SPEC, or the pip lines of FILE, one after another."""
    import json

    from builder.cli import simulate as simulating

    with shown(quiet=quiet) as progress:
        found = simulating.run(place, variant, python, progress)
    body = json.dumps(found.as_dict(), indent=2) + "\n" if form == "json" else simulating.text(found)
    click.echo(body, nl=False)
    return 1 if strict and any(stage.changes or stage.problem for stage in found.stages) else 0


@envspec.command()
@spec_argument
@click.option(
    "--budget", type=click.FloatRange(1), default=300.0, show_default=True, help="Seconds to search."
)
@click.option("--dry-run", is_flag=True, help="Show the change and leave the spec as it is.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def fix(spec: pathlib.Path | None, budget: float, dry_run: bool, quiet: bool) -> None:
    """Search for the smallest change after which SPEC builds and verifies, and make it."""
    from builder.fix import search
    from envspec.spec.load import find

    with shown(quiet=quiet) as progress:
        found = search.fix(find(spec), budget=budget, write=not dry_run, progress=progress)
    for edit in found.edits:
        click.echo(f"changed {edit}")
    click.echo(found.diff or "nothing to fix: it builds and verifies as it stands\n", nl=False)
    click.echo(f"verified in {found.seconds} s")
