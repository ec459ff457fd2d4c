"""The Lambda function of ``POST /api/v1/wallets/{user_wallet_id}/sync-balance``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke SyncBalanceFunction -e events/sync_balance.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.sync.sync_balance import router

handler = lambda_handler(router)
