"""What travels beside an image."""

import dataclasses
import json
import pathlib

import pytest

from builder.backends.oci import ship
from builder.judge.rules.imports import judge_imports
from builder.oci.image import attest, layout
from builder.oci.image.base import BaseImage
from builder.oci.image.documents import RUNTIME, ContainerSettings, Image, assemble_image
from builder.oci.store import pieces
from builder.oci.store.blobs import Blobs
from builder.oci.store.network import Network
from builder.oci.store.pieces import file_piece
from builder.values.verdict import Verdict
from envspec.spec.model import Smoke
from envspec.supply.pip_settings import PipSettings
from envspec.system.finding import Finding, Severity
from envspec.system.progress import SILENT
from tests.builder.oci.fake_registry import Fake
from tests.builder.verify.facts import facts, fault


def verdict(*findings: Finding) -> Verdict:
    return Verdict(
        target="x",
        findings=findings,
        python="3.11.2",
        platform="linux",
        distributions=(),
        counts={},
        timings={"total": 1.5},
    )


@pytest.fixture
def image(blobs: Blobs) -> Image:
    layer = pieces.layer_of_pieces(RUNTIME, [file_piece("opt/envspec/sbom.cdx.json", b'{"bom": 1}')], blobs)
    settings = ContainerSettings(user="1:1", folder="/", variables={}, labels={}, entrypoint=(), command=())
    return assemble_image(
        BaseImage(name="demo", machine="amd64", layers=()), [layer], settings, "/python", blobs
    )


def test_the_statement_says_which_image_passed_what(image: Image, blobs: Blobs) -> None:
    wrong = Finding(rule="EV201", severity=Severity.ERROR, message="broken")
    for judged, result, failed in ((verdict(), "PASSED", []), (verdict(wrong), "FAILED", ["EV201"])):
        statement = json.loads(blobs.read(attest.attest_verdict(image, "demo:1", judged, blobs).content))
        assert statement["subject"][0]["digest"]["sha256"] == image.manifest.digest.removeprefix("sha256:")
        assert statement["predicate"]["result"] == result
        assert statement["predicate"]["failedTests"] == failed


def test_two_verdicts_that_differ_in_the_hour_alone_are_attested_alike(image: Image, blobs: Blobs) -> None:
    def attested(said: str, seconds: float) -> str:
        broken = {
            "module": "wanted",
            "error": fault("RuntimeError", f"{said}: no device"),
            "seconds": seconds,
        }
        noisy = {"module": "helper", "output": f"{said} ready", "bytes": len(said)}
        judged = verdict(*judge_imports(facts(broken, noisy), Smoke()))
        judged = dataclasses.replace(judged, timings={"total": seconds})
        return attest.attest_verdict(image, "demo:1", judged, blobs).content.digest

    first = attested("2026-11-26 18:10:18 [71] <Device at 0x7f3a1c2b4d50> in /tmp/tmpab12cd34", 1.5)
    second = attested("2027-01-01 00:00:00 [9] <Device at 0x7fff1c2b0000> in /tmp/tmpzz99xx00", 2.5)
    assert first == second
    assert first != attested("2026-11-26 18:10:18 [71] <Driver at 0x7f3a1c2b4d50> in /tmp/tmpab12cd34", 1.5)


def test_the_bill_of_materials_is_the_one_that_the_image_carries(image: Image, blobs: Blobs) -> None:
    bill = attest.attest_bill(image, blobs)
    assert bill is not None
    assert blobs.read(bill.content) == b'{"bom": 1}'
    assert json.loads(blobs.read(bill.manifest))["subject"]["digest"] == image.manifest.digest


def test_a_layout_lists_what_refers_to_its_images(image: Image, blobs: Blobs, tmp_path: pathlib.Path) -> None:
    artifact = attest.attest_verdict(image, "demo:1", verdict(), blobs)
    for _ in range(2):
        layout.write_layout(image, "amd64", "demo:1", blobs, tmp_path / "out", [artifact])
    listed = layout.read_manifests(tmp_path / "out")
    assert [entry.get("artifactType") for entry in listed] == [None, attest.STATEMENT]
    assert Blobs(tmp_path / "out").has(artifact.content)


def test_files_lie_beside_an_archive(image: Image, blobs: Blobs, tmp_path: pathlib.Path) -> None:
    artifact = attest.attest_verdict(image, "demo:1", verdict(), blobs)
    written = layout.write_image(image, "amd64", "demo:1", blobs, tmp_path / "x.tar", [artifact])
    assert [path.name for path in written] == ["x.tar", "x.tar.intoto.json"]
    assert json.loads(written[1].read_text())["_type"] == "https://in-toto.io/Statement/v1"


def test_a_registry_that_keeps_no_list_gets_one(fake: Fake, image: Image, blobs: Blobs) -> None:
    artifact = attest.attest_verdict(image, "demo:1", verdict(), blobs)
    name = f"{fake.host}/team/demo:1"
    ship.push_image(image, "amd64", name, blobs, Network(PipSettings()), SILENT, [artifact])
    assert artifact.manifest.digest in fake.manifests
    _, body = fake.manifests[image.manifest.digest.replace(":", "-")]
    assert [entry["digest"] for entry in json.loads(body)["manifests"]] == [artifact.manifest.digest]
