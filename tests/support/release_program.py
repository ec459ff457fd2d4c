"""The functions of one release in a process of their own: answers one event per line of standard input.

It runs as a script, with the layer of the release first on the path. It imports nothing of the tests, because an older
release does not have their modules.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any


def _handler(functions: Path, name: str, loaded: dict[str, Any]) -> Any:
    if name not in loaded:
        spec = importlib.util.spec_from_file_location(f"function_{name}", functions / name / "app.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        loaded[name] = module.handler
    return loaded[name]


def main(functions: Path) -> None:
    """Answer until standard input ends. Whatever functions print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    loaded: dict[str, Any] = {}
    for line in sys.stdin:
        name, event = json.loads(line)
        answers.write(json.dumps(_handler(functions, name, loaded)(event, None)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
