"""The Lambda function of ``DELETE /api/v1/wallets/{user_wallet_id}/orders``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke CancelOrdersFunction -e events/cancel_orders.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.orders.cancel_orders import router

handler = lambda_handler(router)
