"""Settings of the tools name folders that exist: a folder that moved would silently no longer be checked."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.support.stack import ROOT

TOOLS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
PACKAGE = f"layers/core/{TOOLS['importlinter']['root_packages'][0]}"


@pytest.mark.parametrize(
    "folders",
    [
        pytest.param(TOOLS["coverage"]["run"]["source"], id="coverage"),
        pytest.param(TOOLS["mypy"]["files"], id="mypy"),
        pytest.param([*TOOLS["ruff"]["src"], PACKAGE], id="ruff"),
        pytest.param([*TOOLS["bandit"]["exclude_dirs"], PACKAGE], id="bandit"),
    ],
)
def test_configured_folders_exist(folders: list[str]) -> None:
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []
    assert PACKAGE in folders or "tests" in folders


def test_coverage_measures_all_code_of_deployments_and_local_runs() -> None:
    assert TOOLS["coverage"]["run"]["source"] == [PACKAGE, "functions", "local"]
    assert TOOLS["coverage"]["run"]["branch"] is True
