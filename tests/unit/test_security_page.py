"""docs/concepts/security-model.md names tests that exist, and a test for every threat."""

from __future__ import annotations

import re

from tests.support.stack import ROOT

PAGE = (ROOT / "docs" / "concepts" / "security-model.md").read_text(encoding="utf-8")


def threats() -> list[list[str]]:
    table = PAGE.partition("| asset |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def test_every_threat_has_a_control_and_a_test_that_exists() -> None:
    assert len(threats()) > 10
    for asset, threat, control, tests in threats():
        assert asset
        assert threat
        assert control
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", tests)
        assert named, threat
        for file, test in named:
            assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{file}::{test}"
