"""The connection to MongoDB."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from moniqo_core import bootstrap
from moniqo_core.domain.errors import TemporarilyUnavailableError

if TYPE_CHECKING:
    from moniqo_core.storage.document import Database


@cache
def database() -> Database:
    """The database; its client belongs to the loop of :mod:`moniqo_core.event_loop`."""
    from moniqo_core.storage.client import UNUSABLE_ADDRESS, connect

    try:
        return connect(_database_url(), bootstrap.settings().mongodb_database)
    except UNUSABLE_ADDRESS:
        # The text may hold a password: it is not quoted.
        raise TemporarilyUnavailableError("The address of the database cannot be read.", retry_after=60) from None


def _database_url() -> str:
    chosen = bootstrap.settings()
    if chosen.mongodb_url:
        return chosen.mongodb_url
    from moniqo_core.secret_reader import read_secret
    from moniqo_core.storage.client import url_from_secret

    return url_from_secret(read_secret(chosen.need("mongodb_secret_id"), os.environ))


def preload() -> None:
    """Import the driver of the database without connecting.

    Functions that answer HTTP call this while they start: a start has a whole CPU, and a snapshot keeps what it did.
    """
    import moniqo_core.storage.client  # noqa: F401


def is_outage(error: BaseException) -> bool:
    """Tell whether the database, not the request, is to blame and the same call may succeed later."""
    from moniqo_core.storage import client

    return client.is_outage(error)


async def check_database() -> None:
    """Ask the database for its version.

    Raises:
        TemporarilyUnavailableError: it is too old for this service.

    """
    from moniqo_core.storage.client import UnsupportedServerError, server_version

    try:
        await server_version(bootstrap.database())
    except UnsupportedServerError as error:
        raise TemporarilyUnavailableError(str(error), retry_after=60) from error
