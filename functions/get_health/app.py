"""The Lambda function of ``GET /api/v1/health``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke GetHealthFunction -e events/get_health.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.service.get_health import router

handler = lambda_handler(router)
