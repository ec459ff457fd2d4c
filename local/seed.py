"""Runs the migrations that the service requires on the database. Repeating it changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError

from local.errors import LocalError


async def seed(url: str, database: str, starting: Callable[[], bool], say: Callable[[str], None]) -> None:
    """Migrate ``database`` at ``url``. Wait for the server while it is ``starting``. ``LocalError`` if that fails.

    ``say`` gets a line for every few seconds that it takes.
    """
    from moniqo_core.migrations.listed import REQUIRED
    from moniqo_core.migrations.run import migrate
    from moniqo_core.storage.client import UnsupportedServerError, connect, server_version

    try:
        db = connect(url, database)
    except (ConfigurationError, InvalidURI, ValueError):
        raise LocalError("MONGODB_URL is not a MongoDB connection string.") from None
    try:
        await _wait(lambda: server_version(db), url, starting)
        async for _ in migrate(db, lambda text: say(f"  the database: {text}"), REQUIRED):
            pass
    except UnsupportedServerError as error:
        raise LocalError(f"{error}.") from None
    except PyMongoError as error:
        raise LocalError(f"the database at {_address(url)} could not be migrated: {type(error).__name__}.") from None
    finally:
        await db.client.close()


async def _wait(ask: Callable[[], object], url: str, starting: Callable[[], bool]) -> None:
    while True:
        try:
            await ask()  # type: ignore[misc]
        except PyMongoError:
            if not starting():
                raise LocalError(f"no database answers at {_address(url)}.") from None
            await asyncio.sleep(0.05)
        else:
            return


def _address(url: str) -> str:
    """Return the host part of a connection string, which contains no password."""
    return urlsplit(url).netloc.rpartition("@")[2]
