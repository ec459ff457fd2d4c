"""The Lambda function of ``GET /api/v1/wallets``.

The route says what it takes, what it answers and which errors it gives. To run the function on its own:
``sam local invoke ListWalletsFunction -e events/list_wallets.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.wallets.list_wallets import router

handler = lambda_handler(router)
