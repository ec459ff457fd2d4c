"""Closing every position of a wallet: one order for each symbol. One that fails does not stop the others."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

from moniqo_core.domain.errors import (
    LiveTradingOffError,
    TemporarilyUnavailableError,
    WalletError,
    WalletPausedError,
    WalletSuspendedError,
)
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import ClosePosition

SECONDS_TO_BEGIN: Final = 15.0
"""How long after the start of a request the last position may begin to be closed. A request has 29 seconds."""

_OF_THE_WALLET: Final = (WalletPausedError, WalletSuspendedError, LiveTradingOffError)
"""Refusals that hold for every position of the wallet."""


class ClosedPositions(NamedTuple):
    """The sell orders by symbol, and the symbols that could not be closed with their errors."""

    items: Sequence[OrderRecord]
    failed: Sequence[tuple[str, WalletError]]

    @property
    def replayed(self) -> bool:
        """Whether an earlier request placed every order, and nothing was left to do."""
        return bool(self.items) and not self.failed and all(sold.replayed for sold in self.items)


def under(key: str, symbol: str) -> str:
    """Return the client order id of the order that closes the position in a symbol, in a request with this key."""
    return f"{key}:{symbol}"


def closing(symbol: str, key: str | None) -> ClosePosition:
    """Return the command that closes a symbol in a request with this key."""
    return ClosePosition(symbol, None if key is None else under(key, symbol))


def symbols_under(key: str, accepted: Mapping[str, str | None]) -> set[str]:
    """Return the symbols whose positions an earlier request with this key closed.

    ``accepted`` has the hash of each accepted request whose client order id begins with the key. The hash tells those
    of an earlier request from orders that the client placed under a similar id, or closed with a longer key.
    """
    symbols = (client_order_id.removeprefix(under(key, "")) for client_order_id in accepted)
    return {symbol for symbol in symbols if accepted[under(key, symbol)] == closing(symbol, key).body_hash()}


async def close_each(symbols: Sequence[str], close: Callable[[str], Awaitable[OrderRecord]]) -> ClosedPositions:
    """Close one position after the other. Those that could not begin in time are named as failed.

    Raises:
        WalletPausedError, WalletSuspendedError, LiveTradingOffError: the wallet sells nothing, so nothing was closed.

    """
    began = time.monotonic()
    items: list[OrderRecord] = []
    failed: list[tuple[str, WalletError]] = []
    for symbol in symbols:
        try:
            if time.monotonic() - began > SECONDS_TO_BEGIN:
                raise TemporarilyUnavailableError("The other positions took too long.", hint=_AGAIN)
            items.append(await close(symbol))
        except WalletError as error:
            failed.append((symbol, error))
    if not items and failed and all(isinstance(error, _OF_THE_WALLET) for _, error in failed):
        raise failed[0][1]
    return ClosedPositions(items, failed)


_AGAIN: Final = "Send POST /wallets/{id}/positions/close-all again, with the same Idempotency-Key if it had one."
