"""Send the writes of a commit to a journal, together with the count of its command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pymongo import AsyncMongoClient

from moniqo_core.storage.bulk_write import Duplicate, send_until_answered
from moniqo_core.storage.document import Document
from moniqo_core.storage.rate_counters import Count


async def send_commit(
    client: AsyncMongoClient[Document],
    models: Sequence[Any],
    commit_id: str,
    is_mine: Callable[[], Awaitable[bool]],
    count: Count | None,
) -> Duplicate | None:
    """Send the writes of a commit, after the count of its command if that is not taken yet.

    Args:
        client: The client of the database.
        models: The writes. The first one inserts the entry.
        commit_id: Identifies this attempt.
        is_mine: Tells whether the entry with the number of this commit is from this attempt.
        count: Counts the command. At its limit nothing is written, and ``count.is_refused`` is set.

    Returns:
        The write that a unique index rejected, by its place in ``models``. None if all were written.

    Raises:
        TemporarilyUnavailableError: the outcome is unknown.

    """
    if count is None or count.is_taken:
        return await send_until_answered(client, models)
    duplicate = await send_until_answered(client, [count.write(commit_id), *models])
    if duplicate is None or duplicate.place > 0:
        count.note(taken=True)
        return None if duplicate is None else duplicate._replace(place=duplicate.place - 1)
    # The limit is reached, unless this write was sent twice or another one began the window at once.
    if await is_mine():
        count.note(taken=True)
        return duplicate
    if not await count.take_after_duplicate(commit_id):
        return duplicate
    return await send_until_answered(client, models)
