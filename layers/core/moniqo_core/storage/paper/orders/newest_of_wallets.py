"""The newest orders of several journals in one list.

Journals are read a few entries at a time, those first whose unread entries may be the newest. A journal is read no
further once the page is full of newer orders. So a page takes as much of any number of journals as it takes of one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.orders.list_queries import OrderPosition, OrderQuery
from moniqo_core.domain.orders.order import numbered_order_id
from moniqo_core.gather_bounded import gather_bounded
from moniqo_core.storage.document import Document
from moniqo_core.storage.paper.history import QUERIES_AT_ONCE, DemoHistory
from moniqo_core.storage.paper.orders.accepting_entries import FIELDS, ages_accepted_by, condition_of
from moniqo_core.storage.paper.orders.first_entries import first_at
from moniqo_core.storage.paper.orders.newest_entries import FEWEST, FIRST_WITH_ORDERS, MOST, next_size

BY_ID_AT_ONCE: Final = 100
BY_INDEX_AT_ONCE: Final = 16
"""Journals that one step reads. By id, a query reads many of them. By an index, each takes a query of its own."""
FEWEST_OF_EACH: Final = 4
"""The numbers of a journal that a read by id covers at least."""
FEWEST_FOUND: Final = 12
"""The entries of a journal that a read by an index returns at least, if it finds them."""
_TICK: Final = timedelta(milliseconds=1)
"""The resolution of stored times."""
_HIGHEST_NUMBER: Final = 2**53


async def newest_positions(
    history: DemoHistory, accounts: Collection[Account], asked: OrderQuery, after: OrderPosition | None
) -> list[OrderPosition]:
    """Return positions of the wanted orders below ``after``, highest first, up to the limit of ``asked``.

    The cursor of ``asked`` is not used.
    """
    if asked.client_order_id is not None:
        return await _named(history, accounts, asked, asked.client_order_id, after)
    wanted = _Wanted(accounts, asked, after)
    journals = await _journals(history, accounts, asked.until, after)
    equal = condition_of(asked)
    found: list[OrderPosition] = []
    size = FEWEST
    while True:
        missing = asked.limit - len(found)
        last = None if missing else found[-1]
        waiting = [journal for journal in journals if journal.may_continue(asked.since, last)]
        if not waiting:
            return found
        newest = sorted(waiting, key=_Journal.highest_unread, reverse=True)
        new = wanted.in_entries(await _next_entries(history, equal, newest, size, missing))
        size = next_size(size, len(new), max(missing - len(new), 1))
        found = sorted([*found, *new], reverse=True)[: asked.limit]


class _Journal:
    """A journal whose entries from ``below`` on were read. No wanted order before is newer than ``newest``."""

    def __init__(self, user_wallet_id: str, below: int, newest: datetime) -> None:
        self.user_wallet_id = user_wallet_id
        self.below = below
        self.newest = newest

    def highest_unread(self) -> OrderPosition:
        return OrderPosition(self.newest, self.user_wallet_id, self.below - 1, _HIGHEST_NUMBER)

    def may_continue(self, since: datetime | None, last: OrderPosition | None) -> bool:
        """Tell whether an unread order may be on a page that begins at ``since`` and so far ends with ``last``."""
        return (
            self.below > FIRST_WITH_ORDERS
            and (since is None or self.newest >= since)
            and (last is None or self.highest_unread() > last)
        )

    def next_numbers(self, size: int) -> range:
        return range(max(self.below - size, FIRST_WITH_ORDERS), self.below)

    def were_read(self, below: int, entries: Sequence[Document]) -> None:
        """Note that the entries from ``below`` on were read, and that these were found."""
        self.below = below
        self.newest = min([self.newest, *(entry["at"] for entry in entries)])


async def _journals(
    history: DemoHistory, accounts: Iterable[Account], until: datetime | None, after: OrderPosition | None
) -> list[_Journal]:
    """Return each journal up to the time at which the page begins."""
    ends = [end for end in (until, None if after is None else after.created_at + _TICK) if end is not None]
    if not ends:
        return [_Journal(account.user_wallet_id, account.seq + 1, account.at) for account in accounts]
    begin = min(ends)
    below = await first_at(history, (account for account in accounts if account.at >= begin), "at", begin)
    journals = []
    for account in accounts:
        wallet = account.user_wallet_id
        own = below.get(wallet, account.seq + 1)
        if after is not None and wallet == after.user_wallet_id:
            own = min(own, after.seq + 1)
        journals.append(_Journal(wallet, own, min(account.at, begin)))
    return journals


async def _next_entries(
    history: DemoHistory, equal: Mapping[str, str], newest: Sequence[_Journal], size: int, missing: int
) -> list[Document]:
    """Read the next entries of the first of these journals."""
    if equal or len(newest) == 1:
        return await _by_index(history, equal, newest[:BY_INDEX_AT_ONCE], size, missing)
    return await _by_id(history, newest[:BY_ID_AT_ONCE], size)


async def _by_id(history: DemoHistory, journals: Sequence[_Journal], size: int) -> list[Document]:
    """Read the next entries of these journals. ``size`` is the number of entries of all of them."""
    each = max(min(size, MOST) // len(journals), FEWEST_OF_EACH)
    numbers = {journal.user_wallet_id: journal.next_numbers(each) for journal in journals}
    entries = await history.at_seqs(numbers, FIELDS)
    of_each: dict[str, list[Document]] = {wallet: [] for wallet in numbers}
    for entry in entries:
        of_each[entry["user_wallet_id"]].append(entry)
    for journal in journals:
        journal.were_read(numbers[journal.user_wallet_id].start, of_each[journal.user_wallet_id])
    return entries


async def _by_index(
    history: DemoHistory, equal: Mapping[str, str], journals: Sequence[_Journal], size: int, missing: int
) -> list[Document]:
    """Read the next entries of each journal, or those with a value of an indexed field, among ``size`` numbers."""
    most = max(2 * missing // len(journals), FEWEST_FOUND)

    async def next_of(journal: _Journal) -> list[Document]:
        numbers = journal.next_numbers(size)
        own = await history.between(journal.user_wallet_id, numbers, equal, most, ("user_wallet_id", *FIELDS))
        journal.were_read(numbers.start if len(own) < most else own[-1]["seq"], own)
        return own

    return [entry for own in await gather_bounded(next_of, journals, QUERIES_AT_ONCE) for entry in own]


async def _named(
    history: DemoHistory,
    accounts: Iterable[Account],
    asked: OrderQuery,
    client_order_id: str,
    after: OrderPosition | None,
) -> list[OrderPosition]:
    """Return positions of the orders with a client order id. Each wallet has one request with it at most."""

    async def accepting(account: Account) -> Document | None:
        return await history.accepting(account.user_wallet_id, client_order_id, ("user_wallet_id", *FIELDS))

    accounts = list(accounts)
    entries = [entry for entry in await gather_bounded(accepting, accounts, QUERIES_AT_ONCE) if entry is not None]
    return sorted(_Wanted(accounts, asked, after).in_entries(entries), reverse=True)[: asked.limit]


class _Wanted:
    """Chooses the orders of a page."""

    def __init__(self, accounts: Iterable[Account], asked: OrderQuery, after: OrderPosition | None) -> None:
        self._open = {account.user_wallet_id: account.orders for account in accounts}
        self._asked = asked
        self._after = after

    def in_entries(self, entries: Iterable[Document]) -> list[OrderPosition]:
        """Return the positions of the wanted orders that these entries accepted."""
        positions = (
            OrderPosition(entry["at"], entry["user_wallet_id"], *age)
            for entry in entries
            for age in ages_accepted_by(entry, self._asked)
        )
        return [position for position in positions if self._admits(position)]

    def _admits(self, position: OrderPosition) -> bool:
        if self._after is not None and position >= self._after:
            return False
        is_open = numbered_order_id(position.seq, position.number) in self._open[position.user_wallet_id]
        return not (self._asked.only_open is False and is_open)
