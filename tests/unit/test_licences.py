"""The page on licences is what the lock and the packages say, and nothing in the layer obliges to open our code."""

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


def test_the_page_is_what_the_packages_say() -> None:
    assert (ROOT / "docs" / "reference" / "licences.md").read_text(encoding="utf-8") == licences.render(), (
        "run: make licences"
    )


def test_every_package_of_the_layers_is_there() -> None:
    assert licences.layers() == sorted(path.name for path in (ROOT / "layers").iterdir() if path.is_dir())
    assert set(rows()) == {name for layer in licences.layers() for name in licences.pinned(layer)}
    assert len(rows()) > 10


def test_no_licence_obliges_us_to_open_our_code() -> None:
    assert {name: licence for name, licence in rows().items() if COPYLEFT.search(licence)} == {}


@pytest.mark.parametrize("name", ["secantusdb", "moto", "schemathesis"])
def test_tools_of_development_stay_out_of_the_layers(name: str) -> None:
    assert not [layer for layer in licences.layers() if name in licences.pinned(layer)]


def test_the_check_would_see_one() -> None:
    from importlib.metadata import distribution

    assert COPYLEFT.search(licences.licence(distribution("secantusdb")))
