"""A worker of the local run imports a function once, and keeps its modules apart from those of other functions."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from local.worker import Context, load_handler

HANDLER = """\
import beside

def handler(event, context):
    import later
    return [beside.NAME, later.NAME, context.function_name]
"""


def function(tmp_path: Path, name: str) -> Path:
    code = tmp_path / name
    code.mkdir()
    (code / "app.py").write_text(HANDLER)
    for module in ("beside", "later"):
        (code / f"{module}.py").write_text(f"NAME = '{module} of {name}'")
    return code


def context(name: str) -> Context:
    return Context(name, "request-1", 128, 10.0)


def test_functions_with_modules_of_the_same_names_run_in_turn(tmp_path: Path) -> None:
    handlers = {name: load_handler(function(tmp_path, name), "app.handler") for name in ("One", "Two")}
    before = set(sys.modules)

    for name in ("One", "Two", "One"):
        found = handlers[name](None, context(name))
        assert found[:2] == [f"beside of {name}", f"later of {name}"]
    assert not {"app", "beside", "later"} & set(sys.modules)
    assert set(sys.modules) == before


def test_function_runs_on_while_its_folder_is_built_anew(tmp_path: Path) -> None:
    code = function(tmp_path, "One")
    handle = load_handler(code, "app.handler")
    first = handle(None, context("One"))
    shutil.rmtree(code)

    assert handle(None, context("One")) == first
