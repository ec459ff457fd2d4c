"""The Lambda function of ``GET /api/v1/wallets``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke ListWalletsFunction -e events/list_wallets.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.wallets.list_wallets import router

handler = lambda_handler(router)
