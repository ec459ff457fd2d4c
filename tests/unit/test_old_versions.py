"""Versions of functions that `make deploy` deletes after a release, and those that it keeps."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts import old_versions
from tests.support.stack import ROOT
from tests.support.wallets import mock_aws

STACK = "moniqo-dev"
REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/moniqo"


def code(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", text)
    return packed.getvalue()


class Account:
    """An emulated AWS account with the stack of an environment and a function that belongs to nobody."""

    def __init__(self) -> None:
        self.functions: Any = boto3.client("lambda", REGION)
        iam: Any = boto3.client("iam", REGION)
        iam.create_role(RoleName="moniqo", AssumeRolePolicyDocument="{}")
        properties = {"Handler": "app.handler", "Runtime": "python3.13", "Role": ROLE, "Code": {"ZipFile": "0"}}
        resources: dict[str, Any] = {
            name: {"Type": "AWS::Lambda::Function", "Properties": {**properties, "FunctionName": name}}
            for name in ("login", "place_order")
        }
        resources["Queue"] = {"Type": "AWS::SQS::Queue", "Properties": {}}
        cloudformation: Any = boto3.client("cloudformation", REGION)
        cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps({"Resources": resources}))
        self.functions.create_function(**{**properties, "FunctionName": "stranger", "Code": {"ZipFile": code("0")}})

    def release(self, name: str, number: int) -> str:
        """Publish a version and return it."""
        self.functions.update_function_code(FunctionName=name, ZipFile=code(f"RELEASE = {number}"))
        return str(self.functions.publish_version(FunctionName=name)["Version"])

    def versions(self, name: str) -> list[str]:
        listed = self.functions.list_versions_by_function(FunctionName=name)["Versions"]
        return [each["Version"] for each in listed]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield Account()


def released(account: Account, releases: int) -> None:
    for name in ("login", "place_order", "stranger"):
        versions = [account.release(name, number) for number in range(releases)]
        account.functions.create_alias(FunctionName=name, Name="live", FunctionVersion=versions[-1])


def test_a_release_leaves_its_versions_and_the_ones_before(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    released(account, 5)
    assert old_versions.main(["dev"]) == 0
    assert account.versions("login") == account.versions("place_order") == ["$LATEST", "4", "5"]
    assert account.versions("stranger") == ["$LATEST", "1", "2", "3", "4", "5"]
    assert capsys.readouterr().out == "Deleted 6 old function versions of moniqo-dev.\n"

    assert old_versions.main(["dev"]) == 0
    assert capsys.readouterr().out == "Deleted 0 old function versions of moniqo-dev.\n"


def test_deployment_ends_with_deleting_old_versions() -> None:
    chosen = ["ENVIRONMENT=prod", "KEEP_VERSIONS=2", "ARGS=--region eu-west-1"]
    command = ["make", "--no-print-directory", "-n", "deploy", *chosen]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    *_, options, last = shown.splitlines()
    assert options.endswith(" --region eu-west-1"), "of sam deploy"
    assert last.endswith(" -m scripts.old_versions prod --keep 2 --region eu-west-1")


def test_nothing_but_the_named_versions_is_kept_on_request(account: Account) -> None:
    released(account, 3)
    assert old_versions.main(["dev", "--keep", "0"]) == 0
    assert account.versions("login") == ["$LATEST", "3"]


def test_every_alias_keeps_its_versions(account: Account) -> None:
    released(account, 5)
    account.functions.create_alias(
        FunctionName="login",
        Name="canary",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}},
    )
    assert old_versions.main(["dev", "--keep", "0"]) == 0
    assert account.versions("login") == ["$LATEST", "1", "2", "5"]


def test_options_of_sam_deploy_choose_the_stack(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    released(account, 3)
    other = ["--parameter-overrides", "SnapStart=on", "LogLevel=WARN", "--no-confirm-changeset"]
    assert old_versions.main(["prod", *other, "--stack-name", STACK, "--region", REGION]) == 0
    assert account.versions("login") == ["$LATEST", "2", "3"]
    assert STACK in capsys.readouterr().out


@pytest.mark.parametrize(
    ("shared", "own"),
    [
        (f'stack_name = "{STACK}"\nregion = "{REGION}"', ""),
        ('stack_name = "other"\nregion = "eu-west-1"', f'stack_name = "{STACK}"\nregion = "{REGION}"'),
    ],
)
def test_settings_of_all_commands_hold_unless_the_deployment_has_its_own(
    account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shared: str, own: str
) -> None:
    released(account, 3)
    settings = tmp_path / "samconfig.toml"
    settings.write_text(f"[dev.global.parameters]\n{shared}\n[dev.deploy.parameters]\n{own}\n", encoding="utf-8")
    monkeypatch.setattr(old_versions, "SETTINGS", settings)
    assert old_versions.main(["dev"]) == 0
    assert account.versions("login") == ["$LATEST", "2", "3"]


def test_a_stack_that_is_missing_is_named(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    released(account, 3)
    assert old_versions.main(["prod"]) == 1
    assert "moniqo-prod" in capsys.readouterr().err
    assert len(account.versions("login")) == 4


def test_a_function_that_was_deleted_by_hand_stops_no_other(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    released(account, 3)
    account.functions.delete_function(FunctionName="login")
    assert old_versions.main(["dev"]) == 1
    assert account.versions("place_order") == ["$LATEST", "2", "3"]
    printed = capsys.readouterr()
    assert printed.out == "Deleted 1 old function versions of moniqo-dev.\n"
    assert "login: " in printed.err


def test_an_environment_that_samconfig_does_not_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        old_versions.main(["nowhere"])
    assert "samconfig.toml has no stack_name for nowhere" in capsys.readouterr().err


@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)), st.integers(0, 5))
def test_the_newest_and_the_named_versions_are_never_deleted(versions: set[int], named: set[int], keep: int) -> None:
    deleted = old_versions.superfluous(versions, named, keep)
    left = versions - set(deleted)
    assert versions & named <= left
    assert len(left - named) == min(keep, len(versions - named))
    assert all(old < new for old in deleted for new in left - named)
