"""The Lambda function of ``GET /api/v1/wallets/{user_wallet_id}/sync-log``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke GetSyncLogFunction -e events/get_sync_log.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.sync.get_sync_log import router

handler = lambda_handler(router)
