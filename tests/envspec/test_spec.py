"""The spec as a value: variants, the digest that a lock remembers, and the shipped schema."""

import importlib.resources
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.spec.load import parse_spec
from envspec.spec.model import Spec, digest_of, spec_schema
from envspec.system.errors import SpecError
from tests.support.specs import PINNED, spec, spec_text, stage

NUMPY = stage("numeric", "numpy==1.23.5")
TORCH = stage("torch", "torch==2.13.0", more='index = "cpu"')
CPU = '[index.cpu]\nurl = "https://cpu.example/whl"\n'


def varied(tail: str, *stages: str) -> Spec:
    return parse_spec(spec_text(*(stages or (NUMPY, TORCH)), tail=CPU + tail), variant="v")


def test_a_variant_replaces_the_pins_of_a_stage_and_keeps_the_others() -> None:
    there = varied('[[variant.v.stage]]\nname = "torch"\ninstall = ["torch==2.1"]\n')
    assert [part.install for part in there.stage] == [("numpy==1.23.5",), ("torch==2.1",)]
    assert there.stage[1].index == "cpu"


def test_a_variants_new_stage_comes_last() -> None:
    there = varied('[[variant.v.stage]]\nname = "extra"\ninstall = ["kantts"]\n')
    assert [part.name for part in there.stage] == ["numeric", "torch", "extra"]


def test_a_variant_may_move_an_index() -> None:
    there = varied('[variant.v.index.cpu]\nurl = "https://cuda.example/whl"\n')
    assert there.index["cpu"].url == "https://cuda.example/whl"


def test_a_variant_may_go_back_to_the_machines_own_index() -> None:
    there = varied('[[variant.v.stage]]\nname = "torch"\nindex = "default"\n')
    assert (there.stage[1].index, dict(there.index)) == (None, {})


def test_an_index_that_a_variant_declares_stays() -> None:
    own = '[variant.v.index.cpu]\nurl = "https://x.example/whl"\n'
    assert varied(f'{own}[[variant.v.stage]]\nname = "torch"\nindex = "default"\n').index.keys() == {"cpu"}


def test_a_variants_base_takes_the_place_of_another_kind_of_base() -> None:
    there = varied('[variant.v.base]\ndebian = "trixie"\n')
    assert (there.base.image, there.base.debian, there.image) == (None, "trixie", None)


def test_a_variant_of_the_bases_packages_keeps_its_image() -> None:
    there = varied('[variant.v.base]\napt = ["libgomp1"]\n')
    assert (there.base.image, there.base.apt) == (PINNED, ("libgomp1",))


def test_a_variant_may_change_python() -> None:
    assert varied('[variant.v]\npython = "3.10"\n').python == "3.10"


def test_a_variant_that_makes_no_spec_is_refused() -> None:
    with pytest.raises(SpecError, match="base: give one of"):
        varied('[variant.v.base]\nhost = true\ndebian = "trixie"\n')


def test_a_variant_may_be_for_other_machines() -> None:
    there = parse_spec(
        spec_text(NUMPY, tail='[target]\ngpu = []\n[variant.v.target]\ngpu = ["sm_90"]\n'), variant="v"
    )
    assert there.target.gpu == ("sm_90",)


def test_a_services_own_variables_count_over_those_of_the_environment() -> None:
    there = parse_spec(
        spec_text(NUMPY, tail='[env]\nA = "1"\nB = "1"\n[service]\nmodule = "a:b"\nenv = { B = "2" }')
    )
    assert there.variables == {"A": "1", "B": "2"}


def test_a_target_left_open_is_not_one_without_cards() -> None:
    assert spec(NUMPY).target.gpu is None
    assert parse_spec(spec_text(NUMPY, tail="[target]\ngpu = []")).target.gpu == ()


def test_a_variant_may_be_for_another_processor() -> None:
    other = varied('[variant.v]\nmachine = "aarch64"\ncompile = false\n')
    assert (other.machine, other.compile) == ("aarch64", False)


def test_a_variant_has_no_variants() -> None:
    assert varied("[variant.v]\n").variant == {}


