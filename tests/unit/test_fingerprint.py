"""The hash that makes Lambda publish a new version."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.fingerprint import fingerprint


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (
        "layers/core/moniqo_core/a.py",
        "functions/get_health/app.py",
        "template.yaml",
        "samconfig.toml",
        "README.md",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    "name", ["layers/core/moniqo_core/a.py", "functions/get_health/app.py", "template.yaml", "samconfig.toml"]
)
def test_fingerprint_changes_with_every_source_file(root: Path, name: str) -> None:
    before = fingerprint(root)
    (root / name).write_text("changed")
    assert fingerprint(root) != before


def test_fingerprint_changes_with_a_file_name(root: Path) -> None:
    before = fingerprint(root)
    (root / "layers/core/moniqo_core/a.py").rename(root / "layers/core/moniqo_core/b.py")
    assert fingerprint(root) != before


def test_fingerprint_ignores_files_that_are_not_deployed(root: Path) -> None:
    before = fingerprint(root)
    (root / "README.md").write_text("changed")
    cache = root / "layers/core/moniqo_core/__pycache__"
    cache.mkdir()
    (cache / "a.cpython-313.pyc").write_bytes(b"x")
    assert fingerprint(root) == before


def test_fingerprint_fits_the_template_parameter(root: Path) -> None:
    assert len(fingerprint(root)) == 64
