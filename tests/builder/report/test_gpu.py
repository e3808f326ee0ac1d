"""What reports say of cards."""

from __future__ import annotations

import json

import pytest

from builder.report import gpu, html, json_form, terminal
from builder.values.gpu import meant_cards, planned_gpu
from envspec.proof.gpu.served import GpuProof, from_json
from envspec.spec.model import TargetWish

from .samples import CROWDED, GPU, NOBODY, OPEN, PROCESSORS, SHIPS, proof


def test_the_summary_names_cards_driver_and_who_wants_it() -> None:
    assert GPU.gpu is not None
    (line,) = gpu.summary(GPU.gpu)
    assert line.startswith(
        "cards: sm_90, RTX 4090 (sm_89); driver 570.26 or newer, for xformers 2.8.0: its PTX"
    )


def test_the_summary_has_two_lines_at_most_and_a_terminal_cuts_them() -> None:
    assert CROWDED.gpu is not None
    lines = list(gpu.summary(CROWDED.gpu))
    assert [line.partition(":")[0] for line in lines] == ["cards", "no code"]
    assert lines[1].endswith("and 27 more")
    shown = terminal.render(CROWDED, NOBODY, width=80).splitlines()
    assert sum(line.startswith(("cards: ", "no code: ")) for line in shown) == 2


@pytest.mark.parametrize(
    "nothing", [GpuProof(), GpuProof(open=False), GpuProof(cards=("sm_90",), open=False)]
)
def test_a_set_without_code_for_cards_has_no_panel(nothing: GpuProof) -> None:
    assert list(gpu.summary(nothing)) == []
    report = SHIPS.having(gpu=nothing)
    assert 'id="gpu"' not in html.render(report, NOBODY)
    assert "gpu" not in json.loads(json_form.render(report, NOBODY))
    assert "nothing in this set has to do with cards" in gpu.explanation(nothing)


def test_the_json_form_is_the_proof_again() -> None:
    body = json.loads(json_form.render(GPU, NOBODY))["gpu"]
    assert (body.pop("floor"), body.pop("raised_by")) == ("570.26", ["xformers"])
    assert from_json(body) == GPU.gpu


def test_the_explanation_answers_why_which_driver() -> None:
    assert GPU.gpu is not None
    lines = list(gpu.explanation(GPU.gpu))
    assert lines[1].startswith("driver  570.26 or newer, for xformers 2.8.0: its PTX")
    why = "525.60.13 or newer, for torch 2.8.0: it computes with CUDA 12 (libcudart.so.12)"
    assert any(line.endswith(why) for line in lines)
    assert lines[-1].split() == [
        "nvidia-cudnn-cu12", "12.8.4.1", "12", "525.60.13", "by", "release", "by", "release",
    ]  # fmt: skip


def test_cards_left_open_and_none_at_all_are_told_apart() -> None:
    assert OPEN.gpu is not None
    assert PROCESSORS.gpu is not None
    assert gpu.target_words(OPEN.gpu) == "left open"
    assert gpu.target_words(PROCESSORS.gpu) == "none: for machines without a card"
    assert "sm_75 sm_80 sm_86 sm_90, PTX of sm_90" in "\n".join(gpu.explanation(OPEN.gpu))


def test_a_plan_knows_the_floor_and_what_serves_every_card() -> None:
    """What serves one card alone is left out: the proof has spoken of it, and the doctor must not."""
    found = planned_gpu(proof("sm_90", "sm_89", "sm_100", "sm_120"))
    assert found is not None
    assert (found.driver, found.cuda, found.because) == ("570.26", "12.8", "xformers 2.8.0")
    assert found.kernels == {"torch 2.8.0": ("sm_75", "sm_80", "sm_86", "sm_90", "compute_90")}


def test_without_a_proof_a_plan_knows_the_cards_alone() -> None:
    found = meant_cards(TargetWish(gpu=("RTX 4090",)))
    assert found is not None
    assert (found.cards, found.driver) == (("sm_89",), "")
    assert planned_gpu(None) is meant_cards(TargetWish(gpu=())) is meant_cards(TargetWish()) is None
    assert planned_gpu(proof(open=True)) is None
