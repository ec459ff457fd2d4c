"""The parameters of a deployment: every one of them, from samconfig.toml or else the default."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.built_template import released
from scripts.deploy_parameters import deploy_parameters
from tests.support.stack import ROOT, template

RELEASE = "a1" * 32


def parameters(overrides: object) -> dict[str, str]:
    settings = {"dev": {"deploy": {"parameters": {"parameter_overrides": overrides}}}}
    return deploy_parameters(released(template(), RELEASE), settings, "dev")


def test_every_parameter_has_a_value() -> None:
    defaults = {name: str(entry["Default"]) for name, entry in template()["Parameters"].items()}
    assert parameters([]) == defaults | {"ReleaseHash": RELEASE}
    assert parameters(["LiveTrading=true"]) == defaults | {"ReleaseHash": RELEASE, "LiveTrading": "true"}


@pytest.mark.parametrize(
    "overrides",
    [
        ["LiveTrading=true", 'CorsOrigins="https://a.example,https://b.example"', "AlarmEmail="],
        "LiveTrading=true CorsOrigins='https://a.example,https://b.example' AlarmEmail=\"\"",
    ],
)
def test_overrides_are_a_list_or_one_text(overrides: object) -> None:
    found = parameters(overrides)
    assert (found["LiveTrading"], found["CorsOrigins"]) == ("true", "https://a.example,https://b.example")
    assert found["AlarmEmail"] == ""


def test_global_overrides_apply_unless_the_command_deploy_has_its_own() -> None:
    shared = {"global": {"parameters": {"parameter_overrides": ["OrdersPerMinute=7"]}}}
    own = {"deploy": {"parameters": {"parameter_overrides": ["SyncsPerMinute=8"]}}}
    document = released(template(), RELEASE)
    assert deploy_parameters(document, {"dev": shared}, "dev")["OrdersPerMinute"] == "7"
    found = deploy_parameters(document, {"dev": shared | own}, "dev")
    assert (found["OrdersPerMinute"], found["SyncsPerMinute"]) == ("600", "8")


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (["LiveTradng=true"], "sets LiveTradng. The parameters are Environment, "),
        (["ReleaseHash=" + RELEASE], "sets ReleaseHash"),
        (["LiveTrading"], "has 'LiveTrading', not \"Name=Value\""),
        (["file://parameters.yaml"], "has 'file://parameters.yaml', not"),
        ({"LiveTrading": "true"}, "must be a list"),
        (["LiveTrading='true"], "No closing quotation"),
        (["LiveTrading=true", 5], "has '5', not \"Name=Value\""),
    ],
)
def test_what_is_no_parameter_is_refused(overrides: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parameters(overrides)


@pytest.mark.parametrize("settings", [{}, {"prod": {"deploy": {}}, "version": 0.1}, {"dev": 0.1}])
def test_unknown_environment_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has no environment dev"):
        deploy_parameters(released(template(), RELEASE), settings, "dev")


def test_template_that_is_not_built_is_refused_in_one_line(tmp_path: Path) -> None:
    def run(path: Path, environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "scripts.deploy_parameters", str(path), environment]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    unbuilt = run(ROOT / "template.yaml", "dev")
    assert (unbuilt.returncode, unbuilt.stderr) == (1, "The template is not built. Run `make build`.\n")
    built = tmp_path / "template.yaml"
    built.write_text(json.dumps(released(template(), RELEASE)), encoding="utf-8")
    assert json.loads(run(built, "prod").stdout)["Environment"] == "prod"
