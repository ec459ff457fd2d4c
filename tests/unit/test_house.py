"""How the code is arranged: rules that hold for every module, and that no linter has."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from moniqo_core import bootstrap
from tests.support.lambdas import ROOT
from tests.support.stack import functions

PACKAGE = ROOT / "layers" / "core" / "moniqo_core"
ROUTES = sorted(path for path in (PACKAGE / "http" / "routes").rglob("*.py") if path.name != "__init__.py")
MOST_MODULES = 15


def folders() -> Iterator[Path]:
    yield PACKAGE
    yield from (path for path in PACKAGE.rglob("*") if path.is_dir() and path.name != "__pycache__")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def test_folders_have_at_most_fifteen_modules() -> None:
    modules = {folder: [path for path in folder.glob("*.py") if path.name != "__init__.py"] for folder in folders()}
    assert modules[PACKAGE]
    too_full = {str(folder.relative_to(PACKAGE)): len(found) for folder, found in modules.items()}
    assert {folder: count for folder, count in too_full.items() if count > MOST_MODULES} == {}


def test_every_cached_factory_is_an_attribute_of_bootstrap() -> None:
    """Tests drop what an environment caches by walking the attributes of ``bootstrap``."""
    factories = {
        name: value
        for path in (PACKAGE / "bootstrap").glob("[!_]*.py")
        for name, value in vars(importlib.import_module(module_name(path))).items()
        if hasattr(value, "cache_clear")
    }
    assert len(factories) > 20
    for name, factory in factories.items():
        assert getattr(bootstrap, name) is factory
        assert name in bootstrap.__all__


def test_every_route_has_a_module_and_a_function_of_its_name() -> None:
    assert [path.stem for path in ROUTES if path.stem not in functions()] == []
    assert len({path.stem for path in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("path", ROUTES, ids=lambda path: path.stem)
def test_function_serves_and_names_its_route(path: Path) -> None:
    router = importlib.import_module(module_name(path)).router
    assert isinstance(router, APIRouter)
    [route] = [route for route in router.routes if isinstance(route, APIRoute)]
    [method] = route.methods or {""}
    assert route.name == path.stem

    source = (ROOT / "functions" / path.stem / "app.py").read_text(encoding="utf-8")
    assert source.startswith(f'"""The Lambda function of ``{method} {route.path}``.\n')
    assert f"-e events/{path.stem}.json``" in source
    assert f"from {module_name(path)} import router\n" in source
    assert source.endswith("\n\nhandler = lambda_handler(router)\n")


@pytest.mark.parametrize("function", sorted(functions()))
def test_functions_are_short(function: str) -> None:
    source = (ROOT / "functions" / function / "app.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= (80 if function == "get_docs" else 40)
