"""Serve Swagger UI and the OpenAPI document. All files are our own."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from moniqo_core.domain.errors import NotFoundError
from moniqo_core.http.app import api_router, lambda_handler
from moniqo_core.http.gateway.compression import accepts_gzip

HERE: Final = Path(__file__).resolve().parent
FILES: Final = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = api_router(prefix="")


@router.get("/", include_in_schema=False)
@router.get("/api/v1", include_in_schema=False)
async def lead_to_page() -> Response:
    """Redirect from the bare address of the service to the page."""
    return Response("The documentation is at /api/docs.\n", 307, {"Location": "/api/docs"}, media_type="text/plain")


@router.get("/api/docs", include_in_schema=False)
async def get_page(request: Request) -> Response:
    """Show the page."""
    return _file(request, "static/index.html", "text/html; charset=utf-8")


@router.get("/api/docs/{file}", include_in_schema=False)
async def get_file(file: str, request: Request) -> Response:
    """Send one file of the page."""
    if file not in FILES:
        raise NotFoundError("There is no such file.")
    return _file(request, f"static/{file}", FILES[file])


@router.get("/api/openapi.json", include_in_schema=False)
async def get_document(request: Request) -> Response:
    """Send the OpenAPI document."""
    return _file(request, "openapi.json", "application/json")


def _file(request: Request, path: str, media_type: str) -> Response:
    headers = {
        "Content-Type": media_type,
        "Cache-Control": "public, max-age=300",
        "Content-Security-Policy": PAGE_POLICY,
        "Vary": "Accept-Encoding",
    }
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        return Response(_compressed(path), headers=headers | {"Content-Encoding": "gzip"})
    return Response((HERE / path).read_bytes(), headers=headers)


@cache
def _compressed(path: str) -> bytes:
    return gzip.compress((HERE / path).read_bytes(), mtime=0)


handler = lambda_handler(router)
