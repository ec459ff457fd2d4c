"""The Lambda function of ``GET /api/v1/wallets/{user_wallet_id}/equity``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke GetEquityFunction -e events/get_equity.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.portfolio.get_equity import router

handler = lambda_handler(router)
