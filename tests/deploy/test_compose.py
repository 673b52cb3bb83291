"""docker-compose.yml and what goes with it, as far as reading them can tell."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from embedded.temporal import DYNAMIC_CONFIG
from tests.deploy.compose import CHECKOUT, FILE, Unset, interpolated, our_services, read
from tests.deploy.rehearsal import VARIABLES

SERVICES: dict[str, dict[str, Any]] = read()["services"]
REQUIRED = re.compile(r"\$\{(\w+):\?")


def test_the_file_keeps_the_compose_specification() -> None:
    checked = subprocess.run(  # noqa: S603 - a fixed command
        (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)),
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("variable", sorted(set(REQUIRED.findall(FILE.read_text()))))
def test_nothing_starts_without_a_required_variable(variable: str) -> None:
    with pytest.raises(Unset, match=f"{variable}: choose it in .env"):
        interpolated(SERVICES, {**VARIABLES, variable: ""})


def test_the_example_names_every_required_variable_and_gives_none_a_value() -> None:
    example = dotenv_values(CHECKOUT / ".env.example")
    assert example == dict.fromkeys(REQUIRED.findall(FILE.read_text()), "")


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_of_a_named_version(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert tag not in {"", "latest"}


def test_jobs_end_and_services_come_back() -> None:
    jobs = {name for name, service in SERVICES.items() if service["restart"] == "on-failure:5"}
    ended = {
        name
        for service in SERVICES.values()
        for name, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    assert jobs == ended == {"temporal-schema", "namespace", "migrate"}


@pytest.mark.parametrize("name", our_services(VARIABLES))
def test_our_processes_can_change_no_file_and_gain_no_right(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", our_services(VARIABLES))
def test_plain_signals_decide_no_review(name: str) -> None:
    assert SERVICES[name]["environment"]["ACCORD_DECIDE_BY_SIGNAL"] == "false"


def test_only_what_speaks_to_systems_gets_their_secrets() -> None:
    reading = {name for name, service in our_services(VARIABLES).items() if service.reads_secrets}
    assert reading == {"worker", "gateway"}


def test_temporal_is_configured_as_the_embedded_one_is() -> None:
    written = yaml.safe_load((CHECKOUT / "deploy" / "temporal" / "dynamic_config.yaml").read_text())
    values = {key: entries[0]["value"] for key, entries in written.items()}
    assert values == {
        key: json.loads(value) for key, _, value in (one.partition("=") for one in DYNAMIC_CONFIG)
    }
