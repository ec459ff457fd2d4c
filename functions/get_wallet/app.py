"""The Lambda function of ``GET /api/v1/wallets/{user_wallet_id}``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke GetWalletFunction -e events/get_wallet.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.wallets.get_wallet import router

handler = lambda_handler(router)
