"""The Lambda function of ``POST /api/v1/wallets/{user_wallet_id}/orders``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke PlaceOrderFunction -e events/place_order.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.orders.place_order import router

handler = lambda_handler(router)
