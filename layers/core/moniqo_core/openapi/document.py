"""The document: FastAPI's description of the routes, with errors, headers and examples that FastAPI does not know."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from moniqo_core import __version__
from moniqo_core.http import problems
from moniqo_core.openapi import fixed_parts
from moniqo_core.openapi.named_errors import named_errors
from moniqo_core.openapi.operations import complete
from moniqo_core.openapi.schemas import drop_repeated_examples, finish
from moniqo_core.openapi.shared_parts import share


def load_routers(functions: Path) -> Iterator[APIRouter]:
    """Import every function in a folder, and yield the routers of those that have one."""
    for path in sorted(functions.glob("*/app.py")):
        spec = importlib.util.spec_from_file_location(f"openapi_{path.parent.name}", path)
        if spec is None or spec.loader is None:
            continue
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        if isinstance(found := getattr(module, "router", None), APIRouter):
            yield found


def build(routers: Iterable[APIRouter]) -> dict[str, Any]:
    """Return the document that describes these routers."""
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    document = get_openapi(
        title=fixed_parts.TITLE,
        version=__version__,
        description=fixed_parts.DESCRIPTION,
        routes=routes,
        tags=[{"name": name, "description": text} for name, text in fixed_parts.TAGS.items()],
        servers=[fixed_parts.SERVER],
    )
    components = document.setdefault("components", {})
    components["schemas"] = finish({**components.get("schemas", {}), **fixed_parts.SCHEMAS})
    components["examples"] = {code: problems.example(kind) for code, kind in named_errors().items()}
    components["headers"] = fixed_parts.HEADERS
    components["securitySchemes"] = {"bearer": fixed_parts.BEARER}
    for route in routes:
        if route.include_in_schema:
            for method in route.methods or ():
                complete(document["paths"][route.path_format][method.lower()], route, components["schemas"])
    document["paths"] = dict(sorted(document["paths"].items()))
    drop_repeated_examples(components["schemas"])
    share(document)
    return document
