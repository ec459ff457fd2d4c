"""Print the notes of a release: ``python scripts/release_notes.py TAG [URL]``.

The notes are the section of CHANGELOG.md on the version that the tag names. Its relative links get ``URL`` in front.
The script needs nothing but the standard library.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
HEADING: Final = r"^## {version} - \d{{4}}-\d{{2}}-\d{{2}}$\n(.*?)(?=^## |\Z)"


class ReleaseError(Exception):
    """The release cannot be made. The message gives the reason."""


def current_version(root: Path) -> str:
    """Return the one version number, from the file that the core layer is built with."""
    core = root / "layers" / "core"
    source = tomllib.loads((core / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["version"]["path"]
    found = re.search(r'^__version__ = "(.+)"$', (core / source).read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        message = f"{source} has no __version__"
        raise ReleaseError(message)
    return found[1]


def release_notes(root: Path, tag: str, url: str = "") -> str:
    """Return the notes as Markdown.

    Raises:
        ReleaseError: the tag names another version, or the changelog has nothing about this one.

    """
    version = current_version(root)
    if tag != f"v{version}":
        message = f"the tag {tag} does not name the version, which is {version}"
        raise ReleaseError(message)
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(HEADING.format(version=re.escape(version)), changelog, re.MULTILINE | re.DOTALL)
    if found is None:
        message = f"CHANGELOG.md has no section '## {version} - YYYY-MM-DD'"
        raise ReleaseError(message)
    notes = found[1].strip()
    if not notes:
        message = f"the section of CHANGELOG.md on {version} is empty"
        raise ReleaseError(message)
    return re.sub(r"\]\((?![a-z]+:|#)", f"]({url}", notes) + "\n"


def main(arguments: list[str]) -> int:
    """Print the notes, or the reason why there are none. Return the exit code."""
    try:
        sys.stdout.write(release_notes(ROOT, *arguments))
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
