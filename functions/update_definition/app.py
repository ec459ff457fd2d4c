"""The Lambda function of ``PATCH /api/v1/wallets/definitions/{slug}``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke UpdateDefinitionFunction -e events/update_definition.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.definitions.update_definition import router

handler = lambda_handler(router)
