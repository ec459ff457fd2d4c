"""Guides for operators name only what exists: parameters, outputs, commands and their options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

import pytest
from botocore import xform_name
from botocore.session import get_session

from moniqo_core.cli import main
from tests.support.stack import ROOT, template

GUIDES: Final = ROOT / "docs" / "guides"
PAGES: Final = [ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
OF_THE_CLI: Final = {"--output", "--query", "--region"}
# Commands that the AWS CLI adds to the operations of AWS, with their options.
ADDED: Final = {("logs", "tail"): {"--since", "--filter-pattern"}}
# Attributes of resources that the guides explain.
ATTRIBUTES: Final = {"RetainExceptOnCreate", "DeletionProtection"}


def code(page: Path) -> list[str]:
    """Return the commands of a page: lines of its code blocks, with continued lines joined, and code within a line."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^( *)```\w*\n(.*?)^\1```", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(block.replace("\\\n", " ") for _, block in blocks).splitlines()
    return lines + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def commands(page: Path, program: str) -> list[list[str]]:
    """Return the words after a program's name in every call of it on a page, without what follows in the line."""
    found = []
    for line in code(page):
        for call in re.findall(rf"(?:^|[\s(/]){program} ((?:'[^']*'|\"[^\"]*\"|[^'\"\n;#|)])+)", line):
            # A placeholder such as <KeySecretArn> may hold spaces, and is one word.
            words = shlex.split(re.sub(r"<[^>]*>|\$\([^)]*\)", "PLACEHOLDER", call))
            found.append(words)
    return found


def called(program: str) -> list[tuple[str, list[str]]]:
    return [(page.name, words) for page in PAGES for words in commands(page, program)]


def test_deployment_guide_uses_every_output() -> None:
    text = (GUIDES / "deploy.md").read_text(encoding="utf-8")
    assert [name for name in template()["Outputs"] if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", ["deploy.md", "recover.md"])
def test_guides_name_only_what_the_template_has(page: str) -> None:
    text = (GUIDES / page).read_text(encoding="utf-8")
    parameters, outputs = set(template()["Parameters"]), set(template()["Outputs"])
    set_here = set(re.findall(r"[\"`]([A-Z][a-z]\w+)=", text))
    read_here = set(re.findall(r"\$\(output (\w+)\)", text))
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", text))
    assert set_here
    assert set_here - parameters == set()
    assert read_here - outputs == set()
    assert named - parameters - outputs - set(template()["Resources"]) - ATTRIBUTES == set()


@pytest.mark.parametrize(("page", "words"), called("moniqo-admin"), ids=lambda value: " ".join(value)[:60])
def test_named_commands_of_moniqo_admin_exist(page: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    known = [word for word in words if re.fullmatch(r"[a-z]+", word)]
    with pytest.raises(SystemExit) as ended:
        main([*known, "--help"])
    assert ended.value.code == 0, capsys.readouterr().err
    usage = capsys.readouterr().out
    assert [word for word in words if word.startswith("--") and word not in usage] == []


@pytest.mark.parametrize(("page", "words"), called("aws"), ids=lambda value: " ".join(value)[:60])
def test_named_commands_of_aws_exist(page: str, words: list[str]) -> None:
    service, operation, *rest = words
    given = {word for word in rest if word.startswith("--")} - OF_THE_CLI
    if (service, operation) in ADDED:
        assert given <= ADDED[service, operation]
        return
    model = get_session().get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in names
    shape = model.operation_model(names[operation]).input_shape
    assert shape is not None
    options = {f"--{xform_name(member, '-')}" for member in shape.members}
    assert {option for option in given if option.replace("--no-", "--") not in options} == set()
    required = {f"--{xform_name(member, '-')}" for member in shape.required_members}
    assert not given or required <= given


def test_commands_of_a_page_are_found() -> None:
    """If none were found, a page with wrong ones would pass."""
    assert ["keys", "status"] in commands(GUIDES / "recover.md", "moniqo-admin")
    assert len([words for page, words in called("aws") if page == "deploy.md"]) >= 5
