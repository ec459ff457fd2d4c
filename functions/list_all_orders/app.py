"""The Lambda function of ``GET /api/v1/orders``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke ListAllOrdersFunction -e events/list_all_orders.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.orders.list_all_orders import router

handler = lambda_handler(router)
