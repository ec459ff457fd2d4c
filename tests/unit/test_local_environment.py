"""The environment of the functions in a local run."""

from __future__ import annotations

import pytest

from local.environment import base


def test_each_run_has_a_function_version_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entity tags contain it. Another run may have other code, which shows the same state differently."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    versions = [base("http://127.0.0.1:1")["AWS_LAMBDA_FUNCTION_VERSION"] for _ in range(2)]
    assert all(versions)
    assert versions[0] != versions[1]
