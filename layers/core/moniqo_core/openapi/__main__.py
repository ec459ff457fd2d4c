"""Writes the document: ``python -m moniqo_core.openapi functions functions/get_docs/openapi.json``.

A test fails if the document is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from moniqo_core.openapi.document import build, load_routers
from moniqo_core.openapi.rendering import render


def main(arguments: list[str]) -> int:
    """Write the document of the functions in a folder (first argument) to a file (second argument)."""
    functions, target = map(Path, arguments)
    target.write_text(render(build(load_routers(functions))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
