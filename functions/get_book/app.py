"""The Lambda function of ``GET /api/v1/markets/book``.

The route declares its request, answers and errors. To run the function on its own:
``sam local invoke GetBookFunction -e events/get_book.json``.
"""

from __future__ import annotations

from moniqo_core.http.app import lambda_handler
from moniqo_core.http.routes.markets.get_book import router

handler = lambda_handler(router)
