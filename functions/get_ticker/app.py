"""The Lambda function of ``GET /api/v1/markets/ticker``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke GetTickerFunction -e events/get_ticker.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.markets.get_ticker import router

handler = lambda_handler(router)
