"""Tell whether the service and its database answer."""

from __future__ import annotations

from typing import Literal

from starlette.responses import Response

from moniqo_core import bootstrap
from moniqo_core.http.app import api_router
from moniqo_core.http.problems import problem_responses
from moniqo_core.http.responses import json_response
from moniqo_core.http.schemas.common import View
from moniqo_core.migrations.check import require_migrations

router = api_router()


class HealthView(View):
    """What answered."""

    status: Literal["ok"] = "ok"
    database: Literal["ok"] = "ok"


@router.get(
    "/health",
    tags=["Service"],
    summary="Check the service",
    responses={
        200: {"model": HealthView, "description": "The service and its database are available."},
        **problem_responses(),
    },
)
async def get_health() -> Response:
    """Write to the database, at most every 10 seconds, and check that the migrations of this release have run.

    Any status but 200 means that orders cannot be placed now, or not safely. The text says why.
    """
    await bootstrap.check_database()
    await require_migrations(bootstrap.database())
    return json_response(HealthView())
