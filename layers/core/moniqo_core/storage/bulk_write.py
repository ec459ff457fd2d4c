"""Sending one bulk write until it is known whether it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from pymongo import AsyncMongoClient
from pymongo.errors import ClientBulkWriteException, ConnectionFailure, ServerSelectionTimeoutError

from moniqo_core.domain.errors import TemporarilyUnavailableError
from moniqo_core.storage.client import is_outage
from moniqo_core.storage.document import Document

SENDS: Final = 3
"""How often one write is sent before its outcome counts as unknown; the driver sends it twice each time."""


async def send_until_answered(client: AsyncMongoClient[Document], models: Sequence[Any]) -> Mapping[str, object] | None:
    """Write in order, and return the key of the unique index that was in the way, None when nothing was.

    A lost answer says nothing about its write, which may even be on its way still. Therefore the very same write is
    sent again, never another decision: of documents with one ``_id`` one stands, whichever arrives first.

    Raises:
        TemporarilyUnavailableError: the outcome could not be learned.

    """
    lost: Exception | None = None
    for _ in range(SENDS):
        try:
            await client.bulk_write(models, ordered=True)
        except ClientBulkWriteException as error:
            key = duplicate_key(error)
            if key is not None:
                return key
            if not is_outage(error):
                raise
            lost = error
        except ServerSelectionTimeoutError as error:
            lost = error
            break
        except ConnectionFailure as error:
            lost = error
        else:
            return None
    raise TemporarilyUnavailableError("The database did not answer.", retry_after=2) from lost


def duplicate_key(error: ClientBulkWriteException) -> Mapping[str, object] | None:
    """Key pattern of the unique index a bulk write ran into, None when it failed for another reason."""
    # The driver gives the server's documents here, whatever its annotation says.
    for failure in cast("list[Mapping[str, Any]]", error.write_errors or []):
        if failure.get("code") == 11000:  # noqa: PLR2004
            pattern: Mapping[str, object] = failure.get("keyPattern") or {"_id": 1}
            return pattern
    return None
