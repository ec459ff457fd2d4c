"""The Lambda function of ``POST /api/v1/wallets/{user_wallet_id}/test-connection``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke TestConnectionFunction -e events/test_connection.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.wallets.test_connection import router

handler = lambda_handler(router)
