"""Access tokens are found by their makers' prefixes, and examples of them are not taken for any."""

from __future__ import annotations

import pathlib
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.values.copied import read_file
from builder.values.tokens import TokenSpotter, token_in

ANY = string.ascii_letters + string.digits


def drawn(length: int, letters: str = ANY, seed: int = 3) -> str:
    """Letters at random: no token stands in this file, where others would look for one."""
    return "".join(random.Random(seed).choices(letters, k=length))


TOKENS = {
    "GitHub": "ghp_" + drawn(36),
    "GitHub, fine-grained": f"github_pat_{drawn(22)}_{drawn(59)}",
    "GitLab": "glpat-" + drawn(20),
    "Hugging Face": "hf_" + drawn(34, string.ascii_letters),
    "OpenAI": f"sk-{drawn(20)}T3BlbkFJ{drawn(20, seed=4)}",
    "OpenAI, of a project": "sk-proj-" + drawn(90),
    "Anthropic": "sk-ant-api03-" + drawn(95),
    "Slack": f"xoxb-{drawn(11, string.digits)}-{drawn(12, string.digits, 5)}-{drawn(24)}",
    "PyPI": "pypi-AgEIcHlwaS5vcmc" + drawn(120),
    "npm": "npm_" + drawn(36),
    "Stripe": "sk_live_" + drawn(24),
    "SendGrid": f"SG.{drawn(22)}.{drawn(43)}",
    "DigitalOcean": "dop_v1_" + drawn(64, "0123456789abcdef"),
    "Docker": "dckr_pat_" + drawn(27),
    "AWS, in its file": f"[default]\naws_secret_access_key = {drawn(40)}",
    "AWS, as a variable": f'export AWS_SECRET_ACCESS_KEY="{drawn(40)}"',
    "AWS, in JSON": f'{{"aws_secret_access_key": "{drawn(40)}"}}',
}

OTHERS = (
    "ghp_" + "x" * 36,
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "GITHUB_TOKEN=ghp_your_token_here",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
    'aws_secret_access_key = os.environ["AWS_SECRET_ACCESS_KEY"]',
    "secret_key = sha1:" + drawn(40),
    "hf_hub_download(repo_id, filename)",
    "sk-learn-contrib-and-other-packages-of-that-name",
    "https://host.example/ask-" + drawn(60),
    "integrity sha512-" + drawn(86) + "==",
    "risk-" + drawn(50),
    "npm_config_registry",
    "GHP_" + drawn(36),
    "xoxb-1-example",
)


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_is_found(kind: str, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "token.txt"
    for text in (TOKENS[kind], f"# notes\n  key: {TOKENS[kind]}\nmore\n", f"call('{TOKENS[kind]}')"):
        file.write_text(text)
        assert read_file(file).private


@pytest.mark.parametrize("text", OTHERS)
def test_what_is_no_token_is_not_taken_for_one(text: str) -> None:
    assert not token_in(f"a\n{text}\nb".encode())


@given(st.integers(0, 2000), st.integers(1, 700))
def test_it_does_not_matter_where_the_pieces_end(before: int, size: int) -> None:
    text = b"a " * before + TOKENS["GitHub"].encode() + b" b" * 400
    spotter = TokenSpotter()
    for place in range(0, len(text), max(size, 300)):
        spotter.feed(text[place : place + max(size, 300)])
    assert spotter.found


def test_what_is_no_text_is_not_searched(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"\0\1" + TOKENS["GitHub"].encode())
    assert not read_file(file).private


@given(st.binary())
def test_any_bytes_have_an_answer(text: bytes) -> None:
    token_in(text)
