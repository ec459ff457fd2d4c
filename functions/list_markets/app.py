"""The Lambda function of ``GET /api/v1/markets``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke ListMarketsFunction -e events/list_markets.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.markets.list_markets import router

handler = lambda_handler(router)
