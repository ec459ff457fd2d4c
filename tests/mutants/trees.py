"""Copies of the tree. Mutations are written into a copy, never into the working tree."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = Path("layers", "core", "moniqo_core")
TARGETS: Final = (
    "domain/**/*.py",
    "credentials/**/*.py",
    "storage/**/*_codec.py",
    "storage/**/account_values.py",
    "storage/**/decision_input_*.py",
    "http/tokens/verifier.py",
)
"""The code about money and secrets, below the package."""
_LATER: Final = 100
"""Seconds by which a mutant is younger than its source, so that no compiled source passes for it."""


def targets(root: Path = ROOT) -> list[str]:
    """Return the files that get mutations, as paths below ``root``."""
    found = {path for pattern in TARGETS for path in (root / PACKAGE).glob(pattern)}
    return sorted(path.relative_to(root).as_posix() for path in found if path.stat().st_size)


def copy_tree(to: Path) -> Path:
    """Copy the files of the working tree that Git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    return to


def environment(tree: Path, seed: int) -> dict[str, str]:
    """Return the environment in which tests import the package from ``tree`` and draw by ``seed``."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("MONGODB_", "COVERAGE_"))}
    return ours | {
        "PYTHONPATH": str(tree / PACKAGE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TEST_SEED": str(seed),
    }


@contextmanager
def mutated(tree: Path, path: str, mutant: str) -> Iterator[None]:
    """Put a mutant into ``tree``, and take it out at the end."""
    file = tree / path
    original, times = file.read_bytes(), file.stat()
    file.write_text(mutant, encoding="utf-8")
    os.utime(file, (times.st_atime, times.st_mtime + _LATER))
    try:
        yield
    finally:
        file.write_bytes(original)
        os.utime(file, (times.st_atime, times.st_mtime))
