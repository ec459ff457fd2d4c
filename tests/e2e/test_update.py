"""A second `make deploy`, computed with SAM CLI's own code for parameters and with the SAM transform."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pytest

from local import cloudformation
from scripts.built_template import released
from scripts.deploy_parameters import deploy_parameters
from scripts.fingerprint import SOURCES, fingerprint
from tests.support.sam_cli import SendParameters, sam_cli
from tests.support.stack import ROOT, functions, transform

DEV: Final = "dev"
LIVE_OFF: Final = '"LiveTrading=false"'
LIVE_ON: Final = '"LiveTrading=true"'
KEPT_LOGS: Final = '  "LogRetentionDays=7",\n'
ODD: Final = """, "JwtAudience='one two'", "AlarmEmail=a@b.example VenueHosts=a.example" """


@dataclass(frozen=True)
class Stack:
    """A stack after a deployment: its template and the values of its parameters."""

    document: Mapping[str, Any]
    values: Mapping[str, str]

    @cached_property
    def versions(self) -> set[str]:
        """Logical ids of the versions of all functions. A new id publishes a new version."""
        found = transform(self.document, self.values)
        return {name for name, entry in found.items() if entry["Type"] == "AWS::Lambda::Version"}

    @property
    def is_accepted(self) -> bool:
        """Whether the rule about releases accepts the deployment."""
        resolver = cloudformation.Resolver(self.document, lambda *_: "", {}, self.values)
        return all(resolver.resolve(entry["Assert"]) for entry in self.document["Rules"]["Released"]["Assertions"])


@dataclass(frozen=True)
class Checkout:
    """A copy of everything that a release is made of."""

    root: Path
    sent_by_sam: SendParameters

    @property
    def settings(self) -> dict[str, Any]:
        return tomllib.loads((self.root / "samconfig.toml").read_text(encoding="utf-8"))

    def template(self, *, built: bool = True) -> dict[str, Any]:
        document = cloudformation.load(self.root / "template.yaml")
        return released(document, fingerprint(self.root)) if built else document

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        (self.root / name).write_text(text.replace(old, new), encoding="utf-8")

    def make_deploy(self, stack: Stack | None) -> Stack:
        """Return the stack after `make deploy`."""
        document = self.template()
        path = self.root.parent / "parameters.yaml"
        path.write_text(json.dumps(deploy_parameters(document, self.settings, DEV)), encoding="utf-8")
        return self._deployed(stack, document, path)

    def sam_deploy(self, stack: Stack | None, *, built: bool) -> Stack:
        """Return the stack after `sam deploy` without `make`."""
        return self._deployed(stack, self.template(built=built), None)

    def _deployed(self, stack: Stack | None, document: Mapping[str, Any], overrides: Path | None) -> Stack:
        before = stack.values if stack else {}
        values = {}
        _, sent = self.sent_by_sam(document, self.root, DEV, overrides)
        for parameter in sent:
            name = parameter["ParameterKey"]
            kept = before.get(name, str(document["Parameters"][name]["Default"]))
            values[name] = kept if parameter.get("UsePreviousValue") else parameter["ParameterValue"]
        return Stack(document, values)


@pytest.fixture(scope="module")
def sam() -> Iterator[SendParameters]:
    with sam_cli() as send:
        yield send


@pytest.fixture
def checkout(tmp_path: Path, sam: SendParameters) -> Checkout:
    root = tmp_path / "checkout"
    root.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "static"))
        else:
            shutil.copy(ROOT / name, root)
    return Checkout(root, sam)


def new_code(checkout: Checkout) -> None:
    checkout.edit("functions/get_health/app.py", "handler = ", "again = handler = ")


def new_layer(checkout: Checkout) -> None:
    checkout.edit("layers/exchanges/requirements.txt", "==", "== ")


def live_trading(checkout: Checkout) -> None:
    checkout.edit("samconfig.toml", LIVE_OFF, LIVE_ON)


@pytest.mark.parametrize("change", [new_code, new_layer, live_trading])
def test_every_function_publishes_a_version_when_anything_changed(
    checkout: Checkout, change: Callable[[Checkout], None], record_property: Callable[[str, object], None]
) -> None:
    before = checkout.make_deploy(None)
    change(checkout)
    new = checkout.make_deploy(before).versions - before.versions
    record_property(f"New versions after {change.__name__}", len(new))
    assert len(new) == len(functions())


def test_no_function_publishes_a_version_when_nothing_changed(checkout: Checkout) -> None:
    before = checkout.make_deploy(None)
    assert checkout.make_deploy(before).versions == before.versions


def test_changed_parameter_arrives(checkout: Checkout) -> None:
    before = checkout.make_deploy(None)
    live_trading(checkout)
    after = checkout.make_deploy(before)
    assert (before.values["LiveTrading"], after.values["LiveTrading"]) == ("false", "true")
    assert (before.is_accepted, after.is_accepted) == (True, True)


def test_parameter_removed_from_samconfig_has_its_default_again(checkout: Checkout) -> None:
    before = checkout.make_deploy(None)
    checkout.edit("samconfig.toml", KEPT_LOGS, "")
    after = checkout.make_deploy(before)
    assert (before.values["LogRetentionDays"], after.values["LogRetentionDays"]) == ("7", "30")


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("exists", [True, False])
def test_sam_deploy_alone_is_refused(checkout: Checkout, built: bool, exists: bool) -> None:
    before = checkout.make_deploy(None) if exists else None
    new_code(checkout)
    assert not checkout.sam_deploy(before, built=built).is_accepted


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_samconfig_is_read_as_sam_cli_reads_it(checkout: Checkout, environment: str) -> None:
    checkout.edit("samconfig.toml", LIVE_OFF, LIVE_ON + ODD)
    document = checkout.template()
    chosen, _ = checkout.sent_by_sam(document, checkout.root, environment, None)
    assert (chosen["JwtAudience"], chosen["VenueHosts"]) == ("one two", "a.example")
    ours = deploy_parameters(document, checkout.settings, environment)
    assert {name: ours[name] for name in chosen} == chosen
