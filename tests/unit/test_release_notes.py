"""A release has the tag of its version, and the notes of its section in the changelog."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import moniqo_core
from scripts.release_notes import ReleaseError, current_version, release_notes
from tests.support.stack import ROOT

CHANGELOG = """# Changelog

## Unreleased

### Added
- Something later.

## 1.2.0 - 2026-12-31

### Added
- Six order types ([rules](docs/rules.md#types), [here](#changelog), [standard](https://example.com/a)).

## 1.2.0-rc.1 - 2026-12-01

- A first attempt.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    core = tmp_path / "layers" / "core"
    (core / "package").mkdir(parents=True)
    (core / "pyproject.toml").write_text('[tool.hatch.version]\npath = "package/__init__.py"\n')
    (core / "package" / "__init__.py").write_text('"""A package."""\n\n__version__ = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_notes_are_the_section_of_the_version(root: Path) -> None:
    assert release_notes(root, "v1.2.0") == (
        "### Added\n"
        "- Six order types ([rules](docs/rules.md#types), [here](#changelog), [standard](https://example.com/a)).\n"
    )


def test_relative_links_point_to_the_tag(root: Path) -> None:
    notes = release_notes(root, "v1.2.0", "https://example.org/blob/v1.2.0/")
    assert "[rules](https://example.org/blob/v1.2.0/docs/rules.md#types)" in notes
    assert "[here](#changelog), [standard](https://example.com/a)" in notes


@pytest.mark.parametrize("tag", ["1.2.0", "v1.2.1", "v1.2.0-rc.1", "v1.2.0 "])
def test_tag_of_another_version_is_refused(root: Path, tag: str) -> None:
    with pytest.raises(ReleaseError, match=r"does not name the version, which is 1\.2\.0"):
        release_notes(root, tag)


@pytest.mark.parametrize("heading", ["## 1.2.0", "## 1x2x0 - 2026-12-31", "## Unreleased"])
def test_missing_section_is_refused(root: Path, heading: str) -> None:
    (root / "CHANGELOG.md").write_text(CHANGELOG.replace("## 1.2.0 - 2026-12-31", heading))
    with pytest.raises(ReleaseError, match=r"no section '## 1\.2\.0 - YYYY-MM-DD'"):
        release_notes(root, "v1.2.0")


@pytest.mark.parametrize("rest", ["", "\n## 1.1.0 - 2026-11-30\n\n- Older.\n"])
def test_empty_section_is_refused(root: Path, rest: str) -> None:
    (root / "CHANGELOG.md").write_text(f"# Changelog\n\n## 1.2.0 - 2026-12-31\n{rest}")
    with pytest.raises(ReleaseError, match="is empty"):
        release_notes(root, "v1.2.0")


def test_current_version_is_the_package_version() -> None:
    assert current_version(ROOT) == moniqo_core.__version__


def test_command_refuses_another_tag_without_installed_packages() -> None:
    command = [sys.executable, "-S", "-I", "scripts/release_notes.py", "v0.0.0"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"the tag v0.0.0 does not name the version, which is {moniqo_core.__version__}\n"
