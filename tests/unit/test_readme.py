"""The configuration tables of the README name what there is, and the links lead somewhere."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Final

from moniqo_core.config import Settings
from tests.support.stack import ROOT, template

README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
POWERTOOLS: Final = {"service_name", "log_level", "metrics_namespace"}


def rows(introduction: str) -> dict[str, str]:
    """Return the table after a line, by the names in its first column: each with the rest of its row."""
    table = README.partition(introduction)[2].partition("\n\n")[2].partition("\n\n")[0]
    found: dict[str, str] = {}
    for row in table.splitlines()[2:]:
        first, rest = row.strip("|").split("|", 1)
        found |= dict.fromkeys(re.findall(r"`(\w+)`", first), rest)
    return found


def test_every_parameter_of_the_template_is_there_with_its_default() -> None:
    parameters = template()["Parameters"]
    table = rows("Parameters of `template.yaml`")
    assert list(table) == list(parameters)
    for name, row in table.items():
        default = re.match(r" `([^`]*)` \|", row)
        if default:
            assert default[1] == str(parameters[name]["Default"]), name
        else:
            assert parameters[name]["Default"] in {"", "unreleased"}, name


def test_every_variable_of_the_functions_is_there() -> None:
    names = [field.name for field in fields(Settings)]
    read = {f"POWERTOOLS_{name}".upper() if name in POWERTOOLS else name.upper() for name in names}
    table = set(rows("Variables of the functions"))
    assert table == read
    globals_ = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert set(globals_) <= table


def test_every_variable_of_a_local_run_is_there() -> None:
    source = (ROOT / "local" / "settings.py").read_text(encoding="utf-8")
    assert set(rows("Variables of `make run`")) == set(re.findall(r'"([A-Z_]+)"', source))


def test_every_alarm_is_explained() -> None:
    alarms = {name for name, entry in template()["Resources"].items() if entry["Type"] == "AWS::CloudWatch::Alarm"}
    page = (ROOT / "docs" / "guides" / "operate.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+Alarm)` \|", page, re.MULTILINE)) == alarms


def test_every_link_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
