"""One hash of all sources of a deployment. `make build` writes it into the built template.

Lambda publishes a new version only when this hash changes. So it covers the layers, the functions, the template
(environment variables, roles) and samconfig.toml (parameters).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

SOURCES = ("layers", "functions", "template.yaml", "samconfig.toml")
_SKIPPED = {"__pycache__", ".DS_Store"}


def fingerprint(root: Path) -> str:
    """Return the SHA-256, in hexadecimal, of the names and contents of all sources under ``root``."""
    total = hashlib.sha256()
    for path in sorted(_files(root), key=lambda found: found.relative_to(root).as_posix()):
        name = path.relative_to(root).as_posix()
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for source in SOURCES:
        start = root / source
        yield from [start] if start.is_file() else filter(_counts, start.rglob("*"))


def _counts(path: Path) -> bool:
    return path.is_file() and not _SKIPPED.intersection(path.parts)
