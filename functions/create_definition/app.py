"""The Lambda function of ``POST /api/v1/wallets/definitions``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke CreateDefinitionFunction -e events/create_definition.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.definitions.create_definition import router

handler = lambda_handler(router)
