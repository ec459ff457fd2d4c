"""The Lambda function of ``GET /api/v1/wallets/{user_wallet_id}/balance``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke GetBalanceFunction -e events/get_balance.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.wallets.get_balance import router

handler = lambda_handler(router)
