"""The documentation is complete: tables name what exists, links lead somewhere, and the README is short."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest

from moniqo_core.config import Settings
from scripts import prose
from tests.support.stack import ROOT, template

README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIGURATION: Final = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
PAGES: Final = sorted({page for pattern in prose.PAGES for page in ROOT.glob(pattern)})
POWERTOOLS: Final = {"service_name", "log_level", "metrics_namespace"}
MOST_WORDS: Final = 900
SOURCES: Final = (ROOT, ROOT / "layers" / "core", ROOT / "layers" / "core" / "moniqo_core")
"""Folders that the path of a file may begin at."""
FOREIGN: Final = {"ccxt/async_support/"}
"""Paths of other projects."""
WITH_PATHS: Final = [page for page in PAGES if page.parent.name != "decisions"]
"""A decision names the files of its time."""


def rows(introduction: str) -> dict[str, str]:
    """Return the table after a line, by the names in its first column: each with the rest of its row."""
    table = CONFIGURATION.partition(introduction)[2].partition("\n\n")[2].partition("\n\n")[0]
    found: dict[str, str] = {}
    for row in table.splitlines()[2:]:
        first, rest = row.strip("|").split("|", 1)
        found |= dict.fromkeys(re.findall(r"`(\w+)`", first), rest)
    return found


def test_every_parameter_of_the_template_is_listed_with_its_default() -> None:
    parameters = template()["Parameters"]
    table = rows("Parameters of `template.yaml`")
    assert list(table) == list(parameters)
    for name, row in table.items():
        default = re.match(r" `([^`]*)` \|", row)
        if default:
            assert default[1] == str(parameters[name]["Default"]), name
        else:
            assert parameters[name]["Default"] in {"", "unreleased"}, name


def test_every_variable_of_the_functions_is_listed() -> None:
    names = [field.name for field in fields(Settings)]
    read = {f"POWERTOOLS_{name}".upper() if name in POWERTOOLS else name.upper() for name in names}
    table = set(rows("Variables of the functions"))
    assert table == read
    globals_ = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert set(globals_) <= table


def test_every_variable_of_a_local_run_is_listed() -> None:
    source = (ROOT / "local" / "settings.py").read_text(encoding="utf-8")
    assert set(rows("Variables of `make run`")) == set(re.findall(r'"([A-Z_]+)"', source))


def test_every_alarm_is_explained() -> None:
    alarms = {name for name, entry in template()["Resources"].items() if entry["Type"] == "AWS::CloudWatch::Alarm"}
    page = (ROOT / "docs" / "guides" / "operate.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+Alarm)` \|", page, re.MULTILINE)) == alarms


def test_every_route_is_listed_with_its_summary() -> None:
    document = json.loads((ROOT / "functions" / "get_docs" / "openapi.json").read_text(encoding="utf-8"))
    routes = {
        (f"{method.upper()} {path.removeprefix('/api/v1')}", operation["summary"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([A-Z]+ /\S*)` \| (.+) \|$", page, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == routes


def test_readme_has_under_900_words() -> None:
    assert len(README.split()) < MOST_WORDS


def test_index_lists_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target, _ in links(index)}
    decisions = ROOT / "docs" / "decisions" / "README.md"
    linked |= {(decisions.parent / target).resolve() for target, _ in links(decisions)}
    assert {page for page in (ROOT / "docs").rglob("*.md") if page != index} <= linked


def links(page: Path) -> list[tuple[str, str]]:
    """Return the links of a page inside the repository: path and anchor, either of which may be empty."""
    text = re.sub(r"^ *```.*?^ *```|`[^`\n]+`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\((?!https?:|mailto:)([^)#\s]*)#?([^)\s]*)\)", text)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *#*$", text, re.MULTILINE):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        repeats = [f"{name}-{count}" for count in range(1, 100)]
        found.add(next(candidate for candidate in (name, *repeats) if candidate not in found))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_and_anchor_has_a_target(page: Path) -> None:
    for target, anchor in links(page):
        path = (page.parent / target).resolve() if target else page
        assert path.is_relative_to(ROOT), target
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), f"{target}#{anchor}"


def named_paths(text: str) -> list[str]:
    """Return the files and folders of this repository that a page names in backticks.

    A path that begins with a dot or a capital letter is made by a run. A URL begins with a slash, and a bare file
    name is no path.
    """
    prose_alone = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    names = re.findall(r"`([a-z][\w.<>*-]*/[\w.<>*/-]*)`", prose_alone)
    ours = [name for name in names if name not in FOREIGN]
    return [name for name in ours if re.search(r"/$|\.[a-z]+$", name) or begins_here(name)]


def begins_here(name: str) -> bool:
    """Tell whether the first folder of a path is one of ours."""
    return any((base / name.partition("/")[0]).is_dir() for base in SOURCES)


@pytest.mark.parametrize("page", WITH_PATHS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_named_file_and_folder_exists(page: Path) -> None:
    for name in named_paths(page.read_text(encoding="utf-8")):
        pattern = re.sub(r"<\w+>", "*", name.rstrip("/"))
        assert any(found for base in SOURCES for found in base.glob(pattern)), name


def test_paths_of_a_page_are_extracted() -> None:
    text = "`no/file.py` `tests/none` `no/folder/` `a.py` `/wallets/{id}` `.local/a.json` `BTC/USDT` `other/key`\n"
    assert named_paths(text + "```\n`in/code.py`\n```\n") == ["no/file.py", "tests/none", "no/folder/"]


def test_links_and_anchors_of_a_page_are_extracted(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b` (c)?\n\n## Twice\n\n## Twice\n\n[x](#a-b-c) [y](other.md#z) [z](https://example.org)\n")
    assert links(page) == [("", "a-b-c"), ("other.md", "z")]
    assert anchors(page) == {"a-b-c", "twice", "twice-1"}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/glossary.md"])
def test_standard_project_pages_are_checked(name: str) -> None:
    assert ROOT / name in PAGES


def test_an_admin_is_called_so_in_pages_and_in_what_is_deployed() -> None:
    """The glossary replaces the older word. Decisions and the changelog are of their time."""
    excluded = {ROOT / "docs" / "glossary.md", ROOT / "CHANGELOG.md"}
    modules = (ROOT / "layers" / "core").rglob("*.py")
    texts = {ROOT / "template.yaml", *modules, *WITH_PATHS} - excluded
    assert [path for path in texts if "administrator" in path.read_text(encoding="utf-8").lower()] == []
