"""The Lambda function of ``POST /api/v1/wallets/{user_wallet_id}/positions/close-all``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke ClosePositionsFunction -e events/close_positions.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.portfolio.close_positions import router

handler = lambda_handler(router)
