"""The factory of the database connection, and checks of that connection."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from moniqo_core import bootstrap
from moniqo_core.domain.errors import TemporarilyUnavailableError

if TYPE_CHECKING:
    from moniqo_core.storage.document import Database
    from moniqo_core.storage.write_probe import WriteProbe


@cache
def database() -> Database:
    """Return the database. Its client belongs to the loop of :mod:`moniqo_core.event_loop`.

    Raises:
        TemporarilyUnavailableError: the connection string is not valid.

    """
    from moniqo_core.storage.client import UNUSABLE_ADDRESS, connect

    try:
        return connect(_database_url(), bootstrap.settings().mongodb_database)
    except UNUSABLE_ADDRESS:
        # The text of the error may contain a password, so it is not quoted.
        raise TemporarilyUnavailableError("The database's connection string is not valid.", retry_after=60) from None


def _database_url() -> str:
    chosen = bootstrap.settings()
    if chosen.mongodb_url:
        return chosen.mongodb_url
    from moniqo_core.secret_reader import read_secret
    from moniqo_core.storage.client import url_from_secret

    return url_from_secret(read_secret(chosen.need("mongodb_secret_id"), os.environ))


def is_outage(error: BaseException) -> bool:
    """Tell whether the database failed, not the request, so that the same call may succeed later."""
    from moniqo_core.storage import client

    return client.is_outage(error)


@cache
def write_probe() -> WriteProbe:
    """Return the probe of this execution environment. It remembers its last good write."""
    from moniqo_core.storage.write_probe import WriteProbe

    return WriteProbe(bootstrap.database())


async def check_database() -> None:
    """Read the version of the database and write to it, which proves that it can store an order.

    A write that succeeded within the last 10 seconds is not repeated.

    Raises:
        TemporarilyUnavailableError: the database is too old for this service.

    """
    from moniqo_core.storage.client import UnsupportedServerError, server_version

    try:
        await server_version(bootstrap.database())
        await bootstrap.write_probe().run()
    except UnsupportedServerError as error:
        raise TemporarilyUnavailableError(str(error), retry_after=60) from error
