"""Bulk writes that are repeated until their outcome is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from pymongo import AsyncMongoClient
from pymongo.errors import ClientBulkWriteException, ServerSelectionTimeoutError

from moniqo_core.domain.errors import TemporarilyUnavailableError
from moniqo_core.storage.client import DatabaseError, is_outage
from moniqo_core.storage.document import Document

SENDS: Final = 3
"""How often one write is sent before its outcome counts as unknown. The driver sends it up to twice each time."""


class Duplicate(NamedTuple):
    """A write that a unique index rejected: its place in the bulk write, and the key pattern of the index."""

    place: int
    key: Mapping[str, object]


async def send_until_answered(client: AsyncMongoClient[Document], models: Sequence[Any]) -> Duplicate | None:
    """Send one ordered bulk write, and repeat it until there is an answer.

    A lost answer says nothing about the write, which may even still arrive. So exactly the same write is sent again,
    never a new decision. Of two documents with the same ``_id``, only the first to arrive is stored.

    Returns:
        The write that a unique index rejected, or None if all were written.

    Raises:
        TemporarilyUnavailableError: the outcome is unknown.

    """
    lost: Exception | None = None
    for _ in range(SENDS):
        try:
            await client.bulk_write(models, ordered=True)
        except ClientBulkWriteException as error:
            duplicate = duplicate_of(error)
            if duplicate is not None:
                return duplicate
            if not is_outage(error):
                raise
            lost = error
        except ServerSelectionTimeoutError as error:
            lost = error
            break
        except DatabaseError as error:
            if not is_outage(error):
                raise
            lost = error
        else:
            return None
    raise TemporarilyUnavailableError("The database did not answer.", retry_after=2) from lost


def duplicate_of(error: ClientBulkWriteException) -> Duplicate | None:
    """Return the write that a unique index rejected, or None if the bulk write failed otherwise."""
    # The driver's annotation is wrong: these are the server's documents.
    for failure in cast("list[Mapping[str, Any]]", error.write_errors or []):
        if failure.get("code") == 11000:  # noqa: PLR2004
            return Duplicate(failure["idx"], failure.get("keyPattern") or {"_id": 1})
    return None
