"""What orchestrators are given: true to their own schemas, and the same shape whatever a spec holds."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from builder.cli.main import envspec
from builder.orchestrate import FORMS, Deployment, deployment
from builder.orchestrate.document import document
from envspec.spec import load
from envspec.spec.model import Spec, TargetWish
from envspec.system.errors import UsageError
from tests.support.paths import EXAMPLES
from tests.support.specs import spec as spec_of
from tests.support.specs import stage

COMPOSE = jsonschema.Draft7Validator(
    json.loads((pathlib.Path(__file__).parent / "data" / "compose-spec.json").read_text())
)
HOSTILE = (
    "x: y", "- a\n- b", "'\"", "# no comment", "${HOME} $(PORT) $$(PORT) $", "{{ x }}", "&a *a", "!!a:x",
    "---\nkind: Pod", "yes", "0x1F", "null", "~", "1e3", "好", "a\tb", "trailing ", ":", "|", "%TAG",
)  # fmt: skip


def example(name: str = "espeak", **service: Any) -> Spec:
    spec = load.load_spec(EXAMPLES / name / "envspec.toml")
    assert spec.service is not None
    return spec.model_copy(update={"service": spec.service.model_copy(update=service)})


def documents(form: str, wanted: Deployment) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(FORMS[form](wanted)))


def kinds(wanted: Deployment) -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in documents("kubernetes", wanted)}


@pytest.mark.parametrize("name", ["espeak", "sambert-hifigan"])
@pytest.mark.parametrize("source", [None, "app"])
def test_kubernetes_takes_every_document(name: str, source: str | None) -> None:
    """By the strict schemas of the oldest version that is promised and of the newest that is known."""
    wanted = deployment(example(name, source=source, env={"A": "b"}))
    found = kinds(wanted)
    assert set(found) == {"Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"}
    for each in found.values():
        for version in ("1.30", kubernetes_validate.latest_version()):
            kubernetes_validate.validate(each, version, strict=True)


def test_the_schemas_see_mistakes() -> None:
    wrong = kinds(deployment(example()))["Deployment"]
    wrong["spec"]["template"]["spec"]["containers"][0]["readyProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.30", strict=True)
    with pytest.raises(jsonschema.ValidationError):
        COMPOSE.validate({"services": {"x": {"imagine": "y"}}})


@pytest.mark.parametrize("name", ["espeak", "sambert-hifigan"])
def test_compose_takes_the_document(name: str) -> None:
    (found,) = documents("compose", deployment(example(name, env={"A": "b"})))
    COMPOSE.validate(found)


def on_cards(*cards: str, **changes: Any) -> Spec:
    return example().model_copy(update={"target": TargetWish(gpu=cards), **changes})


def test_a_replica_that_is_meant_for_cards_asks_for_one() -> None:
    wanted = deployment(on_cards("sm_90", "RTX 4090"))
    found = kinds(wanted)
    for version in ("1.30", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(found["Deployment"], version, strict=True)
    spec = found["Deployment"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
    (composed,) = documents("compose", wanted)
    COMPOSE.validate(composed)
    devices = composed["services"]["service"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
    for form in FORMS.values():
        assert "must be one of: sm_90, sm_89" in form(wanted)


@pytest.mark.parametrize("spec", [on_cards(), example()], ids=["for machines without", "left open"])
def test_who_is_meant_for_no_card_asks_for_none(spec: Spec) -> None:
    for form in FORMS.values():
        assert not re.search("nvidia|gpu", form(deployment(spec)))


def test_variables_of_the_environment_are_placed_and_the_services_own_win() -> None:
    spec = on_cards(env={"LIB": "{site}/x:{prefix}", "BOTH": "environment"})
    assert spec.service is not None
    service = spec.service.model_copy(update={"env": {"BOTH": "service"}})
    found = deployment(spec.model_copy(update={"service": service})).programs[0].env
    assert found == {"LIB": "/opt/env/lib/python3.11/site-packages/x:/opt/env", "BOTH": "service"}


def test_nothing_may_be_written_or_gained() -> None:
    wanted = deployment(example())
    pod = kinds(wanted)["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (found,) = documents("compose", wanted)
    for service in found["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["tmpfs"] == ["/tmp"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service["user"].startswith("0")


def test_probes_ask_what_the_service_answers() -> None:
    (container,) = kinds(deployment(example()))["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}


def test_a_payload_of_ones_own_is_asked_only_what_the_spec_names() -> None:
    found = kinds(deployment(example(source="app", health="/up")))
    template = found["Deployment"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/up"
    assert container["livenessProbe"]["tcpSocket"] == {"port": "http"}
    assert "annotations" not in template["metadata"]
    metrics = found["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert [metric["type"] for metric in metrics] == ["Resource"]


def test_scaling_follows_the_queue() -> None:
    spec = kinds(deployment(example(), replicas=3))["HorizontalPodAutoscaler"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 12)
    assert spec["metrics"][0]["pods"]["metric"]["name"] == "tts_queue_depth"


@pytest.mark.parametrize(("drain", "seconds"), [("", 30), ("5", 5), ("2.5", 3), ("soon", 30), ("1e400", 30)])
def test_who_is_told_to_stop_gets_the_time_to_drain(drain: str, seconds: int) -> None:
    wanted = deployment(example(env={"TTS_DRAIN": drain} if drain else {}))
    pod = kinds(wanted)["Deployment"]["spec"]["template"]["spec"]
    before = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > before + seconds
    (found,) = documents("compose", wanted)
    assert int(found["services"]["service"]["stop_grace_period"].rstrip("s")) > seconds


def test_models_get_more_memory() -> None:
    small, large = (deployment(example(env=env)) for env in ({}, {"TTS_ENGINE": "modelscope"}))
    assert small.bytes < large.bytes == deployment(example(models=("damo/a",))).bytes


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_becomes_structure(value: str) -> None:
    """Values that are YAML, or that an orchestrator would put variables into, stay what they are."""
    wanted = deployment(example(env={"A": value}))
    (compose,) = documents("compose", wanted)
    assert compose["services"]["service"]["environment"]["A"].replace("$$", "$") == value
    assert re.search(r"(?<!\$)(\$\$)*\$(?!\$)", compose["services"]["service"]["environment"]["A"]) is None
    plain = kinds(deployment(example(env={"A": "plain"})))
    found = kinds(wanted)
    (variable,) = found["Deployment"]["spec"]["template"]["spec"]["containers"][0].pop("env")
    plain["Deployment"]["spec"]["template"]["spec"]["containers"][0].pop("env")
    assert variable == {"name": "A", "value": value.replace("$", "$$")}
    assert found == plain


@pytest.mark.parametrize("name", ["a.b_c", "1", "x" * 100, "a-" * 25 + "b"])
def test_any_name_of_a_spec_becomes_one_of_a_host(name: str) -> None:
    found = deployment(example().model_copy(update={"name": name})).name
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", found)


SHOP = """
[run]
command = ["uvicorn", "shop:app"]
port = 8000
ports = [9000]
health = "/up"
env = { A = "${B}" }
[run.grpc]
command = ["serve"]
port = 50051
volumes = ["/data", "/var/models"]
stop-signal = "SIGINT"
user = "www-data:33"
[run.worker]
command = ["celery"]
health = { command = ["ping"] }
restart = "always"
[run.train]
command = ["train"]
restart = "on-failure"
volumes = ["/data"]
user = "root"
[run."nightly.report"]
command = ["report"]
schedule = "0 3 * * *"
"""


def shop(text: str = SHOP) -> Deployment:
    return deployment(spec_of(stage("one", "six==1.17.0"), tail=text))


def composed(wanted: Deployment) -> dict[str, Any]:
    (found,) = documents("compose", wanted)
    COMPOSE.validate(found)
    return found


def test_kubernetes_takes_every_program() -> None:
    found = documents("kubernetes", shop())
    for each in found:
        for version in ("1.30", kubernetes_validate.latest_version()):
            kubernetes_validate.validate(each, version, strict=True)
    names = [(each["kind"], each["metadata"]["name"]) for each in found]
    assert names == [
        ("PersistentVolumeClaim", "demo-data"),
        ("PersistentVolumeClaim", "demo-var-models"),
        ("Deployment", "demo"),
        ("Service", "demo"),
        ("HorizontalPodAutoscaler", "demo"),
        ("PodDisruptionBudget", "demo"),
        ("Deployment", "demo-grpc"),
        ("Service", "demo-grpc"),
        ("Deployment", "demo-worker"),
        ("Job", "demo-train"),
        ("CronJob", "demo-nightly-report"),
    ]


def pods(text: str = SHOP) -> dict[str, dict[str, Any]]:
    """The specification of each pod by the name of its container."""
    found = {}
    for each in documents("kubernetes", shop(text)):
        spec = each["spec"].get("jobTemplate", each)["spec"]
        if "template" in spec:
            pod = spec["template"]["spec"]
            found[pod["containers"][0]["name"]] = pod
    return found


def test_pods_are_asked_as_the_health_of_each_program_says() -> None:
    main, grpc, worker = (pods()[name]["containers"][0] for name in ("main", "grpc", "worker"))
    assert main["readinessProbe"]["httpGet"] == {"path": "/up", "port": "http"}
    assert [port["name"] for port in main["ports"]] == ["http", "port-9000"]
    assert grpc["readinessProbe"]["tcpSocket"] == {"port": "port-50051"}
    assert worker["livenessProbe"]["exec"]["command"][-2:] == ["health", "worker"]
    assert ("args" not in main, grpc["args"], worker["args"]) == (True, ["grpc"], ["worker"])


def test_programs_get_the_time_to_start_that_the_spec_says() -> None:
    slow = SHOP.replace('health = "/up"', 'health = "/up"\nstart-timeout = 900', 1)
    slow = slow.replace('restart = "always"', 'restart = "always"\nstart-timeout = 45', 1)
    probes = {name: pod["containers"][0].get("startupProbe", {}) for name, pod in pods(slow).items()}
    waits = {
        name: probe["periodSeconds"] * probe["failureThreshold"] for name, probe in probes.items() if probe
    }
    assert waits == {"main": 900, "grpc": 300, "worker": 50}
    checks = {name: each.get("healthcheck", {}) for name, each in composed(shop(slow))["services"].items()}
    assert [checks[name]["start_period"] for name in ("main", "grpc", "worker")] == ["900s", "60s", "45s"]


def test_pods_have_the_user_the_volumes_and_the_restart_of_each_program() -> None:
    found = pods()
    assert found["grpc"]["securityContext"] == {
        "runAsGroup": 33,
        "fsGroup": 33,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    train = found["train"]
    assert (train["restartPolicy"], train["securityContext"]["runAsUser"]) == ("OnFailure", 0)
    assert "readOnlyRootFilesystem" not in train["containers"][0]["securityContext"]
    claims = [each.get("persistentVolumeClaim", {}).get("claimName") for each in train["volumes"]]
    assert claims == [None, "demo-data"]
    assert found["nightly-report"]["restartPolicy"] == "Never"


def test_compose_has_every_program() -> None:
    services = composed(shop())["services"]
    assert list(services) == ["main", "grpc", "worker", "train", "nightly.report"]
    assert services["main"]["ports"] == ["${PORT:-8000}:8000", "9000:9000"]
    assert services["main"]["environment"] == {"A": "$${B}"}
    assert services["grpc"]["volumes"] == ["data:/data", "var-models:/var/models"]
    assert (services["grpc"]["stop_signal"], services["grpc"]["user"]) == ("SIGINT", "www-data:33")
    assert services["worker"]["healthcheck"]["timeout"] == "30s"
    assert services["worker"]["restart"] == "always"
    train, nightly = services["train"], services["nightly.report"]
    assert (train["profiles"], train["command"], train["restart"]) == (["jobs"], ["train"], "on-failure")
    assert (train["user"], "read_only" in train) == ("0:0", False)
    assert (nightly["restart"], "healthcheck" in nightly) == ("no", False)
    assert composed(shop())["volumes"] == {"data": {}, "var-models": {}}
    head = FORMS["compose"](shop()).partition("\nservices:")[0]
    assert "port 8000 (PORT names another)" in head
    assert "nightly.report, as in '0 3 * * *' is started by hand, or by cron" in head


def test_other_programs_stand_beside_the_service() -> None:
    worker = '[service]\nmodule = "a:b"\nsource = "."\n[run.worker]\ncommand = ["w"]\nkind = "service"\n'
    services = composed(shop(worker))["services"]
    assert list(services) == ["service", "worker", "proxy"]
    assert services["worker"]["command"] == ["worker"]


@pytest.mark.parametrize("name", ["proxy", "service"])
def test_no_two_parts_have_one_name(name: str) -> None:
    with pytest.raises(UsageError, match=f"two parts of the deployment would be called {name}"):
        shop(f'[service]\nmodule = "a:b"\n[run.{name}]\ncommand = ["w"]\n')


def test_without_a_program_there_is_nothing_to_run() -> None:
    with pytest.raises(UsageError, match=r"no \[service\] and no \[run\]"):
        shop("")


@pytest.mark.parametrize(
    "wrong",
    [{"image": "a b"}, {"image": "x\ny: z"}, {"memory": "1"}, {"memory": "1Mi"}, {"memory": "1Gi\n"},
     {"cores": 0.0}, {"cores": float("nan")}, {"replicas": 0}],
)  # fmt: skip
def test_what_no_orchestrator_takes_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        deployment(example(), **wrong)


def test_heads_stay_comments() -> None:
    assert yaml.safe_load(document("a\nb: c\r\nd\u2028e: f", {"x": 1})) == {"x": 1}


def test_the_command_prints_it() -> None:
    spec = str(EXAMPLES / "espeak")
    done = CliRunner().invoke(
        envspec,
        ["render", spec, "--to", "kubernetes", "--image", "registry.example/a:1", "--memory", "1Gi"],
    )
    assert done.exit_code == 0, done.output
    first = next(yaml.safe_load_all(done.output))
    (container,) = first["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/a:1"
    assert container["resources"]["limits"] == {"cpu": "2000m", "memory": "1Gi"}


def test_without_a_service_there_is_nothing_to_run() -> None:
    spec = example().model_copy(update={"service": None})
    with pytest.raises(UsageError, match="no \\[service\\]"):
        deployment(spec)
