"""The configuration tables of the README name what there is, and the links lead somewhere."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Final

from moniqo.config import Settings
from tests.support.stack import ROOT, template

README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
SERVICE_AND_LEVEL: Final = {
    "service_name": "POWERTOOLS_SERVICE_NAME",
    "log_level": "POWERTOOLS_LOG_LEVEL",
}


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
    read = {SERVICE_AND_LEVEL.get(field.name, field.name.upper()) for field in fields(Settings)}
    table = set(rows("Variables of the functions"))
    assert table == read
    globals_ = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert set(globals_) <= table


def test_every_variable_of_a_local_run_is_there() -> None:
    source = (ROOT / "local" / "settings.py").read_text(encoding="utf-8")
    assert set(rows("Variables of `make run`")) == set(re.findall(r'"([A-Z_]+)"', source))


def test_every_link_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