SAME = [
    spec_text("name = 'numeric'\ninstall = ['numpy==1.23.5']\nwhy = 'it is first'"),
    "# a remark\n" + spec_text(NUMPY).replace(" = ", "   =   "),
    spec_text(NUMPY, tail="[smoke]\nimports = ['numpy']"),
    spec_text(NUMPY, tail="[remove]\nfiles = ['**/tests/**']"),
    spec_text(NUMPY, tail='[service]\nmodule = "a:b"'),
    spec_text(NUMPY, tail='[variant.v]\npython = "3.10"'),
    spec_text(NUMPY, head='machine = "x86_64"'),
    spec_text(NUMPY).replace("[base]", '[base]\nbudget = "1.4 GB"'),
    spec_text(NUMPY, head="compile = false"),
    spec_text(NUMPY, tail='[target]\ngpu = ["sm_90"]\ndriver = "550"'),
    spec_text(NUMPY, tail='[env]\nA = "{site}"'),
]


@pytest.mark.parametrize(
    "text",
    SAME,
    ids=[
        "why",
        "comment",
        "smoke",
        "trim",
        "service",
        "variant",
        "default",
        "budget",
        "compile",
        "target",
        "env",
    ],
)
def test_what_moves_no_package_leaves_the_digest(text: str) -> None:
    assert parse_spec(text).digest == spec(NUMPY).digest


OTHER = [
    spec_text(stage("numeric", "numpy==1.23.4")),
    spec_text(stage("numbers", "numpy==1.23.5")),
    spec_text(stage("numeric", "numpy==1.23.5", more="prebuilt = ['numpy']")),
    spec_text(stage("numeric", "numpy==1.23.5", more="as-of = 2024-04-01")),
    spec_text(NUMPY, head="as-of = 2024-04-01"),
    spec_text(NUMPY, head='machine = "aarch64"'),
    spec_text(NUMPY, tail='[base]\nimage = "python:3.11-slim"'),
    spec_text(NUMPY, tail="[remove]\npackages = ['pip']"),
    spec_text(NUMPY, TORCH, tail=CPU),
    spec_text(NUMPY).replace("3.11", "3.10"),
]


@pytest.mark.parametrize("text", OTHER)
def test_what_may_move_a_package_changes_the_digest(text: str) -> None:
    assert parse_spec(text).digest != spec(NUMPY).digest


def test_the_order_of_stages_counts() -> None:
    other = stage("b", "six==1.16.0")
    assert spec(NUMPY, other).digest != spec(other, NUMPY).digest


@given(st.dictionaries(st.text(), st.integers() | st.text(), max_size=5))
def test_a_digest_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    assert digest_of(value) == digest_of(dict(reversed(value.items())))


@pytest.mark.parametrize(
    ("text", "count"),
    [("1.4 GB", 1_400_000_000), ("900MiB", 943_718_400), ("0.5 kB", 500), ("2 GiB", 1 << 31)],
)
def test_a_budget_is_a_number_of_bytes(text: str, count: int) -> None:
    assert spec(NUMPY, tail=f'[base]\nhost = true\nbudget = "{text}"').base.budget_bytes == count


@pytest.mark.parametrize("text", ["1.4", "lots", "-1 GB", "1 gb", "1,4 GB", "GB"])
def test_a_budget_without_a_number_and_a_unit_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"base\.budget"):
        spec(NUMPY, tail=f'[base]\nbudget = "{text}"')


def test_without_a_base_the_image_is_pythons_own() -> None:
    assert parse_spec(f'name = "x"\npython = "3.12"\n[[stage]]\n{NUMPY}').image == "python:3.12-slim"


def test_the_names_of_a_stage_are_canonical_and_hold_its_wheels() -> None:
    wheels = 'wheels = [{ url = "https://x.example/a/My_Wheel-1.0%2Bcpu-py3-none-any.whl" }]'
    assert spec(stage("one", "Foo.Bar", more=wheels)).stage[0].names == ("foo-bar", "my-wheel")


def test_the_shipped_schema_is_the_models_own() -> None:
    """`make schema` writes it."""
    shipped = (importlib.resources.files("envspec.spec") / "envspec.schema.json").read_text()
    assert json.loads(shipped) == spec_schema()


@pytest.mark.parametrize("name", ["PATH", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"])
def test_variables_that_every_environment_has_from_us_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match=f"{name} is set by the builder, and .*: leave it out"):
        parse_spec(
            f'name = "x"\npython = "3.11"\n[env]\n{name} = "x"\n[[stage]]\nname = "s"\ninstall = ["pip"]'
        )
