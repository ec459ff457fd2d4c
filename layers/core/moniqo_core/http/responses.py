"""Ready-made responses, because FastAPI's own serialisation costs more than the route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from pydantic import BaseModel
from starlette.responses import Response

BASE_PATH: Final = "/api/v1"
REPLAYED: Final = {"Idempotent-Replayed": "true"}


def json_response(view: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with ``view`` as JSON."""
    content = view.__pydantic_serializer__.to_json(view)
    return Response(content, status, headers, media_type="application/json")


def created(view: BaseModel, path: str, *, replayed: bool = False) -> Response:
    """Return 201 with the address of the new resource, or 200 when an earlier request had created it.

    ``path`` is the resource's path below the base path of the API.
    """
    return json_response(view, 200, REPLAYED) if replayed else json_response(view, 201, {"Location": BASE_PATH + path})


def csv_response(
    text: str, filename: str, next_cursor: str | None, filters: Mapping[str, str | None] | None = None
) -> Response:
    """Return a response with a CSV file. ``next_cursor`` becomes a link to the next part with the same ``filters``."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    if next_cursor is not None:
        given = {name: value for name, value in (filters or {}).items() if value is not None}
        query = urlencode({"format": "csv", **given, "cursor": next_cursor})
        headers["Link"] = f'<?{query}>; rel="next"'
    return Response(text, 200, headers, media_type="text/csv")


def no_content() -> Response:
    """Return an empty response with status 204."""
    return Response(status_code=204)
