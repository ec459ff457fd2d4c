"""The factory of the service in :mod:`moniqo_core.services.login`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from moniqo_core import bootstrap

if TYPE_CHECKING:
    from moniqo_core.services.login import Login


@cache
def login() -> Login:
    """Return the service that logs users in at the identity provider."""
    import boto3
    from botocore.config import Config

    from moniqo_core.services.login import WINDOW, Login
    from moniqo_core.storage.rate_counters import RateCounters

    patience = Config(connect_timeout=3, read_timeout=8, retries={"total_max_attempts": 2})
    cognito = boto3.client("cognito-idp", config=patience)
    settings, attempts = bootstrap.settings(), RateCounters(bootstrap.database(), WINDOW)
    return Login(cognito, settings.need("user_pool_id"), settings.need("jwt_client_id"), attempts)
