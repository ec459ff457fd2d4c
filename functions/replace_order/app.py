"""The Lambda function of ``PATCH /api/v1/wallets/{user_wallet_id}/orders/{order_id}``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke ReplaceOrderFunction -e events/replace_order.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.orders.replace_order import router

handler = lambda_handler(router)
