"""The hooks of a commit are the parts of `make lint`, and editors are told the rules of the formatters."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from typing import Any

import pytest
import yaml

from tests.support.stack import ROOT

CONFIG = ROOT / ".pre-commit-config.yaml"
FILES = ("template.yaml", "scripts/licences.py", "scripts/openapi/redocly.yaml", "README.md")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def hooks() -> list[dict[str, Any]]:
    repositories = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"], "a second list of versions"
    found: list[dict[str, Any]] = repositories[0]["hooks"]
    return found


def test_hook_configuration_is_valid() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(CONFIG)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_part_of_lint_is_a_hook() -> None:
    lint = re.search(r"^lint: (.+) ##", MAKEFILE, re.MULTILINE)
    assert lint is not None
    assert [hook["id"] for hook in hooks()] == lint[1].split()


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: str(hook["id"]))
def test_hook_calls_its_make_target(hook: dict[str, Any]) -> None:
    assert hook["language"] == "system"
    assert shlex.split(hook["entry"])[:3] == ["make", "--no-print-directory", hook["id"]]
    assert hook["pass_filenames"] is False
    if "files" in hook:
        assert any(
            re.search(hook["files"], path)
            for path in ("template.yaml", "scripts/licences.py", "scripts/openapi/redocly.yaml", "README.md")
        )


def test_editors_have_the_line_length_of_ruff() -> None:
    rules = ConfigParser()
    rules.read_string("[top]\n" + (ROOT / ".editorconfig").read_text(encoding="utf-8"))
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    assert rules["*.py"].getint("max_line_length") == ruff["line-length"]
    assert rules["Makefile"]["indent_style"] == "tab"
