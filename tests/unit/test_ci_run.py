"""`.ci/run` with stand-ins for every program that it calls: it counts its steps, and says which one tried nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.support.stack import ROOT

INSTALLED: Final = ("chromium", "curl", "dockerd", "debootstrap", "ip")
STEPS: Final = 8
MAKE: Final = """#!/bin/sh
echo "$1" >> made
test "$1" != "$FAILS" || exit 2
test "$1" = sam-local && test -n "$REASON" || exit 0
mkdir -p .build/sam-local && echo "$REASON" > .build/sam-local/skipped
"""


def ci_run(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    programs = folder / "programs"
    programs.mkdir()
    for name, text in {"make": MAKE, **dict.fromkeys(INSTALLED, "#!/bin/sh\n")}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    environment = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "FAILS": "", "REASON": "", **variables}
    return subprocess.run([folder / ".ci" / "run"], env=environment, capture_output=True, text=True, check=False)


def test_all_steps_are_counted_as_passed(tmp_path: Path) -> None:
    done = ci_run(tmp_path)
    assert done.returncode == 0, done.stderr
    made = (tmp_path / "made").read_text().split()
    assert len(made) == len(set(made)) == STEPS
    assert "sam-local" in made
    assert done.stdout.splitlines()[-1] == f"steps: {STEPS} passed, 0 failed, 0 skipped"


def test_skipped_sam_local_is_counted_and_named_at_the_end(tmp_path: Path) -> None:
    done = ci_run(tmp_path, REASON="dockerd does not start: no permission")
    assert done.returncode == 0, done.stderr
    *_, named, counted = done.stdout.splitlines()
    assert named == "== SKIPPED: make sam-local tried nothing: dockerd does not start: no permission"
    assert counted == f"steps: {STEPS - 1} passed, 0 failed, 1 skipped"


def test_failed_step_ends_the_run(tmp_path: Path) -> None:
    done = ci_run(tmp_path, FAILS="clients")
    assert done.returncode == 2
    assert (tmp_path / "made").read_text().split()[-1] == "clients"
    assert "passed" not in done.stdout
