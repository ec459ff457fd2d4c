"""The Lambda function of ``GET /api/v1/wallets/definitions``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke ListDefinitionsFunction -e events/list_definitions.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.definitions.list_definitions import router

handler = lambda_handler(router)
