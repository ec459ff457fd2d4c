"""The Lambda function of ``POST /api/v1/auth/login``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke LoginFunction -e events/login.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.authentication.login import router

handler = lambda_handler(router)
