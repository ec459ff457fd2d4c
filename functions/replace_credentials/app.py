"""The Lambda function of ``PUT /api/v1/wallets/{user_wallet_id}/credentials``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke ReplaceCredentialsFunction -e events/replace_credentials.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.wallets.replace_credentials import router

handler = lambda_handler(router)
