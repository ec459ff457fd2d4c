"""The development container has what a local run and the check need."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import yaml

from local.settings import LocalSettings
from tests.support.stack import ROOT

FOLDER: Final = ROOT / ".devcontainer"
SETTINGS: Final[dict[str, Any]] = json.loads((FOLDER / "devcontainer.json").read_text(encoding="utf-8"))
DOCKERFILE: Final = (FOLDER / SETTINGS["build"]["dockerfile"]).read_text(encoding="utf-8")


def test_devcontainer_forwards_the_port_of_make_run() -> None:
    port = LocalSettings.from_environment({}, ROOT / "template.yaml").port
    assert SETTINGS["forwardPorts"] == [port]
    assert list(SETTINGS["portsAttributes"]) == [str(port)]


def test_devcontainer_uses_the_image_of_ci() -> None:
    check = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8"))
    assert re.findall(r"^FROM (.+)$", DOCKERFILE, re.MULTILINE) == [check["jobs"]["check"]["container"]["image"]]


def test_devcontainer_installs_what_ci_installs() -> None:
    check = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    programs = re.search(r"^  for program in (.+); do$", check, re.MULTILINE)
    assert programs is not None
    image_has = {"curl"}  # with the compilers of the full Python images
    assert set(programs[1].split()) - image_has <= set(DOCKERFILE.split())


def test_devcontainer_runs_as_a_user_that_it_creates() -> None:
    user = SETTINGS["remoteUser"]
    assert f"useradd --create-home --shell /bin/bash {user}\n" in DOCKERFILE
    assert DOCKERFILE.endswith(f"USER {user}\n")


def test_devcontainer_calls_an_existing_make_target() -> None:
    command, target = SETTINGS["postCreateCommand"].split()
    assert command == "make"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}: \$\(DEV\)", makefile, re.MULTILINE)
