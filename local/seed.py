"""Puts indexes and wallet definitions into the database; repeating it changes nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError

from local.errors import LocalError

_WAIT_SECONDS: Final = 30.0


async def seed(url: str, database: str, alive: Callable[[], bool]) -> None:
    """Wait for the server at ``url`` while ``alive``, then seed ``database``; ``LocalError`` if that cannot be done."""
    from moniqo.storage.client import UnsupportedServerError, connect, server_version
    from moniqo.storage.indexes import ensure_indexes
    from moniqo.storage.seeds import seed_definitions

    try:
        db = connect(url, database)
    except (ConfigurationError, InvalidURI, ValueError):
        raise LocalError("MONGODB_URL is not a MongoDB connection string.") from None
    try:
        await _wait(lambda: server_version(db), url, alive)
        await ensure_indexes(db)
        await seed_definitions(db)
    except UnsupportedServerError as error:
        raise LocalError(f"{error}.") from None
    except PyMongoError as error:
        raise LocalError(f"the database at {_address(url)} refused to be seeded: {type(error).__name__}.") from None
    finally:
        await db.client.close()


async def _wait(ask: Callable[[], object], url: str, alive: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            await ask()  # type: ignore[misc]
        except PyMongoError:
            if not alive() or time.monotonic() > deadline:
                raise LocalError(f"no database answers at {_address(url)}.") from None
            await asyncio.sleep(0.05)
        else:
            return


def _address(url: str) -> str:
    """Return the host part of a connection string, without what may be a password."""
    return urlsplit(url).netloc.rpartition("@")[2]
