"""The Lambda function of ``GET /api/v1/wallets/{user_wallet_id}/trades``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke ListTradesFunction -e events/list_trades.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.orders.list_trades import router

handler = lambda_handler(router)
