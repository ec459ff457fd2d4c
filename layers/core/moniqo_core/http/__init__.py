"""The HTTP edge: from API Gateway events to services and back.

Every cold start imports this package. So three settings come before the import of FastAPI, and make this import faster.
None of them changes the answer to a request.
"""

import gc
import os

from pydantic import BaseModel

# No plugin of pydantic is installed. Without this it opens the metadata of every package of the layers and the runtime
# to look for one. An operator who sets the variable to the name of a plugin disables only that plugin.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

# Importing creates 100,000 objects and no garbage. Collecting after every 700 of them would cost 40 ms. A function that
# has started collects more often, see :func:`moniqo_core.http.app.lambda_handler`.
gc.set_threshold(500_000, 20, 100)

# FastAPI has a model for each part of an OpenAPI document. They are built with the first document, not at import.
BaseModel.model_config["defer_build"] = True
try:
    import fastapi.openapi.models  # noqa: F401
finally:
    del BaseModel.model_config["defer_build"]
