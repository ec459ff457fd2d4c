"""The workflows run what the repository says, with few rights, and the forms of issues are complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.stack import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").iterdir())
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").iterdir())


def load(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def workflow(name: str) -> dict[str, Any]:
    return load(GITHUB / "workflows" / f"{name}.yml")


def steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = job.get("steps", [])
    return found


def test_check_workflow_runs_ci_on_push_and_pull_request() -> None:
    check = workflow("check")
    assert set(check["on"]) == {"push", "pull_request", "workflow_call"}
    job = check["jobs"]["check"]
    assert steps(job)[-1] == {"run": ".ci/run"}
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100


def test_check_workflow_uses_the_oldest_python_of_the_makefile() -> None:
    oldest = re.search(r"^CANDIDATES := python([\d.]+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert oldest is not None
    assert workflow("check")["jobs"]["check"]["container"]["image"] == f"python:{oldest[1]}-bookworm"


def test_tag_is_released_only_after_the_check() -> None:
    release = workflow("release")
    assert release["on"] == {"push": {"tags": ["v*"]}}
    jobs = release["jobs"]
    assert steps(jobs["tag"])[-1]["run"] == 'python3 scripts/release_notes.py "$GITHUB_REF_NAME"'
    assert jobs["check"] == {"needs": "tag", "uses": "./.github/workflows/check.yml"}
    assert jobs["release"]["needs"] == "check"


def test_release_has_notes_and_an_sbom_of_every_layer() -> None:
    commands = [step["run"] for step in steps(workflow("release")["jobs"]["release"]) if "run" in step]
    assert commands[0] == "make sbom"
    layers = sorted(path.parent.name for path in (ROOT / "layers").glob("*/requirements.txt"))
    assert re.findall(r"\.build/sbom-(\w+)\.json", commands[-1]) == layers
    assert "--notes-file .build/notes.md" in commands[-1]
    assert "scripts/release_notes.py" in commands[1]
    assert commands[1].endswith("> .build/notes.md")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.stem))
def test_only_the_release_job_may_write(path: Path) -> None:
    content = load(path)
    assert content["permissions"] == {"contents": "read"}
    rights = {name: job["permissions"] for name, job in content["jobs"].items() if "permissions" in job}
    assert rights == ({"release": {"contents": "write"}} if path.stem == "release" else {})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.stem))
def test_actions_are_pinned_and_persist_no_token(path: Path) -> None:
    for job in load(path)["jobs"].values():
        assert "uses" in job or job["timeout-minutes"] <= 60
        for step in steps(job):
            if "uses" in step:
                assert re.fullmatch(r"actions/[a-z-]+@(v\d+|[0-9a-f]{40})", step["uses"])
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"].items() >= {"persist-credentials": False}.items()


def test_check_has_the_whole_history() -> None:
    """A test of ``make faults`` takes the release before from it."""
    jobs = load(next(path for path in WORKFLOWS if path.stem == "check"))["jobs"].values()
    [job] = [job for job in jobs if any(".ci/run" in step.get("run", "") for step in steps(job))]
    [checkout] = [step for step in steps(job) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"]["fetch-depth"] == 0


@pytest.mark.parametrize("path", FORMS, ids=lambda path: str(path.stem))
def test_issue_form_questions_have_unique_ids_and_labels(path: Path) -> None:
    form = load(path)
    assert form["name"]
    assert form["description"]
    questions = [part for part in form["body"] if part["type"] != "markdown"]
    assert len({part["id"] for part in questions}) == len(questions)
    assert all(part["attributes"]["label"] for part in questions)


def test_issue_forms_and_pull_request_template_exist() -> None:
    assert [path.stem for path in FORMS] == ["bug", "feature"]
    assert (GITHUB / "pull_request_template.md").is_file()
