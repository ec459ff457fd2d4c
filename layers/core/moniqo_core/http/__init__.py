"""The HTTP edge: from API Gateway events to services and back.

Everything here is imported at every cold start, so two settings come before FastAPI, which take a quarter off it. They
change when work is done, not what is done.
"""

import gc

from pydantic import BaseModel

# Importing makes 100,000 objects and no garbage: looking for it after every 700 costs 40 ms.
gc.set_threshold(50_000, 20, 100)

# FastAPI has a model for each part of an OpenAPI document; they are built when a document is, not before.
BaseModel.model_config["defer_build"] = True
try:
    import fastapi.openapi.models  # noqa: F401
finally:
    del BaseModel.model_config["defer_build"]
