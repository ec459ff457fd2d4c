"""The Lambda function of ``DELETE /api/v1/wallets/definitions/{slug}``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke DeleteDefinitionFunction -e events/delete_definition.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.definitions.delete_definition import router

handler = lambda_handler(router)
