"""Configuration of a wallet at an exchange, in addition to its credentials."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, cast

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.portfolio.equity_curve import EquityPoint
from moniqo_core.domain.wallets.lifecycle_commands import LifecycleCommand
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.wallets.config_entries import check_names, function, instance
from moniqo_core.wallets.exchange.fill_history import ReadKept

UsdRate = Callable[[str], Awaitable[Decimal]]
"""Returns US dollars per unit of a token that follows the dollar."""

RecordLifecycleChange = Callable[[LifecycleCommand, Mapping[str, object]], Awaitable[None]]
"""Writes a change of a wallet's lifecycle together with fields of its user wallet."""

ReadEquity = Callable[[datetime, datetime], Awaitable[Sequence[EquityPoint]]]
"""Reads stored equity of a wallet between two times, and the last point before them."""

_OWNER: Final = "ExchangeWallet"


@dataclass(frozen=True, slots=True)
class ExchangeConfig:
    """Configuration of an :class:`moniqo_core.wallets.exchange.wallet.ExchangeWallet`.

    A script needs only ``connection``. The other entries read or write what a deployment stores of a wallet.
    """

    connection: VenueConnection
    """The connection to the venue. It outlives the wallet, and its owner closes it."""

    clock: Clock = utc_now
    """Returns the current time in UTC."""

    usd_rate: UsdRate | None = None
    """Prices dollar tokens that the venue does not list against the dollar. With None they have no price."""

    record: RecordLifecycleChange | None = None
    """Stores a change of the wallet's lifecycle. With None such changes are refused."""

    kept_fills: ReadKept | None = None
    """Reads stored fills of our own orders. None means that no orders are stored."""

    kept_equity: ReadEquity | None = None
    """Reads the equity that syncs stored. None means that the wallet is not synced."""

    unopened: WalletError | None = None
    """The error of decrypting the stored credentials. Every call that needs them raises it."""

    @classmethod
    def from_mapping(cls, entries: Mapping[str, object]) -> ExchangeConfig:
        """Read a mapping with these names.

        Raises:
            ValueError: ``connection`` is missing, or a name is not known.
            TypeError: an entry is of the wrong type.

        """
        check_names(_OWNER, entries, frozenset(cls.__slots__), frozenset({"connection"}))
        connection = instance(_OWNER, entries, "connection", VenueConnection)
        if connection is None:
            raise TypeError(f"connection in the config of {_OWNER} must be VenueConnection, not NoneType")
        return cls(
            connection=connection,
            clock=cast("Clock", function(_OWNER, entries, "clock") or utc_now),
            usd_rate=cast("UsdRate | None", function(_OWNER, entries, "usd_rate")),
            record=cast("RecordLifecycleChange | None", function(_OWNER, entries, "record")),
            kept_fills=cast("ReadKept | None", function(_OWNER, entries, "kept_fills")),
            kept_equity=cast("ReadEquity | None", function(_OWNER, entries, "kept_equity")),
            unopened=instance(_OWNER, entries, "unopened", WalletError),
        )
