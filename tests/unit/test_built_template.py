"""The built template as a release: a hash in every function, and in the rule that accepts a deployment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local import cloudformation
from scripts.built_template import release_of, released
from scripts.fingerprint import fingerprint
from scripts.http_definition import with_definition
from tests.support.stack import FUNCTION, ROOT, template

RELEASE = "a1" * 32


def test_every_function_has_the_hash_as_a_literal() -> None:
    resources = released(template(), RELEASE)["Resources"].values()
    found = [entry["Properties"]["AutoPublishCodeSha256"] for entry in resources if entry["Type"] == FUNCTION]
    assert found
    assert set(found) == {RELEASE}


def test_template_that_is_not_built_is_no_release() -> None:
    assert release_of(released(template(), RELEASE)) == RELEASE
    with pytest.raises(ValueError, match="Run `make build`"):
        release_of(template())


@pytest.mark.parametrize(
    ("given", "is_accepted"), [(RELEASE, True), ("b2" * 32, False), ("", False), ("unreleased", False)]
)
def test_only_a_deployment_that_names_the_release_is_accepted(given: str, is_accepted: bool) -> None:
    document = released(template(), RELEASE)
    parameter = {"ReleaseHash": given} if given != "unreleased" else {}
    resolver = cloudformation.Resolver(document, lambda *_: "", {}, parameter)
    (assertion,) = document["Rules"]["Released"]["Assertions"]
    assert resolver.resolve(assertion["Assert"]) == is_accepted


def test_build_rewrites_the_template_in_place(tmp_path: Path) -> None:
    built = tmp_path / "template.yaml"
    built.write_text((ROOT / "template.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, "-m", "scripts.built_template", str(built)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    release = fingerprint(ROOT)
    assert done.stdout == f"Release {release}\n"
    assert cloudformation.load(built) == with_definition(released(template(), release))
