"""One step of a rotation of the key ring. Secrets Manager calls this four times per rotation."""

from __future__ import annotations

from typing import Any

from moniqo_core import bootstrap, event_loop, observability
from moniqo_core.credentials.key_rotation import RotationError


def handler(event: dict[str, Any], context: object) -> None:
    """Do the step. After an exception Secrets Manager tries it again."""
    bootstrap.configure_logging()
    observability.begin(context)
    if event["SecretId"] != bootstrap.settings().need("key_secret_id"):
        raise RotationError("This function rotates only the key ring.")
    step, token = event["Step"], event["ClientRequestToken"]
    event_loop.run(bootstrap.key_rotation().run(step, token))
    observability.info("key rotation", step=step, rotation=token)
