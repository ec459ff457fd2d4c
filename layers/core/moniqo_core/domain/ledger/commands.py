"""What can be asked of a demo wallet. Each command becomes one entry of its ledger."""

from __future__ import annotations

from dataclasses import dataclass

from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.wallets.changes import Close, SetLimits, SetStatus


@dataclass(frozen=True, slots=True)
class Open:
    """Open the account, or fork it from another's ledger; the terms stand in the account itself."""

    forked_from: str | None = None


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """Sell everything held of a symbol at market; open sells of the symbol are cancelled first."""

    symbol: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Start again with the starting balance, in a new epoch; the history stays. A repeated ``key`` does it once."""

    key: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel one order."""

    order_id: str


@dataclass(frozen=True, slots=True)
class CancelAll:
    """Cancel every open order, or those of one symbol."""

    symbol: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Remember how far the market was looked at; what filled on the way is part of the entry."""


Command = Open | OrderRequest | ClosePosition | Reset | Cancel | CancelAll | Mark | SetStatus | SetLimits | Close
