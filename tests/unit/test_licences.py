"""The licence page matches the locked packages, and no layer contains a copyleft licence."""

from __future__ import annotations

import re

import pytest

from scripts import licences
from tests.support.stack import ROOT

COPYLEFT = re.compile(r"GPL|General Public|EUPL|SSPL|CC-BY-(?:SA|NC)|Sleepycat|BUSL|proprietary", re.IGNORECASE)


def rows() -> dict[str, str]:
    page = (ROOT / "docs" / "reference" / "licences.md").read_text(encoding="utf-8")
    found: list[tuple[str, str]] = re.findall(r"^\| ([\w.-]+) \| [\w.]+ \| (.+) \|$", page, re.MULTILINE)
    return {name: licence for name, licence in found if name != "package"}


def test_licence_page_matches_the_installed_packages() -> None:
    assert (ROOT / "docs" / "reference" / "licences.md").read_text(encoding="utf-8") == licences.render(), (
        "run: make licences"
    )


def test_licence_page_lists_every_package_of_the_layers() -> None:
    assert licences.layers() == sorted(path.name for path in (ROOT / "layers").iterdir() if path.is_dir())
    assert set(rows()) == {name for layer in licences.layers() for name in licences.pinned(layer)}
    assert len(rows()) > 10


def test_no_package_has_a_copyleft_licence() -> None:
    assert {name: licence for name, licence in rows().items() if COPYLEFT.search(licence)} == {}


@pytest.mark.parametrize("name", ["secantusdb", "moto", "schemathesis"])
def test_development_tools_are_not_in_the_layers(name: str) -> None:
    assert not [layer for layer in licences.layers() if name in licences.pinned(layer)]


def test_copyleft_check_detects_a_copyleft_licence() -> None:
    from importlib.metadata import distribution

    assert COPYLEFT.search(licences.licence(distribution("secantusdb")))
