"""Searches journals for the entries at which a time begins, in two or three reads whatever the length of a journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from moniqo_core.domain.ledger.account import Account
from moniqo_core.storage.document import Document
from moniqo_core.storage.paper.history import DemoHistory

_CLOSE: Final = 100
"""A search ends when it has found the entry up to this many numbers. A list reads twice as many at least."""
_PARTS: Final = 12
"""Even parts into which a step divides what is left, however unevenly the entries are spread over time."""
_NEAREST: Final = 40
"""The distance of the first probes on both sides of the guess. Each further one is twice as far away."""


async def first_at(history: DemoHistory, accounts: Iterable[Account], field: str, moment: datetime) -> dict[str, int]:
    """Return for each wallet the number of an entry from which on a time never falls below ``moment``.

    ``field`` names a time that rises from entry to entry. The number is that of the first such entry, or up to
    :data:`_CLOSE` higher. It is the number after the newest entry if there is no such entry. Each step reads
    the entries of all wallets at once.
    """
    searches = {account.user_wallet_id: _Search(account) for account in accounts}
    while probed := {wallet: one.probes(moment) for wallet, one in searches.items() if not one.is_close}:
        read: dict[str, dict[int, Document]] = {wallet: {} for wallet in probed}
        for entry in await history.at_seqs(probed, ("at", field)):
            read[entry["user_wallet_id"]][entry["seq"]] = entry
        for wallet, probes in probed.items():
            reached = {seq for seq, entry in read[wallet].items() if entry[field] and entry[field] >= moment}
            searches[wallet].narrow(probes, reached, {seq: entry["at"] for seq, entry in read[wallet].items()})
    return {wallet: one.high for wallet, one in searches.items()}


class _Search:
    """The numbers between which the entry is, and the times of the entries there."""

    def __init__(self, account: Account) -> None:
        self.high = account.seq + 1
        self._low = 0
        self._since: datetime | None = None
        self._until = account.at

    @property
    def is_close(self) -> bool:
        return self.high - self._low <= _CLOSE

    def probes(self, moment: datetime) -> set[int]:
        """Return the numbers to read next: the first one, then those near a guess and some far from it."""
        if self._since is None:
            return {1}
        span = self.high - self._low
        guess = self._low + round(span * _share(self._since, moment, self._until))
        found = {guess, *(self._low + span * part // _PARTS for part in range(1, _PARTS))}
        distance = _NEAREST
        while distance < span:
            found |= {guess - distance, guess + distance}
            distance *= 2
        return {seq for seq in found if self._low < seq < self.high}

    def narrow(self, probes: Iterable[int], reached: Iterable[int], times: Mapping[int, datetime]) -> None:
        """Go on between the last probe before the moment and the first one that has ``reached`` it."""
        high = min(reached, default=self.high)
        if high < self.high:
            self.high, self._until = high, times[high]
        low = max((seq for seq in probes if seq < self.high), default=self._low)
        if low > self._low:
            self._low, self._since = low, times.get(low, self._since)


def _share(since: datetime, moment: datetime, until: datetime) -> float:
    """Return which part of the entries between two times is before ``moment``, if they are spread evenly."""
    return min(max((moment - since) / (until - since), 0.0), 1.0) if since < until else 0.5
