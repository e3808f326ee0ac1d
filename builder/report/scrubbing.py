"""What must not leave in a report: hosts, credentials and secrets of the environment, cut from every text.

What would act on who reads it goes the same way: no form has to know of either.
"""

from __future__ import annotations

import dataclasses
import os
import re
import socket
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from builder.report.model import Report, without_log
from builder.report.source import Source
from envspec.supply import pip_settings
from envspec.system.errors import EnvspecError
from envspec.system.finding import Finding
from envspec.system.foreign import no_commands, readable

SECRET = "<secret>"  # noqa: S105 - it stands where a secret stood
HOST = "<host>"

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASS|PASSPHRASE|KEY|APIKEY|CREDENTIALS?|AUTH|PAT)(?:_|$)",
    re.IGNORECASE,
)
_ADDRESS_NAME = re.compile(r"^(?:PIP_|UV_|ENVSPEC_INDEX_|DOCKER_HOST$)|PROXY$|INDEX_URL$", re.IGNORECASE)
_SHORTEST = 6
"""Characters that a value needs to be cut wherever it stands; shorter ones occur in harmless words."""

_LOOPBACK = re.compile(r"(https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?![\w.@:-])(?:/[\w./~-]*)?)")
_PATTERNS = (
    (
        re.compile(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL
        ),
        SECRET,
    ),
    (re.compile(r"\b(?:(?:proxy-)?authorization|set-cookie|cookie)[\"']?\s*[:=].*", re.IGNORECASE), SECRET),
    (
        re.compile(
            r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{15,}|hf_\w{20,}|pypi-[\w-]{30,}"
            r"|AKIA[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
        ),
        SECRET,
    ),
    (
        re.compile(
            r"((?<![\w-])[\w-]*(?:password|passwd|passphrase|token|secret|api[_-]?key|access[_-]?key|credentials?))"
            r"(?:=[\"']?|[\"']?: ?[\"']?(?=[^\s\"',;&]*\d)(?=[^\s\"',;&]{8}))(?!<)[^\s\"',;&<]+",
            re.IGNORECASE,
        ),
        rf"\1={SECRET}",
    ),
    (
        re.compile(
            r"(?<![^\s/@:'\"<>])[^\s/@:'\"<>]++:[^\s/@'\"<>]{1,512}@(?!sha256:)[\w.-]+(?::\d+)?",
        ),
        HOST,
    ),
    (re.compile(r"\b(host=)(['\"]).{0,512}?\2"), rf"\1{HOST}"),
)
"""Shapes of secrets and hosts, whatever the environment holds.

Each begins where no other could have begun, or ends within bounds: the work grows with the length alone.
"""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Private:
    """Words of this machine that no report may hold."""

    secrets: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    @classmethod
    def here(cls) -> Private:
        """What this machine knows: its environment, its own name, and pip's settings.

        They do not depend on what the run did: a kept proof may speak with an earlier run's words.
        """
        return cls.of(os.environ, socket.gethostname(), pip_settings.ask_pip())

    @classmethod
    def of(
        cls, environment: Mapping[str, str], name: str = "", settings: pip_settings.PipSettings | None = None
    ) -> Private:
        """What an environment, a machine's name and pip's settings hold."""
        secrets = {value for key, value in environment.items() if _SECRET_NAME.search(key)}
        addresses = [value for key, value in environment.items() if _ADDRESS_NAME.search(key)]
        if settings is not None:
            redirects = settings.redirects.values()
            addresses += [*settings.default_urls, *settings.find_links, settings.proxy or "", *redirects]
        hosts = {name} if re.search(r"[\d.-]", name) else set[str]()
        for host, credentials in _places(addresses):
            hosts.add(host)
            secrets.update(credentials)
        return cls(
            secrets=_longest_first(word for word in secrets if len(word) >= _SHORTEST),
            hosts=_longest_first(word for word in hosts if len(word) >= _SHORTEST and word != "localhost"),
        )


def _longest_first(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


def _places(addresses: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Host and credentials of every address."""
    for word in " ".join(addresses).split():
        if "://" in word:
            try:
                parts = urllib.parse.urlsplit(word)
            except ValueError:  # half an address, such as an unclosed bracket
                continue
            yield parts.hostname or "", tuple(filter(None, (parts.username, parts.password)))


def scrub_text(text: str, private: Private) -> str:
    """The text without hosts, credentials and secrets.

    Addresses are cut to the file they end in (`envspec.supply.pip_settings.scrub_addresses`); those of this
    machine's own loopback stay readable, and so do paths such as `docs/rules/EV206.md`.
    """
    for word in private.secrets:
        text = text.replace(word, SECRET)
    pieces = _LOOPBACK.split(text)
    text = "".join(
        piece if place % 2 else pip_settings.scrub_addresses(piece) for place, piece in enumerate(pieces)
    )
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    for word in private.hosts:
        text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", HOST, text, flags=re.IGNORECASE)
    return text


def clean_report(report: Report, private: Private) -> Report:
    """The report as it may leave: every text scrubbed and readable, without variables and log."""
    environment = report.environment and dataclasses.replace(report.environment, variables={})
    trials = {name: without_log(facts) for name, facts in report.trials.items()}
    bare = dataclasses.replace(report, environment=environment, trials=trials, attachments={}, failure=None)
    clean: Report = _walked(bare, private)
    source = report.source and _with_lines(clean.source or report.source, report.findings, private)
    return dataclasses.replace(clean, source=source, failure=_failure(report.failure, private))


def _walked(value: Any, private: Private) -> Any:
    if type(value) is str:  # and no enumeration
        return no_commands(readable(scrub_text(value, private)))
    if isinstance(value, Source):  # its text stays, for the numbers of its lines: forms show `shown` alone
        return dataclasses.replace(value, file=_walked(value.file, private))
    if isinstance(value, Mapping):
        return {_walked(key, private): _walked(inner, private) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_walked(inner, private) for inner in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return dataclasses.replace(
            value, **{field.name: _walked(getattr(value, field.name), private) for field in fields}
        )
    return value


def _with_lines(source: Source, findings: Iterable[Finding], private: Private) -> Source:
    """The source with the lines that findings speak of, as they may be shown."""
    if source.described is not None:  # the lines are those of a file that nobody holds here
        return source
    key, instead = _PATTERNS[0]  # a private key goes from all of its lines, and their number stays
    lines = key.sub(lambda found: instead + "\n" * found[0].count("\n"), source.text).split("\n")
    numbers = {source.line(finding.where) for finding in findings if finding.where} - {None}
    return dataclasses.replace(
        source, shown={number: _walked(lines[number - 1], private) for number in numbers if number}
    )


def _failure(failure: EnvspecError | None, private: Private) -> EnvspecError | None:
    if failure is None:
        return None
    clean = EnvspecError(
        no_commands(scrub_text(failure.message, private)), hint=no_commands(scrub_text(failure.hint, private))
    )
    clean.exit_code = failure.exit_code
    return clean
