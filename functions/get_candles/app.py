"""The Lambda function of ``GET /api/v1/markets/candles``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke GetCandlesFunction -e events/get_candles.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.markets.get_candles import router

handler = lambda_handler(router)
