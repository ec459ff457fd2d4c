"""The HTTP edge: from API Gateway events to services and back.

Every cold start imports this package. So two settings come before the import of FastAPI, and make this import a quarter
faster. They change when work is done, not its result.
"""

import gc

from pydantic import BaseModel

# Importing creates 100,000 objects and no garbage. Collecting after every 700 of them would cost 40 ms. A function that
# has started collects more often, see :func:`moniqo_core.http.app.lambda_handler`.
gc.set_threshold(500_000, 20, 100)

# FastAPI has a model for each part of an OpenAPI document. They are built with the first document, not at import.
BaseModel.model_config["defer_build"] = True
try:
    import fastapi.openapi.models  # noqa: F401
finally:
    del BaseModel.model_config["defer_build"]
