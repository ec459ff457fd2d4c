"""Clients that generators make of the document read every kind of answer, that to an expired token among them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.clients.conftest import Target
from tests.support.lambdas import ROOT

DOCUMENT = ROOT / "functions" / "get_docs" / "openapi.json"
HERE = Path(__file__).parent


def run(*command: str | Path, at: Path, **variables: str) -> str:
    """Run a program that must be successful, and return what it printed."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        command, cwd=at, env=inherited | variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_python_client_reads_every_answer(tmp_path: Path, target: Target, tools: Path) -> None:
    settings = tmp_path / "settings.yml"
    settings.write_text("package_name_override: moniqo_client\npost_hooks: []\n", encoding="utf-8")
    generate = ["generate", "--path", str(DOCUMENT), "--meta", "none", "--config", str(settings)]
    client = tmp_path / "moniqo_client"
    told = run(
        tools / "bin/openapi-python-client", *generate, "--output-path", client, "--fail-on-warning", at=tmp_path
    )
    assert "WARNING" not in told

    printed = run(
        tools / "bin/python", HERE / "python_journey.py", at=tmp_path, PYTHONPATH=str(tmp_path), **target.environment
    )

    assert printed == "done\n"


def test_typescript_client_reads_every_answer(target: Target, tools: Path) -> None:
    programs = tools / "node_modules" / ".bin"
    path = f"{tools / 'bin'}:{os.environ['PATH']}"
    # Node looks for packages in the folders above a file.
    with tempfile.TemporaryDirectory(dir=tools, prefix="client-") as folder:
        place = Path(folder)
        for name in ("journey.ts", "tsconfig.json"):
            shutil.copy(HERE / name, place)
        run(
            programs / "openapi-typescript",
            DOCUMENT,
            "--output",
            place / "schema.d.ts",
            "--default-non-nullable",
            "false",
            at=place,
            PATH=path,
        )
        run(programs / "tsc", "--project", place, at=place, PATH=path)

        printed = run(tools / "bin/node", "journey.js", at=place, PATH=path, **target.environment)

    assert printed == "done\n"
