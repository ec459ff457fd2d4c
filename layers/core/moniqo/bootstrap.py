"""The composition root: every object of the service is made here, once, on first use. Nothing happens at import."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from moniqo import observability
from moniqo.config import Settings
from moniqo.domain.errors import TemporarilyUnavailableError

if TYPE_CHECKING:
    from pymongo.asynchronous.database import AsyncDatabase

    from moniqo.services.definitions import Definitions
    from moniqo.services.login import Login


@cache
def settings() -> Settings:
    """The settings of this execution environment."""
    return Settings.from_environment(os.environ)


def configure_logging() -> None:
    """Send log lines through the redacting formatter."""
    observability.configure(settings().service_name, settings().log_level)


def read_secret(secret_id: str) -> str:
    """Fetch the current value of a secret; callers keep it as long as they may."""
    import boto3

    answer = boto3.client("secretsmanager").get_secret_value(SecretId=secret_id)
    return str(answer["SecretString"])


@cache
def database() -> AsyncDatabase[dict[str, Any]]:
    """The database; its client belongs to the loop of :mod:`moniqo.event_loop`."""
    from moniqo.storage.client import connect, url_from_secret

    chosen = settings()
    url = chosen.mongodb_url or url_from_secret(read_secret(chosen.need("mongodb_secret_id")))
    return connect(url, chosen.mongodb_database)


async def check_database() -> None:
    """Ask the database for its version.

    Raises:
        TemporarilyUnavailableError: it is too old for this service.

    """
    from moniqo.storage.client import UnsupportedServerError, server_version

    try:
        await server_version(database())
    except UnsupportedServerError as error:
        raise TemporarilyUnavailableError(str(error), retry_after=60) from error


@cache
def definitions() -> Definitions:
    """The catalogue of wallet definitions."""
    from moniqo.services.definitions import Definitions
    from moniqo.storage.definitions import DefinitionStore

    return Definitions(DefinitionStore(database()))


@cache
def login() -> Login:
    """Logging in against the identity provider."""
    from moniqo.services.login import Login
    from moniqo.storage.login_attempts import LoginAttempts

    import boto3

    return Login(boto3.client("cognito-idp"), settings().need("jwt_client_id"), LoginAttempts(database()))
