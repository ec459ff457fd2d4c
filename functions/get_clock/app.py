"""The Lambda function of ``GET /api/v1/markets/clock``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke GetClockFunction -e events/get_clock.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.markets.get_clock import router

handler = lambda_handler(router)
