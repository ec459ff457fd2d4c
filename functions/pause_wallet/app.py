"""The Lambda function of ``POST /api/v1/wallets/{user_wallet_id}/pause``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke PauseWalletFunction -e events/pause_wallet.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.wallets.pause_wallet import router

handler = lambda_handler(router)
